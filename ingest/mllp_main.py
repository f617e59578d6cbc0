"""`python -m ingest.mllp_main`: HL7 v2 ORU^R01 over MLLP on VIGIL_MLLP_PORT.

In: ORU messages, the directory. Out: `readings`, `refused`; ACKs, of which `ingest.mllp` says what they mean. Promise: ARCHITECTURE.md,
Processes.
"""

import os
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from ingest.door_app import Door, DoorSettings, log, run
from ingest.gather import Message
from ingest.hl7 import Oru, Reject, read
from ingest.intake import Intake
from ingest.mllp import Error, ack, rejected, serve
from ingest.route import vitals_topic
from ingest.translate import Translated
from ingest.wire import Fault
from vitals.refusal import Reason
from vitals.settings import port, setting

CODES = {Reason.MALFORMED: "102", Reason.UNKNOWN_VITAL: "103", Reason.BAD_UNIT: "103", Reason.BAD_TIME: "102"}
"""Reason -> HL7 table 0357; all others are 207, application error."""


@dataclass(frozen=True, slots=True)
class Settings(DoorSettings):
    """The MLLP door's environment."""

    bind: str = setting("VIGIL_BIND", str, "address to listen on", "127.0.0.1")
    mllp_port: int = setting("VIGIL_MLLP_PORT", port, "port of the MLLP listener")


def hl7_time(now_ms: int) -> str:
    """HL7's form of a moment, in UTC."""
    return datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%Y%m%d%H%M%S+0000")


def answer_of(oru: Oru, found: Translated, now_text: str) -> bytes:
    """AA, or AE with an ERR for each part that was refused."""
    errors = [
        Error(
            f"OBX^{oru.samples[r.message].rows.get(r.refusal.vital or '', '1')}^{5 if r.refusal.vital else 3}",
            CODES.get(r.refusal.reason, "207"),
            f"{r.refusal.reason}: {r.refusal.detail}",
        )
        for r in found.refused
    ]
    return ack("AE" if errors else "AA", oru.sender, oru.control_id, oru.version, now_text, errors)


async def answer(intake: Intake, data: bytes, peer: str) -> bytes:
    """The ACK of one message, when it may be given. A message that cannot be processed is kept as refused too."""
    now = intake.clocks.now()
    oru = read(data, intake.directory().number.__contains__)
    if isinstance(oru, Reject):
        await intake.refuse(Message(b"", data, now, door="mllp", source=f"mllp:{peer}"), Fault(Reason.MALFORMED, oru.detail))
        return rejected(oru, hl7_time(now))
    messages = [
        Message(vitals_topic(s.device), s.payload(), now, again=True, door="mllp", source=f"mllp:{peer}", original=data)
        for s in oru.samples
    ]
    return answer_of(oru, await intake.take(messages), hl7_time(now))


async def listen(door: Door[Settings]) -> None:
    """Serves until told to stop."""
    server = await serve(door.settings.bind, door.settings.mllp_port, partial(answer, door.intake), log)
    async with server:
        await door.stopped.wait()


def main() -> int:
    """Exit code: as `ingest.door_app.run`."""
    return run(Settings, listen, os.environ)


if __name__ == "__main__":
    sys.exit(main())
