"""A device's clock against the gateway's: what is wrong is found and corrected, what is only late is not."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ingest.directory import Device, Directory, directory
from ingest.skew import LEAST, MOST_MS, SPREAD_MS, TOLERANCE_MS, WHENEVER, WINDOW_MS, Entry, Skew
from vitals.link import Link

START = 59_000_000 * WINDOW_MS

Stream = list[tuple[int, int]]
"""(received_at, delay) of one device's samples, ms."""


def who(skew_ms: int | None = None, clock_ms: int = 0) -> Directory:
    return directory([Device("a", clock_ms=clock_ms, skew_ms=skew_ms), Device("b")], [], {}, 4, 0)


@dataclass
class Ledger:
    """A gateway and its ledger: what is noted is in the directory that is asked next."""

    skew: Skew
    known: Directory
    noted: list[Entry]

    def hear(self, stream: Stream, now: int) -> None:
        live = (np.zeros(len(stream), np.int64), np.array([r for r, _ in stream], np.int64), np.array([d for _, d in stream], np.int64))
        for entry in self.skew.fold(self.known, live, now):
            self.noted.append(entry)
            self.known = who(entry.skew_ms, entry.clock_ms)


def heard(stream: Stream, known: Directory | None = None, links: tuple[Link, ...] = ()) -> list[Entry]:
    """What the ledger says of the stream, told sample by sample."""
    ledger = Ledger(Skew(), known or who(), [])
    ledger.skew.said(links)
    for sample in stream:
        ledger.hear([sample], sample[0])
    ledger.hear([], stream[-1][0] + WINDOW_MS)
    return ledger.noted


def steady(delay: int, windows: float = 2.0, pace_ms: int = 1_000, since: int = START) -> Stream:
    """Samples that all come `delay` late, by up to 300 ms more."""
    return [(since + n * pace_ms, delay + n % 4 * 100) for n in range(int(windows * WINDOW_MS / pace_ms))]


