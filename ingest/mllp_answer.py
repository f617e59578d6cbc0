"""What a sender is answered: AA, or AE with an ERR for each part of its message that was refused.

In: a message as it was read, and what was refused of it. Out: the ACK's bytes. Pure. ERR-2 is segment^its place among its kind in the
message^field. Source: HL7 2.6 chapter 2 (ERR; table 0357).
"""

from collections.abc import Sequence

from ingest.gather import Refused
from ingest.hl7 import Oru
from ingest.mllp import Error, ack
from vitals.refusal import Reason

NOT_IN_TABLE = "103"
CODES = {Reason.MALFORMED: "102", Reason.UNKNOWN_VITAL: NOT_IN_TABLE, Reason.BAD_UNIT: NOT_IN_TABLE, Reason.BAD_TIME: "102"}
"""Reason -> HL7 table 0357; all others are 207, application error."""


def answer_of(oru: Oru, refused: Sequence[Refused], now_text: str) -> bytes:
    """The ACK. `Refused.message`: the place in `oru.samples`, and behind them in `oru.unread`; `now_text`: an HL7 time."""
    errors = [_error(oru, r) for r in refused]
    return ack("AE" if errors else "AA", oru.sender, oru.control_id, oru.version, now_text, errors)


def _error(oru: Oru, r: Refused) -> Error:
    said = f"{r.refusal.reason}: {r.refusal.detail}"
    if r.message >= len(oru.samples):
        return Error(oru.unread[r.message - len(oru.samples)].place, NOT_IN_TABLE, said)
    row = oru.samples[r.message].rows.get(r.refusal.vital or "", "1")
    return Error(f"OBX^{row}^{5 if r.refusal.vital else 3}", CODES.get(r.refusal.reason, "207"), said)
