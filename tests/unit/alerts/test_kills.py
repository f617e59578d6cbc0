"""Kill and rebalance, simulated: three workers of real decisions over a store and a log that keep only what was committed.

The store stands for PostgreSQL (a transaction is one step, causes are unique), the log for Kafka (committed offsets, at least once).
Workers are generators that can be dropped at every `yield`: between any two effects. A partition may move while its old owner still has
a batch in hand.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Iterator

import pytest

from alerts import clockwork, commands, findings
from alerts.case import Case, Change, rebuild
from alerts.desk import Desk, Page
from tests.unit.alerts.stories import SITE, T0, command, finding
from vitals.alert import Alert, Command
from vitals.finding import Finding

PARTITIONS = 4
LEASE = 30


class World:
    """What outlives a worker."""

    def __init__(self, seed: int) -> None:
        self.chance, self.now = random.Random(seed), 0
        self.log: list[list[Finding | Command]] = [[] for _ in range(PARTITIONS)]
        self.committed = [0] * PARTITIONS
        self.events: list[Change] = []
        self.cases: dict[str, Case] = {}
        self.owner: dict[str, str] = {}
        self.causes: set[str] = set()
        self.answered: set[str] = set()
        self.outbox: dict[int, tuple[int, Alert]] = {}
        self.pages: dict[str, Page] = {}
        self.state: dict[str, str] = {}
        self.leased: dict[str, int] = {}
        self.untold: dict[str, bool] = {}
        self.said: dict[str, list[int]] = defaultdict(list)
        self.received: list[tuple[str, str]] = []
        self.numbers = 0

    def transaction(self, partition: int, records: list[Finding | Command], others: list[object]) -> None:
        """One batch through the real desk, all or nothing; what it read is what was committed."""
        desk = Desk(SITE, owner=dict(self.owner), seen=set(self.causes), answered=set(self.answered))
        for case in self.cases.values():
            desk.keep(case)
        for one in records:
            if isinstance(one, Finding):
                findings.take(desk, one, T0 + self.now, partition)
            else:
                commands.take(desk, one, T0 + self.now)
        for other in others:
            if isinstance(other, clockwork.Receipt):
                clockwork.receipt(desk, other, T0 + self.now)
                self.untold[other.page] = False
        self._commit(desk)

    def _commit(self, desk: Desk) -> None:
        taken = [change.cause for change in desk.changes if change.cause is not None]
        assert len(taken) == len(set(taken))
        assert not self.causes & set(taken)
        self.causes |= set(taken)
        self.events += desk.changes
        self.cases |= desk.cases
        self.owner |= desk.adopted
        self.answered |= desk.answered
        for change in desk.changes:
            self.numbers += 1
            self.outbox[self.numbers] = (change.case.memory.partition, change.case.alert)
        for alert in desk.silenced:
            self.state |= {key: "cancelled" for key, page in self.pages.items() if page.alert == alert and self.state[key] == "waiting"}
        for page in desk.pages:
            self.pages[page.id] = page
            self.state.setdefault(page.id, "waiting")

    def worker(self, partitions: list[int]) -> Iterator[None]:
        """One life of a worker on these partitions, as the clerk and the sender do it."""
        position = {p: self.committed[p] for p in partitions}
        while True:
            for p in partitions:
                batch = self.log[p][position[p] : position[p] + self.chance.randint(1, 5)]
                yield
                if batch:
                    self.transaction(p, batch, [])
                    position[p] += len(batch)
                    yield
                yield from self._say(p)
                self.committed[p] = position[p]
                yield
                self.transaction(p, [], self._receipts(p))
                yield
            yield from self._send()

    def _say(self, p: int) -> Iterator[None]:
        for number, (_, alert) in [(n, row) for n, row in sorted(self.outbox.items()) if row[0] == p]:
            self.said[alert.id].append(alert.version)
            yield
            self.outbox.pop(number, None)
            yield

    def _receipts(self, p: int) -> list[object]:
        done = [page for key, page in self.pages.items() if self.untold.get(key) and page.partition == p]
        return [clockwork.Receipt(x.id, x.alert, self.state[x.id], x.channel, x.person, T0 + self.now, T0 + self.now) for x in done]

    def _send(self) -> Iterator[None]:
        for key in list(self.pages):
            if self.state[key] != "waiting" or self.leased.get(key, 0) > self.now:
                continue
            self.leased[key] = self.now + LEASE
            yield
            self.received.append((self.pages[key].alert, key))
            yield
            self.state[key], self.untold[key] = "delivered", True
            yield


def rounds(world: World, steps: int) -> None:
    """Three workers; now and then one is killed, or all partitions are dealt out anew while one goes on as a zombie."""
    workers: list[Iterator[None]] = []
    zombies: list[Iterator[None]] = []
    for _ in range(steps):
        world.now += 1
        if not workers or world.chance.random() < 0.06:
            zombies = [w for w in workers if world.chance.random() < 0.5]
            order = world.chance.sample(range(PARTITIONS), PARTITIONS)
            workers = [world.worker(order[n::3]) for n in range(3)]
        acting = workers if world.chance.random() < 0.8 or not zombies else zombies
        next(world.chance.choice(acting))


def fill(world: World, patients: int) -> None:
    """Findings with repeats, ends and commands, each patient in order on one partition."""
    for n in range(patients):
        p, patient = n % PARTITIONS, f"p{n}"
        first = finding(patient=patient, start=T0 + n, ward=f"w{n}")
        world.log[p] += [first, *([first] if n % 3 == 0 else [])]
        if n % 4 == 0:
            world.log[p].append(finding(patient=patient, start=T0 + n, phase="end", at=T0 + 5_000 + n, ward=f"w{n}"))
        if n % 5 == 0:
            world.log[p].append(command(first.id, "comment", n, patient=patient, comment="x"))


def play(seed: int) -> World:
    """One round: trouble, then a quiet end in which one worker finishes."""
    world = World(seed)
    fill(world, 12)
    rounds(world, 160)
    world.now += LEASE
    last = world.worker(list(range(PARTITIONS)))
    for _ in range(400):
        next(last)
    return world


def check(world: World) -> None:
    """No page missing, none with two keys, all said, the projection is what the events say."""
    raised = {change.case.alert.id for change in world.events if change.kind == "raised"}
    keys = defaultdict(set)
    for alert, key in world.received:
        keys[alert].add(key)
    assert len(raised) == 12
    assert {alert: len(found) for alert, found in keys.items()} == dict.fromkeys(raised, 1)
    assert Counter(c.kind for c in world.events)["raised"] == 12
    assert {alert: max(said) for alert, said in world.said.items()} == {a: c.alert.version for a, c in world.cases.items()}
    assert all(set(said) == set(range(1, max(said) + 1)) for said in world.said.values())
    bodies = defaultdict(list)
    for change in world.events:
        bodies[change.case.alert.id].append(change.body)
    assert {alert: rebuild(told) for alert, told in bodies.items()} == world.cases


@pytest.mark.parametrize("seed", range(20))
def test_kills_and_rebalances_lose_no_page_and_give_none_a_second_key(seed: int) -> None:
    check(play(seed))


@pytest.mark.slow
def test_a_thousand_rounds_of_kill_and_rebalance() -> None:
    for seed in range(1_000):
        check(play(seed))
