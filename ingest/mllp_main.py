"""`python -m ingest.mllp_main`: HL7 v2 ORU^R01 over MLLP on VIGIL_MLLP_PORT.

In: ORU messages, the directory. Out: `readings`, `refused`; ACKs, of which `ingest.mllp` says what they mean. Promise: ARCHITECTURE.md,
Processes.
"""

import os
import sys
from collections.abc import Sequence, Set
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import tzinfo
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from ingest.door_app import Door, DoorSettings, log, run
from ingest.gather import Message, Refused, refusal
from ingest.hl7 import Oru, Reject, read
from ingest.hl7_kept import kept
from ingest.hl7_time import written, zone_named
from ingest.intake import Intake
from ingest.mllp import LONGEST, TooLong, rejected, serve
from ingest.mllp_answer import answer_of
from ingest.mllp_peers import LOOPBACK, Gate, Networks, networks
from ingest.route import route, vitals_topic
from ingest.strangers import holds
from ingest.wire import Fault
from vitals.errors import PartAway, SettingError
from vitals.refusal import Reason, Refusal
from vitals.settings import port, setting
from vitals.site_key import derived, secret

OVER = Fault(Reason.TOO_LARGE, "more than the device's quota, and others speak through the same sender; say it again later")


@dataclass(frozen=True, slots=True)
class Settings(DoorSettings):
    """The MLLP door's environment."""

    bind: str = setting("VIGIL_BIND", str, "address to listen on", "127.0.0.1")
    mllp_port: int = setting("VIGIL_MLLP_PORT", port, "port of the MLLP listener")
    mllp_peers: Networks = setting("VIGIL_MLLP_PEERS", networks, "addresses and networks that may speak", LOOPBACK)
    back_port: str = setting(
        "VIGIL_MLLP_BACK_PORT", str, "port on 127.0.0.1 for what is requeued, whoever else may speak; none when empty", ""
    )
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
        except UnicodeDecodeError as error:
            raise SettingError("VIGIL_KEY_FILE: expected 32 random bytes in base64") from error


async def answer(intake: Intake, zone: tzinfo, data: bytes | TooLong, peer: str) -> bytes:
    """The ACK of one message, when it may be given. What cannot be processed is kept too.

    Of a device over its quota it comes later; where others speak through the peer too they would wait with it: what it says is refused.
    """
    if isinstance(data, TooLong):
        return await _too_long(intake, data.head, peer)
    now = intake.clocks.now()
    whole = Message(b"", data, now, again=True, door="mllp", source=f"mllp:{peer}", original=data)
    oru = await _read(intake, zone, data, now)
    if isinstance(oru, Reject):
        await intake.refuse(whole, Fault(Reason.MALFORMED, oru.detail))
        return rejected(oru, written(now))
    parts = iter(kept(data, oru))
    intake.named.heard(oru.samples, intake.directory(), now)
    messages = [replace(whole, topic=vitals_topic(s.device), payload=s.payload(), original=next(parts)) for s in oru.samples]
    shut = await intake.slowed(messages, peer)
    unread = [refusal(replace(whole, original=next(parts)), row.fault, data, row.device[:64] or None) for row in oru.unread]
    return answer_of(oru, await _taken(intake, messages, shut, unread), written(now))


async def _read(intake: Intake, zone: tzinfo, data: bytes, now: int) -> Oru | Reject:
    """The message by the devices of now: where it names one for the first time that is not known, by those of after it came.

    Raises PartAway while that cannot be known.
    """
    unknown = set[str]()

    def known(name: str) -> bool:
        there = name in intake.directory().number
        if not there:
            unknown.add(name)
        return there

    oru = read(data, known, zone, now)
    new = intake.strangers.new(unknown)
    if not new:
        return oru
    try:
        await intake.newer(now)
    except PartAway:
        if not holds(now, intake.directory().loaded_at):
            raise
        return oru
    intake.strangers.asked(new)
    return read(data, known, zone, now)


async def _too_long(intake: Intake, head: bytes, peer: str) -> bytes:
    """The AR of a message whose beginning alone was kept."""
    now = intake.clocks.now()
    detail = f"a message of more than {LONGEST} bytes"
    await intake.refuse(Message(b"", head, now, again=True, door="mllp", source=f"mllp:{peer}"), Fault(Reason.TOO_LARGE, detail))
    header = read(head.split(b"\r")[0], lambda _: False)
    who = (header.control_id, header.sender, header.version)
    return rejected(Reject(*who, "207", detail), written(now))


async def _taken(intake: Intake, messages: Sequence[Message], shut: Set[bytes], unread: Sequence[Refusal]) -> list[Refused]:
    """What was refused of a message, durably: by its place in `messages`, and behind them in `unread`. shut: topics that say too much."""
    places = sorted(range(len(messages)), key=lambda i: messages[i].topic in shut)  # stable: those that may go on first, in their order
    going = [messages[i] for i in places if messages[i].topic not in shut]
    over = [refusal(messages[i], OVER, messages[i].payload, route(messages[i].topic).name[:64]) for i in places[len(going) :]]
    places += range(len(messages), len(messages) + len(unread))
    found = await intake.take(going, also=[*over, *unread])
    return [Refused(places[r.message], r.refusal) for r in found.refused]


async def listen(door: Door[Settings]) -> None:
    """Serves until told to stop: who is named, and, on a port of its own, this machine for what was refused here and comes back."""
    told, heard = door.settings, partial(answer, door.intake, door.settings.hl7_zone)
    doors = [(told.bind, told.mllp_port, told.mllp_peers)]
    doors += [("127.0.0.1", port(told.back_port), networks(LOOPBACK))] if told.back_port else []
    async with AsyncExitStack() as open_doors:
        for bind, at, peers in doors:
            await open_doors.enter_async_context(
                await serve(bind, at, heard, Gate(peers, door.intake.meter.strangers.inc, log).admits, log)
            )
        await door.stopped.wait()


def main() -> int:
    """Exit code: as `ingest.door_app.run`."""
    return run(Settings, listen, os.environ)


if __name__ == "__main__":
    sys.exit(main())
