"""The doors where the sender waits for an answer (MLLP, FHIR): the same `translate`, the same topics.

In: messages. Out: what became of them, when it is durable. Raises PartAway when that cannot be said in time: the database or Kafka is away.
Then the sender sends again, and what was stored after all is recognised (its messages are marked `again`).
"""

import asyncio
import random
from collections.abc import Callable, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, field, replace

from ingest.conditions import Babbling
from ingest.directory import Directory
from ingest.gather import Message, Refused, refusal
from ingest.kafka import Kafka
from ingest.meter import Meter
from ingest.mqtt import Clocks
from ingest.named_patient import NamedPatients
from ingest.pace import Pace
from ingest.records import ENTROPY, Wiring, records
from ingest.seen import Seen
from ingest.senders import Senders
from ingest.strangers import Strangers
from ingest.timescale import Timescale
from ingest.translate import Translated, translate
from ingest.wire import Fault
from vitals.errors import PartAway
from vitals.refusal import Refusal

DECIDE_S = 5.0
DURABLE_S = 10.0
LOOK_S, BUSY_S, IDLE_S = 0.02, 0.002, 0.02


class TooFast(Exception):
    """A device of the message is over its quota; `wait_s` until it is not."""

    def __init__(self, wait_s: float) -> None:
        super().__init__(f"more than the device's quota; again in {wait_s:.1f} s")
        self.wait_s = wait_s


