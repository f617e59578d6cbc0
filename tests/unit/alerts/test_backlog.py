"""The backlog: in order, bounded, and never silent about a new high alert."""

from alerts.backlog import Backlog, Record
from tests.unit.alerts.stories import T0, finding
from vitals.finding import Priority


def record(offset: int, partition: int = 0, priority: Priority = "high", taken_at: int = 0, **more: object) -> Record:
    """One finding of its own patient at this offset."""
    return Record("f", partition, offset, finding(patient=f"p{partition}-{offset}", priority=priority, **more), None, taken_at)


def test_what_came_first_is_written_first_and_stays_until_it_is_done() -> None:
    backlog, records = Backlog(), [record(n) for n in range(5)]
    backlog.add(records)
    first = backlog.first(2, 0)
    assert (first, backlog.first(2, 0)) == (records[:2], records[:2])
    backlog.done(first)
    assert backlog.first(9, 0) == records[2:]


def test_what_does_not_fit_is_handed_back_and_read_again_once_there_is_room() -> None:
    backlog, records = Backlog(3), [record(n) for n in range(5)]
    assert (backlog.add(records), backlog.again()) == (records[3:], {})
    backlog.done(backlog.first(9, 0))
    assert (backlog.again(), backlog.again()) == ({("f", 0): 3}, {})


def test_after_a_gap_a_partition_takes_nothing_until_it_is_read_again() -> None:
    backlog = Backlog(1)
    backlog.add([record(0), record(1)])
    backlog.done(backlog.first(1, 0))
    assert backlog.add([record(2)]) == [record(2)]
    assert backlog.again() == {("f", 0): 1}


def test_a_new_high_alert_that_waits_too_long_is_told_once() -> None:
    backlog = Backlog()
    backlog.add([record(0, taken_at=100), record(1, taken_at=5_000)])
    assert [[f.id for f in backlog.untold(1_000)] for _ in range(2)] == [[finding(patient="p0-0").id], []]


def test_milder_ones_and_history_and_ends_are_not_told_before_they_are_written() -> None:
    backlog = Backlog()
    backlog.add([record(0, priority="medium"), record(1, retrospective=True), record(2, phase="end", at=T0 + 1), record(3, phase="update")])
    assert backlog.untold(1_000) == []


def test_a_partition_that_went_to_another_worker_leaves_nothing_behind() -> None:
    backlog = Backlog(2)
    backlog.add([record(0), record(0, 1), record(1, 1)])
    backlog.lose({("f", 1)})
    backlog.done(backlog.first(9, 0))
    assert (backlog.first(9, 0), backlog.again(), backlog.oldest()) == ([], {}, None)
