"""How far a reader has come: a vector of Kafka offsets, so that any instance of the live feed understands it.

In: offsets as they are consumed. Out: an opaque text for the reader, and back. Promise: whatever lies at or after the cursor's offsets
is what its holder has not been told; `audience` ties it to one subscription, `epoch` to one Kafka. A text that is not a cursor, or
one of another Kafka, is None: the reader then gets a fresh picture. `at` (ms) is for what has no offset: values that went stale.
"""

import base64
import binascii

import msgspec

KINDS = ("readings", "scores", "alerts", "links", "patients")


class Cursor(msgspec.Struct, frozen=True, array_like=True):
    """Next offset of each kind and partition: `offsets[KINDS.index(kind)][partition]`."""

    epoch: str
    audience: str
    at: int
    offsets: tuple[tuple[int, ...], ...]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Cursor)


def write(cursor: Cursor) -> str:
    """URL-safe text without padding."""
    return base64.urlsafe_b64encode(_encoder.encode(cursor)).rstrip(b"=").decode()


def read(text: str) -> Cursor | None:
    """The cursor in `text`; None for anything else."""
    try:
        cursor = _decoder.decode(base64.b64decode(text.encode() + b"=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, msgspec.MsgspecError, ValueError):
        return None
    return cursor if len(cursor.offsets) == len(KINDS) else None
