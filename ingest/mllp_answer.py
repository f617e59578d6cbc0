"""What a sender is answered: AA, or AE with an ERR for each part of its message that was refused.

In: a message as it was read, and what was refused of it. Out: the ACK's bytes. Pure. ERR-2 is segment^its place among its kind in the
message^field. Source: HL7 2.6 chapter 2 (ERR; table 0357).
"""

from collections.abc import Iterator, Sequence

from ingest.gather import Refused
from ingest.hl7 import Oru
from ingest.mllp import Error, ack
from ingest.spoken import Row
from vitals.refusal import Reason

NOT_IN_TABLE = "103"
CODES = {Reason.MALFORMED: "102", Reason.UNKNOWN_VITAL: NOT_IN_TABLE, Reason.BAD_UNIT: NOT_IN_TABLE, Reason.BAD_TIME: "102"}
"""Reason -> HL7 table 0357; all others are 207, application error."""
FIELDS = {Reason.UNKNOWN_VITAL: 3, Reason.BAD_UNIT: 6}
"""What is wrong with one vital -> the field of its OBX that says it; all else is about the value, OBX-5."""
TIMES = (Reason.BAD_TIME, Reason.FROM_THE_FUTURE)
DEVICES = (Reason.UNKNOWN_DEVICE, Reason.UNASSIGNED_DEVICE, Reason.MALFORMED, Reason.TOO_LARGE)
"""What is wrong with a whole sample: its time; or its device, of which `malformed` is an id that cannot be one, `too_large` that it says
too much."""


def answer_of(oru: Oru, refused: Sequence[Refused], now_text: str) -> bytes:
    """The ACK. `Refused.message`: the place in `oru.samples`, and behind them in `oru.unread`; `now_text`: an HL7 time."""
    errors = dict.fromkeys(error for r in refused for error in _errors(oru, r))  # a header's fault is every row's, and is said once
    return ack("AE" if errors else "AA", oru.sender, oru.control_id, oru.version, now_text, tuple(errors))


def _errors(oru: Oru, r: Refused) -> Iterator[Error]:
    """One for each row that is at fault."""
    reason, vital, said = r.refusal.reason, r.refusal.vital, f"{r.refusal.reason}: {r.refusal.detail}"
    if r.message >= len(oru.samples):
        yield Error(f"{oru.unread[r.message - len(oru.samples)].row.place}^11", NOT_IN_TABLE, said)
    elif vital is not None:
        yield Error(f"{oru.samples[r.message].rows[vital]}^{FIELDS.get(reason, 5)}", CODES.get(reason, "207"), said)
    else:
        for row in oru.samples[r.message].sources:
            yield Error(_whole(reason, row), CODES.get(reason, "207"), said)


def _whole(reason: Reason, row: Row) -> str:
    """Where a row says what is wrong with its whole sample."""
    if reason in TIMES:
        return row.time
    return row.device if reason in DEVICES else f"{row.place}^3"
