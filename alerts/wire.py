"""Bytes from Kafka to findings and commands, or a named reason why not; alerts to bytes.

Refused (counted by `alerts.worker`): `malformed` is not of the schema; `bad_time` has a time outside the years 1970 to 5138.
"""

import msgspec

from vitals.alert import Alert, Command
from vitals.finding import Finding

LATEST_MS = 10**14
_FINDING = msgspec.json.Decoder(Finding)
_COMMAND = msgspec.json.Decoder(Command)
_ALERT = msgspec.json.Encoder()
ALERT_SCHEMA = b"vigil.alert.v1"


def finding(raw: bytes) -> Finding | str:
    """The finding, or the reason."""
    try:
        got = _FINDING.decode(_storable(raw))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return "malformed"
    times = (got.started_at, got.at, got.received_at, got.detected_at, got.ended_at or 0)
    return got if all(0 <= t < LATEST_MS for t in times) else "bad_time"


def command(raw: bytes) -> Command | str:
    """The command, or the reason."""
    try:
        got = _COMMAND.decode(_storable(raw))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return "malformed"
    return got if all(0 <= t < LATEST_MS for t in (got.at, got.until or 0)) else "bad_time"


def alert(got: Alert) -> bytes:
    """The record of `vitals.alerts`."""
    return _ALERT.encode(got)


def _storable(raw: bytes) -> bytes:
    return raw.replace(b"\\u0000", b"\\ufffd")  # PostgreSQL keeps no NUL in a text
