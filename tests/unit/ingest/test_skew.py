"""A device's clock against the gateway's."""

import numpy as np
import pytest

from ingest.directory import Device, Directory, directory
from ingest.skew import LEAST, SPREAD_MS, WINDOW_MS, Entry, Skew


def who(skew_ms: int | None = None) -> Directory:
    return directory([Device("a", skew_ms=skew_ms), Device("b")], [], {}, 4, 0)


def noted(delays: list[int], skew_ms: int | None = None) -> list[Entry]:
    skew, known = Skew(), who(skew_ms)
    skew.add(known, np.zeros(len(delays), np.int64), np.array(delays, dtype=np.int64))
    return skew.entries(WINDOW_MS)


def live(delay: int) -> list[int]:
    return [delay + i % 300 for i in range(LEAST)]


@pytest.mark.parametrize(
    ("delays", "known", "entries"),
    [
        (live(80), None, []),
        (live(-120_000), None, [Entry("a", 120_000, -120_000, LEAST)]),
        (live(90_000), None, [Entry("a", -90_000, 0, LEAST)]),
        (live(-120_000), 119_000, []),
        (live(-120_000), 60_000, [Entry("a", 120_000, -120_000, LEAST, 60_000)]),
        (live(80), 120_000, [Entry("a", -80, 0, LEAST, -120_080)]),
        (live(-4_000), 0, [Entry("a", 4_000, -4_000, LEAST)]),
    ],
)
def test_the_ledger_says_what_changed_and_corrects_only_a_clock_that_is_ahead(
    delays: list[int], known: int | None, entries: list[Entry]
) -> None:
    assert noted(delays, known) == entries


def test_a_buffer_that_empties_says_nothing_of_the_clock() -> None:
    assert noted([600_000 - i * SPREAD_MS for i in range(100)]) == []


def test_a_few_samples_say_nothing() -> None:
    assert noted(live(-120_000)[1:]) == []


def test_nothing_is_said_before_the_window_is_over() -> None:
    skew = Skew()
    skew.add(who(), np.zeros(LEAST, np.int64), np.full(LEAST, -120_000))
    assert skew.entries(WINDOW_MS - 1) == []
