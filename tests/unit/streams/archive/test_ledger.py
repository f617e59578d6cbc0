"""The ledger of sample numbers."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.archive.ledger import Ledger, Ranges, runs_of

PAIRS = st.lists(st.tuples(st.integers(1, 4), st.integers(0, 25)), max_size=60)


def columns(pairs: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    table = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return table[:, 0], table[:, 1]


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 6)), max_size=30))
def test_ranges_hold_exactly_what_was_added_and_never_touch(added: list[tuple[int, int]]) -> None:
    ranges = Ranges((low, low + length) for low, length in added)
    held = {n for low, length in added for n in range(low, low + length + 1)}
    pairs = ranges.pairs()
    apart = all(high + 1 < low for (_, high), (low, _) in pairwise(pairs))
    assert ({n for n in range(-2, 50) if n in ranges}, apart) == (held, True)


@settings(max_examples=60)
@given(st.lists(PAIRS, max_size=6))
def test_over_many_calls_each_identity_is_new_exactly_once_and_first(calls: list[list[tuple[int, int]]]) -> None:
    ledger, known, said, expected = Ledger(), set[tuple[int, int]](), [], []
    for device in range(1, 5):
        ledger.load(device, ())
    for pairs in calls:
        device, seq = columns(pairs)
        fresh = ledger.fresh(device, seq)
        said.append(fresh.tolist())
        expected.append([pair not in known and pair not in pairs[:place] for place, pair in enumerate(pairs)])
        ledger.add(runs_of(device[fresh], seq[fresh]))
        known |= set(pairs)
    assert said == expected


@settings(max_examples=60)
@given(st.sets(st.tuples(st.integers(1, 3), st.integers(0, 30)), max_size=50))
def test_runs_cover_the_pairs_and_nothing_else(pairs: set[tuple[int, int]]) -> None:
    runs = runs_of(*columns(sorted(pairs, key=hash)))
    covered = [
        (device, number)
        for device, low, high in zip(runs.devices.tolist(), runs.lows.tolist(), runs.highs.tolist(), strict=True)
        for number in range(low, high + 1)
    ]
    assert covered == sorted(pairs)


def test_a_look_changes_nothing() -> None:
    ledger = Ledger()
    ledger.load(1, [(0, 3)])
    device, seq = columns([(1, 3), (1, 4)])
    assert [ledger.fresh(device, seq).tolist() for _ in range(2)] == [[False, True]] * 2


def test_a_device_that_is_not_loaded_is_an_error_and_not_a_guess() -> None:
    with pytest.raises(KeyError):
        Ledger().fresh(*columns([(1, 1)]))