def drained(silence_ms: int, speed: float, since: int, pace_ms: int = 1_000, jitter: int = 0) -> Stream:
    """A radio gap, after which a queue empties `speed` times as fast as it fills, one sample at a time; then live again."""
    out: Stream = []
    at = float(since + silence_ms)
    made = since
    while made <= at and len(out) < 600:
        out.append((int(at), int(at) - made + (jitter * (len(out) % 7)) // 7))
        made, at = made + pace_ms, at + pace_ms / speed
    return out


@pytest.mark.parametrize(
    ("delay", "known", "entries"),
    [
        (80, who(), []),
        (-120_000, who(), [Entry("a", 120_000, -120_000, 30)]),
        (95_000, who(), [Entry("a", -95_000, 95_000, 30)]),
        (-120_000, who(119_000), []),
        (-120_000, who(60_000, -60_000), [Entry("a", 120_000, -120_000, 30)]),
        (80, who(-95_000, 95_000), [Entry("a", -80, 0, 30)]),
        (-4_000, who(0), [Entry("a", 4_000, -4_000, 30)]),
        (MOST_MS + 1, who(), [Entry("a", -MOST_MS - 1, 0, 30)]),
        (95_000, who(-95_000, 0), []),
    ],
    ids=["right", "ahead", "slow", "known", "further", "set right", "a little ahead", "beyond belief", "taken back by a person"],
)
def test_the_ledger_says_what_changed_and_what_is_added_from_then_on(delay: int, known: Directory, entries: list[Entry]) -> None:
    assert heard(steady(delay), known) == entries


def test_a_few_samples_say_nothing() -> None:
    assert heard(steady(-120_000)[: LEAST - 1]) == []


def test_a_device_that_speaks_rarely_gets_a_longer_window() -> None:
    assert [e.clock_ms for e in heard(steady(95_000, 26, 30_000))] == [95_000]


def test_one_slow_window_is_not_enough_for_it_may_be_a_buffer_that_empties() -> None:
    assert heard(steady(95_000, 1.0)) == []


def test_a_way_that_is_never_steady_says_nothing() -> None:
    assert heard([(START + n * 1_000, 90_000 + n % 2 * (SPREAD_MS + 1)) for n in range(120)]) == []


def late_after_a_silence() -> Stream:
    return steady(80, 2) + drained(90_000, 1.0, START + 2 * WINDOW_MS)


def test_a_delay_that_came_with_a_silence_of_its_length_is_told_and_not_corrected() -> None:
    assert [(round(e.skew_ms, -3), e.clock_ms) for e in heard(late_after_a_silence())] == [(-90_000, 0)]


def test_it_is_corrected_once_the_device_says_that_it_holds_nothing() -> None:
    empty = Link(device="a", state="online", at=START + 5 * WINDOW_MS + 1, buffered=0)
    assert [round(e.clock_ms, -3) for e in heard(late_after_a_silence(), links=(empty,))] == [90_000]


def test_a_word_that_the_broker_kept_does_not_say_when_the_buffer_was_empty() -> None:
    kept = Link(device="a", state="online", at=WHENEVER, buffered=0)
    assert [e.clock_ms for e in heard(late_after_a_silence(), links=(kept,))] == [0]


def test_a_word_that_the_broker_kept_takes_nothing_from_what_was_said_before() -> None:
    said, kept = (Link(device="a", state="online", at=at, buffered=0) for at in (START + 5 * WINDOW_MS + 1, WHENEVER))
    assert [round(e.clock_ms, -3) for e in heard(late_after_a_silence(), links=(said, kept))] == [90_000]


def test_a_word_that_the_broker_kept_says_that_the_device_holds_samples_or_no_longer_does() -> None:
    holds, empty = (Link(device="a", state="online", at=WHENEVER, buffered=n) for n in (90, 0))
    assert [[e.clock_ms for e in heard(steady(95_000), links=links)] for links in ((holds,), (holds, empty))] == [[0], [95_000]]


def test_a_device_that_says_it_holds_samples_is_told_and_not_corrected() -> None:
    holds = Link(device="a", state="online", at=START, buffered=90)
    assert [(e.skew_ms, e.clock_ms) for e in heard(steady(95_000), links=(holds,))] == [(-95_000, 0)]


def test_what_a_device_said_before_it_vanished_does_not_empty_its_buffer() -> None:
    will = Link(device="a", state="offline", at=START + 5 * WINDOW_MS + 1, buffered=0)
    assert [e.clock_ms for e in heard(late_after_a_silence(), links=(will,))] == [0]


def test_a_clock_that_jumps_while_its_device_goes_on_speaking_is_corrected() -> None:
    jumped = steady(80, 2) + steady(95_000, 3, since=START + 2 * WINDOW_MS)
    assert [e.clock_ms for e in heard(jumped)] == [95_000]


def test_an_enrolment_elsewhere_costs_a_device_nothing_of_its_window() -> None:
    skew, noted = Skew(), list[Entry]()
    for n, (at, delay) in enumerate(steady(-120_000, 1.5)):
        more = directory([Device("new" + str(n)), Device("a")], [], {}, 4, 0)
        noted += skew.fold(more, (np.array([1]), np.array([at]), np.array([delay])), at)
    assert [e.clock_ms for e in noted] == [-120_000]


@pytest.mark.slow
@settings(deadline=None)
@given(
    late=st.integers(3_000, 7_200_000),
    pace=st.integers(200, 5_000),
    jitter=st.lists(st.integers(0, 60), min_size=1, max_size=50),
    phase=st.integers(0, WINDOW_MS),
)
def test_a_slow_clock_is_corrected_after_a_bounded_number_of_samples(late: int, pace: int, jitter: list[int], phase: int) -> None:
    most = 3 * max(LEAST + 1, WINDOW_MS // pace + 1)
    stream = [(START + phase + n * pace, late + jitter[n % len(jitter)]) for n in range(most)]
    assert [abs(e.clock_ms - late) <= 60 for e in heard(stream)] == [True]


@pytest.mark.parametrize("pace", [1_000, 5_000, 20_000])
def test_a_clock_that_loses_a_second_in_a_quarter_of_an_hour_is_corrected_beyond_the_tolerance(pace: int) -> None:
    drifting = [(START + n * pace, 80 + n * pace // 900) for n in range(3_000_000 // pace)]
    assert [e.clock_ms > TOLERANCE_MS for e in heard(drifting)] == [True]


@pytest.mark.slow
@settings(deadline=None)
@given(
    silence=st.integers(10_000, 21_600_000),
    speed=st.floats(1.0, 100.0),
    pace=st.sampled_from([500, 1_000, 5_000]),
    jitter=st.integers(0, 1_000),
    before=st.booleans(),
)
@example(silence=10_000, speed=1.0043, pace=5_000, jitter=253, before=False)  # a moment later the delay is within the tolerance
def test_a_backlog_is_never_taken_for_a_slow_clock(silence: int, speed: float, pace: int, jitter: int, before: bool) -> None:
    calm = steady(80, 3, pace) if before or speed < 1.05 else []
    stream = calm + drained(silence, speed, START + 3 * WINDOW_MS, pace, jitter)
    assert [e.clock_ms for e in heard(stream) if e.clock_ms > 0] == []


@pytest.mark.slow
@settings(deadline=None)
@given(
    parts=st.lists(st.tuples(st.sampled_from([80, 95_000, -120_000, 40_000]), st.integers(1, 90)), min_size=1, max_size=5),
    cuts=st.sets(st.integers(1, 400)),
)
def test_the_ledger_is_the_same_in_any_batching(parts: list[tuple[int, int]], cuts: set[int]) -> None:
    stream: Stream = []
    for delay, count in parts:
        since = stream[-1][0] + 1_000 if stream else START
        stream += [(since + n * 1_000, delay + n % 3) for n in range(count)]
    bounds = [0, *sorted(c for c in cuts if c < len(stream)), len(stream)]
    ledger = Ledger(Skew(), who(), [])
    for low, high in pairwise(bounds):
        ledger.hear(stream[low:high], stream[high - 1][0])
    ledger.hear([], stream[-1][0] + WINDOW_MS)
    assert ledger.noted == heard(stream)


def test_a_difference_within_the_tolerance_changes_nothing() -> None:
    assert heard(steady(TOLERANCE_MS - 500)) == []