@dataclass(slots=True)
class Intake:
    """One event loop's. `run` must be running for `take` to end."""

    kafka: Kafka
    keeper: Timescale
    wiring: Wiring
    meter: Meter
    clocks: Clocks
    seen: Seen
    pace: Pace
    babbling: Babbling
    named: NamedPatients
    senders: Senders
    strangers: Strangers
    sent: asyncio.Event = field(default_factory=asyncio.Event)

    def directory(self) -> Directory:
        """The newest picture. Raises PartAway before the first."""
        if self.keeper.current is None:
            raise PartAway("the database has not answered yet")
        return self.keeper.current

    async def newer(self, than: int) -> None:
        """Returns when the picture is newer than that, ms. Raises PartAway when none comes."""
        until, asked_at = self.clocks.steady() + DECIDE_S, None
        while (loaded_at := self.directory().loaded_at) <= than:
            if loaded_at != asked_at:  # once more of one begun in this very millisecond: it had the question, and is not newer
                self.keeper.ask()
                asked_at = loaded_at
            if self.clocks.steady() > until:
                raise PartAway("the database does not answer")
            await asyncio.sleep(LOOK_S)

    async def slowed(self, messages: Sequence[Message], sender: str) -> Set[bytes]:
        """Returns when these are within their devices' quotas: what their sender is answered comes so much later.

        But where others speak through the sender nobody waits: the topics of devices that say too much, whose messages must be refused.
        """
        steady = self.clocks.steady()
        over = self.pace.over(messages, steady, self.clocks.now())
        self.senders.heard(sender, dict.fromkeys(m.topic for m in messages), steady)
        shut = {topic for topic in over if self.senders.shared(sender, topic, steady)}
        self.pace.charge([m for m in messages if m.topic not in shut] if shut else messages, steady)
        if over.keys() - shut:
            with self.meter.throttled.track_inprogress():
                await asyncio.sleep(max(wait for topic, wait in over.items() if topic not in shut))
        return shut

    def within(self, messages: Sequence[Message]) -> None:
        """Raises TooFast where these are not within their devices' quotas; nothing of them is charged then."""
        steady = self.clocks.steady()
        over = self.pace.over(messages, steady, self.clocks.now())
        if over:
            raise TooFast(max(over.values()))
        self.pace.charge(messages, steady)

    async def take(self, messages: Sequence[Message], parent: bytes | None = None, also: Sequence[Refusal] = ()) -> Translated:
        """What became of the messages, durable. `Refused.message` is the place in `messages`, and behind them in `also` (what the door
        itself refused); `parent`: the sender's traceparent."""
        found = translate(messages, self.directory(), self.seen)
        found.refused += [Refused(len(messages) + i, refused) for i, refused in enumerate(also)]
        self.meter.messages.inc(len(messages))
        durable = [self._send(found, parent)]  # before anything may fail: what is in it counts as taken
        if found.undecided:
            later = await self._decided(found, self.seen)
            durable.append(self._send(later, parent))
            self._add(found, later)
        for one in durable:
            await _in_time(one, DURABLE_S, "Kafka does not answer")
        self.meter.durable(found)
        return found

    async def take_whole(self, messages: Sequence[Message], parent: bytes | None = None) -> list[Refused]:
        """All of the messages, or none of them and why not; the refusals are kept either way."""
        trial = translate(messages, self.directory(), Seen())
        if trial.undecided:
            self._add(trial, await self._decided(trial, Seen()))
        if not trial.refused:
            return (await self.take(messages, parent)).refused
        only = Translated(refused=trial.refused)
        await _in_time(self._send(only, parent), DURABLE_S, "Kafka does not answer")
        self.meter.durable(only)
        return only.refused

    async def refuse(self, message: Message, fault: Fault) -> None:
        """Keeps a message that cannot be read at all."""
        found = Translated(refused=[Refused(0, refusal(message, fault, message.payload, None))])
        await _in_time(self._send(found), DURABLE_S, "Kafka does not answer")
        self.meter.durable(found)

    def _send(self, found: Translated, parent: bytes | None = None) -> "asyncio.Future[None]":
        durable: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def done() -> None:
            if not durable.done():
                durable.set_result(None)

        self.sent.set()
        self.kafka.send(records(found, self.wiring, random.randbytes(ENTROPY), parent), done)
        return durable

    async def run(self, failed: Callable[[PartAway], None]) -> None:
        """Turns the producer for ever; that it can never go on is told once."""
        while True:
            try:
                self.kafka.serve()
            except Exception as error:  # noqa: BLE001 - whatever it is: without it nothing is answered, and a successor can
                failed(error if isinstance(error, PartAway) else PartAway(f"the producer: {error}"))
                return
            self.meter.ready.set(0 if self.keeper.current is None else 1)
            self._tell()
            if self.kafka.in_flight:
                await asyncio.sleep(BUSY_S)
            else:
                await self._something_sent()

    async def _something_sent(self) -> None:
        """Returns when something is, or after IDLE_S: a sender waits for each answer, and says no more until it has it."""
        self.sent.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self.sent.wait(), IDLE_S)

    def _tell(self) -> None:
        """What the door noticed of devices, and what is not so any more."""
        if self.keeper.current is None:
            return
        directory, now = self.keeper.current, self.clocks.now()
        told = [*self.babbling.told(self.pace.babbles(self.clocks.steady()), directory, now), *self.named.told(directory, now)]
        if told:
            found = Translated(findings=told)
            self._send(found)
            self.meter.durable(found)

    async def _decided(self, found: Translated, seen: Seen) -> Translated:
        """What was undecided, by a directory that is newer than it. Raises PartAway when none comes."""
        newest = max(u.remainder.received_at for u in found.undecided)
        await self.newer(newest)
        later = translate([u.remainder for u in found.undecided], self.directory(), seen, final=True)
        places = [u.message for u in found.undecided]
        later.refused = [replace(r, message=places[r.message]) for r in later.refused]
        return later

    @staticmethod
    def _add(found: Translated, later: Translated) -> None:
        found.undecided, found.batches = [], found.batches + later.batches
        found.refused += later.refused
        found.samples += later.samples
        found.repeated += later.repeated


async def _in_time(durable: "asyncio.Future[None]", seconds: float, what: str) -> None:
    try:
        await asyncio.wait_for(durable, seconds)
    except TimeoutError as error:
        raise PartAway(what) from error
