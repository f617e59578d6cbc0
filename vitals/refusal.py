"""Why something from a device cannot be used: a fixed list of reasons, and the record of `vitals.refused`.

In: what a door could not use. Out: a `Refusal`, kept with its original bytes, counted by reason and told to the device.
"""

import hashlib
from enum import StrEnum

import msgspec


class Reason(StrEnum):
    """CONTRACT.md section 2; the only reasons there are."""

    MALFORMED = "malformed"
    UNKNOWN_DEVICE = "unknown_device"
    UNASSIGNED_DEVICE = "unassigned_device"
    UNKNOWN_VITAL = "unknown_vital"
    BAD_UNIT = "bad_unit"
    IMPLAUSIBLE = "implausible"
    BAD_TIME = "bad_time"
    FROM_THE_FUTURE = "from_the_future"
    TOO_LARGE = "too_large"
    DUPLICATE = "duplicate"


class Refusal(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One record of `vitals.refused` (JSON; key: the device id).

    `payload` is the original message (base64 on the wire), whole even when a part was refused; `vital` names the part. Of an HL7 message
    with more refusals than copies of it can be kept, it is the header and the rows of the sample (`ingest.hl7_kept`).
    `door` is where it came in (mqtt, mllp, fhir, archive); `source` the MQTT topic or the peer. `received_at` in ms.
    """

    reason: Reason
    detail: str
    door: str
    source: str
    received_at: int
    payload: bytes
    device: str | None = None
    seq: int | None = None
    vital: str | None = None
    observed_at: int | None = None

    def identity(self) -> str:
        """The same refusal of the same bytes has the same id, however often it comes."""
        parts = (self.reason, self.device or "", str(self.seq), self.vital or "", self.source)
        return hashlib.sha256("\0".join(parts).encode() + b"\0" + self.payload).hexdigest()[:32]
