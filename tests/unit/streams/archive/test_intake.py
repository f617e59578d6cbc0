"""Between Kafka and the database, with a store that fails on command."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest
from prometheus_client import CollectorRegistry

from streams.archive.intake import Intake, Limits
from streams.archive.metrics import Metrics
from streams.archive.record import Gap, Record, Stored, due
from tests.waiting import until
from vitals.errors import PartAway


class Store:
    """Keeps what it is given like the real one, with its own offsets; `failures` times it is away."""

    dense = True

    def __init__(self, failures: int = 0, stored: dict[int, int] | None = None) -> None:
        self.failures = failures
        self.offsets: list[int] = []
        self.next = dict(stored or {})

    def forget(self) -> None:
        """Nothing is remembered."""

    def store(self, records: Sequence[Record]) -> Stored:
        if self.failures:
            self.failures -= 1
            raise PartAway("away")
        todo = due(records, self.next, dense=True)
        self.next = dict(todo.next_offsets)
        self.offsets += [r.offset for r in todo.records]
        return Stored(len(todo.records), todo.skipped, {}, todo.gaps)


def record(offset: int, size: int = 10) -> Record:
    return Record("t", 0, offset, bytes(size), end=10_000)


def play(
    store: Store, story: Callable[[Intake, list[int], list[tuple[int, int]]], Awaitable[None]], limits: Limits | None = None
) -> list[int]:
    """Runs `story` beside the intake; the offsets acknowledged."""
    acked: list[int] = []
    rewound: list[tuple[int, int]] = []

    async def rewind(partition: int, offset: int) -> int:
        rewound.append((partition, offset))
        return offset

    async def run() -> None:
        metrics = Metrics(CollectorRegistry())
        intake = Intake("t", store, metrics, rewind, limits or Limits(linger_s=0.01))
        running = asyncio.create_task(intake.run())
        await story(intake, acked, rewound)
        await intake.stop(60)
        await running

    asyncio.run(run())
    return acked


@pytest.mark.parametrize("failures", [0, 2])
def test_all_is_stored_in_order_and_acknowledged_also_when_the_database_was_away(failures: int) -> None:
    store = Store(failures)

    async def story(intake: Intake, acked: list[int], _rewound: list[tuple[int, int]]) -> None:
        for offset in range(20):
            await intake.take(record(offset), lambda offset=offset: acked.append(offset))
        await until(lambda: len(acked) == 20)

    assert (play(store, story), store.offsets) == (list(range(20)), list(range(20)))


def test_nothing_is_acknowledged_while_the_database_is_away_and_memory_is_bounded() -> None:
    store = Store(failures=10**9)
    seen: list[object] = []

    async def story(intake: Intake, acked: list[int], _rewound: list[tuple[int, int]]) -> None:
        async def feed() -> None:
            for offset in range(100):
                await intake.take(record(offset), lambda: acked.append(1))

        feeding = asyncio.create_task(feed())
        await until(lambda: store.failures < 10**9)
        seen.extend([feeding.done(), intake.in_hand, list(acked)])
        store.failures = 0
        await feeding

    play(store, story, Limits(flush_bytes=30, linger_s=0.01, most_bytes=100))
    assert (seen, store.offsets) == ([False, 100, []], list(range(100)))


def test_a_run_is_acknowledged_when_its_last_record_is_stored() -> None:
    store = Store()
    seen: list[object] = []

    async def story(intake: Intake, acked: list[int], _rewound: list[tuple[int, int]]) -> None:
        for first in (0, 10):
            run = [record(offset) for offset in range(first, first + 10)]
            await intake.take_run(run, lambda first=first: acked.append(store.offsets.index(first + 9)))
        await until(lambda: len(acked) == 2)
        seen.append(list(acked))

    play(store, story, Limits(flush_bytes=30, linger_s=0.01))
    assert (seen, store.offsets) == ([[9, 19]], list(range(20)))


def test_of_a_run_that_partitions_were_taken_from_under_nothing_more_is_taken() -> None:
    store = Store(failures=10**9)

    async def story(intake: Intake, acked: list[int], _rewound: list[tuple[int, int]]) -> None:
        taking = asyncio.create_task(intake.take_run([record(offset) for offset in range(20)], lambda: acked.append(19)))
        await until(lambda: intake.in_hand == 100 and store.failures < 10**9)  # or it would be stored by who was about to try
        await intake.revoked()
        store.failures = 0
        await taking
        await intake.take_run([record(offset) for offset in range(5)], lambda: acked.append(4))

    assert (play(store, story, Limits(linger_s=0.01, most_bytes=100)), store.offsets) == ([4], list(range(5)))


def test_a_hole_is_read_again_and_nothing_beyond_it_is_taken() -> None:
    store = Store()

    async def story(intake: Intake, acked: list[int], rewound: list[tuple[int, int]]) -> None:
        for offset in (0, 1, 5, 6):
            await intake.take(record(offset), lambda offset=offset: acked.append(offset))
        await until(lambda: rewound == [(0, 2)])
        for offset in (2, 3, 4, 5, 6):
            await intake.take(record(offset), lambda offset=offset: acked.append(offset))

    assert (play(store, story), store.offsets) == (list(range(7)), list(range(7)))


def test_what_the_database_lacks_is_read_again_from_there() -> None:
    store = Store(stored={0: 3})
    places: list[tuple[int, int]] = []

    async def story(intake: Intake, acked: list[int], rewound: list[tuple[int, int]]) -> None:
        await intake.take(record(5), lambda: acked.append(5))
        await until(lambda: bool(rewound))
        places.extend(rewound)
        for offset in (3, 4, 5):
            await intake.take(record(offset), lambda offset=offset: acked.append(offset))

    assert (play(store, story), store.offsets, places) == ([3, 4, 5], [3, 4, 5], [(0, 3)])


def test_what_kafka_has_deleted_before_it_was_stored_is_passed_and_counted() -> None:
    store = Store(stored={0: 3})
    acked: list[int] = []
    metrics = Metrics(CollectorRegistry())

    async def rewind(_partition: int, _offset: int) -> int:
        return 6

    async def run() -> None:
        intake = Intake("t", store, metrics, rewind, Limits(linger_s=0.01))
        running = asyncio.create_task(intake.run())
        await intake.take(record(8), lambda: acked.append(8))
        await until(lambda: metrics.registry.get_sample_value("vigil_archive_lost_records_total", {"topic": "t"}) == 3)
        for offset in (6, 7, 8):
            await intake.take(record(offset), lambda offset=offset: acked.append(offset))
        await intake.stop(60)
        await running

    asyncio.run(run())
    assert (acked, store.offsets) == ([6, 7, 8], [6, 7, 8])


def test_what_is_in_hand_when_partitions_go_is_given_up_unacknowledged() -> None:
    store = Store(failures=10**9)

    async def story(intake: Intake, acked: list[int], _rewound: list[tuple[int, int]]) -> None:
        await intake.take(record(0), lambda: acked.append(0))
        await until(lambda: store.failures < 10**9)
        await intake.revoked()
        store.failures = 0

    assert (play(store, story), store.offsets) == ([], [])


def test_a_gap_is_a_value() -> None:
    assert due([record(4)], {0: 2}, dense=True).gaps == (Gap(0, 2),)
