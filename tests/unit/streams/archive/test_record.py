"""Which records are due."""

from dataclasses import replace

import pytest

from streams.archive.record import Doubtful, Gap, Record, due


def records(*places: tuple[int, int], end: int = 1000) -> list[Record]:
    return [Record("t", partition, offset, b"", end=end) for partition, offset in places]


def offsets(found: tuple[Record, ...]) -> list[tuple[int, int]]:
    return [(r.partition, r.offset) for r in found]


def test_what_is_stored_is_skipped_and_the_rest_is_taken() -> None:
    found = due(records((0, 5), (0, 6), (1, 1), (0, 7)), {0: 6, 1: 1}, dense=True)
    assert (offsets(found.records), found.skipped, found.gaps, found.next_offsets) == ([(0, 6), (1, 1), (0, 7)], 1, (), {0: 8, 1: 2})


def test_a_partition_never_seen_starts_wherever_it_starts() -> None:
    found = due(records((2, 40), (2, 41)), {}, dense=True)
    assert (offsets(found.records), found.next_offsets) == ([(2, 40), (2, 41)], {2: 42})


def test_a_hole_stops_its_partition_only_and_names_where_to_read_again() -> None:
    found = due(records((0, 10), (1, 3), (0, 12), (0, 13)), {0: 10, 1: 3}, dense=True)
    assert (offsets(found.records), found.gaps, found.next_offsets) == ([(0, 10), (1, 3)], (Gap(0, 11),), {0: 11, 1: 4})


def test_a_hole_that_kafka_cannot_fill_any_more_is_passed() -> None:
    late = [Record("t", 0, 30, b"", first=30), Record("t", 0, 31, b"", first=30)]
    found = due(late, {0: 10}, dense=True)
    assert (offsets(found.records), found.gaps, found.next_offsets) == ([(0, 30), (0, 31)], (), {0: 32})


def test_a_compacted_topic_has_holes_by_nature() -> None:
    found = due(records((0, 10), (0, 14)), {0: 7}, dense=False)
    assert (offsets(found.records), found.gaps, found.next_offsets) == ([(0, 10), (0, 14)], (), {0: 15})


def test_an_end_below_what_is_stored_is_doubted_until_kafka_was_asked() -> None:
    with pytest.raises(Doubtful) as doubt:
        due(records((0, 0), (1, 0), (0, 1), end=2), {0: 500, 1: 0}, dense=True)
    assert doubt.value.partitions == {0}


def test_a_topic_that_was_made_anew_is_read_from_its_start() -> None:
    found = due([replace(r, asked=True) for r in records((0, 0), (0, 1), end=2)], {0: 500}, dense=True)
    assert (offsets(found.records), found.next_offsets) == ([(0, 0), (0, 1)], {0: 2})
