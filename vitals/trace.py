"""W3C trace context: the `traceparent` header that every Kafka record carries (W3C Recommendation, 2021)."""

import re

_FORM = re.compile(rb"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


def traceparent(entropy: bytes) -> bytes:
    """A new trace of 24 random bytes: 16 for the trace, 8 for the span; sampled."""
    return b"00-%s-%s-01" % (entropy[:16].hex().encode(), entropy[16:24].hex().encode())


def continued(parent: bytes | None, entropy: bytes) -> bytes:
    """The same trace with a new span; a new trace where `parent` is missing or not of the form."""
    if parent is None or not _FORM.fullmatch(parent):
        return traceparent(entropy)
    return b"%s%s-01" % (parent[:36], entropy[16:24].hex().encode())
