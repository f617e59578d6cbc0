"""Whoever changes, drops, swaps or inserts an entry breaks the chain there."""

from datetime import UTC, datetime, timedelta, timezone

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard_api.audit import EMPTY, Entry, Link, broken_at, canonical, chained

AT = datetime(2026, 11, 21, 2, 29, 7, 250000, tzinfo=UTC)


def entry(i: int) -> Entry:
    return Entry(at=AT, actor=f"u{i}", role="doctor", action="readVitals", resource="GET /x", outcome="done", patient="p", detail={"i": i})


CHAIN = chained(0, EMPTY, [entry(i) for i in range(5)])


def test_an_untouched_chain_is_whole() -> None:
    assert broken_at(0, EMPTY, CHAIN) is None


def test_a_chain_written_in_two_parts_is_one_chain() -> None:
    first = chained(0, EMPTY, [entry(i) for i in range(2)])
    assert first + chained(2, first[-1].digest, [entry(i) for i in range(2, 5)]) == CHAIN


@given(st.integers(0, 4), st.sampled_from(["at", "actor", "role", "action", "resource", "outcome", "patient", "detail"]))
@settings(max_examples=40)
def test_a_changed_entry_is_found(i: int, field: str) -> None:
    other = {"at": AT + timedelta(microseconds=1), "detail": {"i": -1}}.get(field, "changed")
    forged = [Link(k.n, msgspec.structs.replace(k.entry, **{field: other}), k.digest) if k.n == i + 1 else k for k in CHAIN]
    assert broken_at(0, EMPTY, forged) == i + 1


def test_a_dropped_entry_is_found() -> None:
    assert broken_at(0, EMPTY, CHAIN[:2] + CHAIN[3:]) == 3


def test_a_dropped_entry_whose_followers_were_renumbered_is_found() -> None:
    forged = CHAIN[:2] + [Link(k.n - 1, k.entry, k.digest) for k in CHAIN[3:]]
    assert broken_at(0, EMPTY, forged) == 3


def test_swapped_entries_are_found() -> None:
    assert broken_at(0, EMPTY, [CHAIN[1], CHAIN[0], *CHAIN[2:]]) == 1


def test_the_sealed_bytes_do_not_depend_on_the_writers_time_zone() -> None:
    there = msgspec.structs.replace(entry(1), at=AT.astimezone(timezone(timedelta(hours=5, minutes=30))))
    assert canonical(1, there) == canonical(1, entry(1))
