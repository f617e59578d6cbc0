"""`python -m ingest.mllp_main`: HL7 v2 ORU^R01 over MLLP on VIGIL_MLLP_PORT.

In: ORU messages, the directory. Out: `readings`, `refused`; ACKs, of which `ingest.mllp` says what they mean. Promise: ARCHITECTURE.md,
Processes.
"""

import os
import sys
from dataclasses import dataclass
from datetime import tzinfo
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from ingest.door_app import Door, DoorSettings, log, run
from ingest.gather import Message, refusal
from ingest.hl7 import Reject, read
from ingest.hl7_kept import kept
from ingest.hl7_time import written, zone_named
from ingest.intake import Intake
from ingest.mllp import rejected, serve
from ingest.mllp_answer import answer_of
from ingest.mllp_peers import LOOPBACK, Gate, Networks, networks
from ingest.route import vitals_topic
from ingest.wire import Fault
from vitals.errors import SettingError
from vitals.refusal import Reason
from vitals.settings import port, setting
from vitals.site_key import derived, secret


@dataclass(frozen=True, slots=True)
class Settings(DoorSettings):
    """The MLLP door's environment."""

    bind: str = setting("VIGIL_BIND", str, "address to listen on", "127.0.0.1")
    mllp_port: int = setting("VIGIL_MLLP_PORT", port, "port of the MLLP listener")
    mllp_peers: Networks = setting("VIGIL_MLLP_PEERS", networks, "addresses and networks that may speak", LOOPBACK)
    name: str = setting("VIGIL_GATEWAY", str, "this door's name; each one beside another needs its own", "vigil-mllp-1")
    hl7_zone: ZoneInfo = setting("VIGIL_HL7_ZONE", zone_named, "the zone of HL7 times without an offset", "UTC")
    key_file: str = setting("VIGIL_KEY_FILE", str, "the site's key: by it a PID's record number is compared (none: it is not)", "")

    def record_key(self) -> bytes | None:
        """From the site's key. Raises SettingError."""
        if not self.key_file:
            return None
        try:
            return derived(secret(Path(self.key_file).read_text()), "mrn")
        except OSError as error:
            raise SettingError(f"VIGIL_KEY_FILE={self.key_file}: {error.strerror}") from error


async def answer(intake: Intake, zone: tzinfo, data: bytes, peer: str) -> bytes:
    """The ACK of one message, when it may be given: later where a device of it is over its quota. What cannot be processed is kept too."""
    now = intake.clocks.now()
    whole = Message(b"", data, now, again=True, door="mllp", source=f"mllp:{peer}", original=data)
    oru = read(data, intake.directory().number.__contains__, zone, now)
    if isinstance(oru, Reject):
        await intake.refuse(whole, Fault(Reason.MALFORMED, oru.detail))
        return rejected(oru, written(now))
    parts = iter(kept(data, oru))
    intake.named.heard(oru.samples, intake.directory(), now)
    messages = [replace(whole, topic=vitals_topic(s.device), payload=s.payload(), original=next(parts)) for s in oru.samples]
    await intake.slowed(messages)
    also = [refusal(replace(whole, original=next(parts)), row.fault, data, row.device[:64] or None) for row in oru.unread]
    return answer_of(oru, (await intake.take(messages, also=also)).refused, written(now))


async def listen(door: Door[Settings]) -> None:
    """Serves until told to stop."""
    told, heard = door.settings, partial(answer, door.intake, door.settings.hl7_zone)
    server = await serve(told.bind, told.mllp_port, heard, Gate(told.mllp_peers, door.intake.meter.strangers.inc, log).admits, log)
    async with server:
        await door.stopped.wait()


def main() -> int:
    """Exit code: as `ingest.door_app.run`."""
    return run(Settings, listen, os.environ)


if __name__ == "__main__":
    sys.exit(main())
