"""Where chunks are held back for a minute, re-ordering within it and repeats change nothing that is told of a heart."""

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.detect.order import GRACE_MS
from streams.detect.waveform import held_back
from streams.detect.waveform.held_back import HeldBack, end_of
from streams.detect.waveform.worker import Ward
from tests.unit.streams.detect.test_waveform_watch import CALM, RATE, T0, chunks, heart, merged
from vitals.waveform import Waveform, encode

BACK = 60_000
BEHIND = BACK + GRACE_MS


def shaken(stream: list[Waveform], rng: np.random.Generator) -> list[Waveform]:
    """Every chunk late by up to a minute, the first too, and a fifth twice."""
    late = [msgspec.structs.replace(c, received_at=end_of(c) + int(rng.integers(200, BACK))) for c in stream]
    late += [msgspec.structs.replace(c, received_at=c.received_at + int(rng.integers(0, 1000))) for c in late if rng.random() < 0.2]
    return sorted(late, key=lambda c: c.received_at)


def told(stream: list[Waveform], back_ms: int = BACK) -> list[tuple[object, ...]]:
    """What is told of chunks in the order given, and in the end of those that still wait."""
    ward, held, found = Ward(), HeldBack[Waveform](back_ms), []
    ward.open(0, {})
    for chunk in stream:
        for each in held.arrived(0, encode(chunk), chunk):
            found += ward.take(0, encode(each), "waveforms", 0).findings
    for each in held.due(0, T0 + 10**9):
        found += ward.take(0, encode(each), "waveforms", 0).findings
    return [(f.id, f.rule, f.phase, f.started_at, f.at, f.ended_at, f.retrospective, str(f.evidence)) for f in found]


def two_channels(seed: int) -> list[Waveform]:
    """An ECG and a PPG of a heart that stops twice, once for longer, and fibrillates between."""
    uneven = list(np.random.default_rng(seed).uniform(0.42, 1.1, 60))
    signal = heart([*CALM, 6.0, *CALM, *uneven, 12.0, *CALM])
    return merged(chunks(signal), chunks(signal, channel="ppg"))


@pytest.mark.slow
@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_reordering_within_a_minute_and_duplicates_change_nothing_that_is_told(seed: int) -> None:
    stream = two_channels(seed)
    assert told(shaken(stream, np.random.default_rng(seed))) == told(stream)


def test_without_being_held_back_it_would_change() -> None:
    stream = chunks(heart([*CALM, 12.0, *CALM]))
    late = shaken(stream, np.random.default_rng(2))
    same = [told(late, back) == told(stream, back) for back in (BACK, 0)]
    assert (same, [what[1:3] for what in told(stream)]) == ([True, False], [("ecg_asystole", "start"), ("ecg_asystole", "end")])


def chunk(seq: int, end: int, late: int = 0, **more: object) -> Waveform:
    """One of a second that ends `end` ms after T0 and comes `late` ms later."""
    plain = chunks(np.zeros(RATE), start=T0 + end - 1000)[0]
    return msgspec.structs.replace(plain, seq=seq, received_at=T0 + end + late, **more)


def goes(*stream: Waveform, back_ms: int = BACK) -> list[list[int]]:
    """The numbers of those that go on after each."""
    held = HeldBack[int](back_ms)
    return [held.arrived(0, encode(c), c.seq) for c in stream]


def test_a_chunk_goes_on_when_its_end_is_so_long_past() -> None:
    assert goes(chunk(1, 0), chunk(2, BEHIND - 1), chunk(3, BEHIND)) == [[], [], [1]]


def test_of_one_moment_they_go_by_device_channel_and_number() -> None:
    same = [chunk(4, 0), chunk(3, 0), chunk(2, 0, channel="a"), chunk(1, 0, device="a"), chunk(1, 0, device="a")]
    assert goes(*same, chunk(9, BEHIND))[-1] == [1, 1, 2, 3, 4]


def test_what_comes_later_than_that_goes_on_at_once() -> None:
    assert goes(chunk(2, BEHIND + 1), chunk(1, 0, BEHIND + 2)) == [[], [1]]


def test_what_is_of_a_time_to_come_waits_no_longer_than_twice() -> None:
    ahead = 10 * BACK
    assert goes(chunk(1, ahead, -ahead), chunk(2, BACK + BEHIND - 1), chunk(3, BACK + BEHIND)) == [[], [], [1]]


def test_of_what_comes_twice_the_first_goes_first() -> None:
    held, twice = HeldBack[str](BACK), encode(chunk(1, 0))
    assert [held.arrived(0, twice, "first"), held.arrived(0, twice, "again"), held.due(0, T0 + BEHIND)] == [[], [], ["first", "again"]]


def test_held_back_by_nothing_each_goes_on_at_once() -> None:
    assert goes(chunk(1, 0), chunk(2, 1), back_ms=0) == [[1], [2]]


@pytest.mark.parametrize("value", [b"not a chunk", *(encode(chunk(1, 0, rate_hz=rate)) for rate in (0.0, float("nan")))])
def test_what_is_no_chunk_goes_on_to_be_refused(value: bytes) -> None:
    assert HeldBack[int](BACK).arrived(0, value, 7) == [7]


def test_no_more_than_a_bounded_number_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_back, "MOST", 2)
    assert goes(chunk(1, 0), chunk(2, 1), chunk(3, 2)) == [[], [], [1]]


@pytest.mark.parametrize(("partition", "later", "gone", "left"), [(0, BEHIND - 1, [], 1), (0, BEHIND, [1], 0), (1, BEHIND, [], 1)])
def test_time_lets_go_of_one_partition_what_no_chunk_did(partition: int, later: int, gone: list[int], left: int) -> None:
    held = HeldBack[int](BACK)
    held.arrived(0, encode(chunk(1, 0)), 1)
    assert (held.due(partition, T0 + later), len(held.of)) == (gone, left)


def test_a_patients_clock_does_not_go_back() -> None:
    assert goes(chunk(2, BEHIND), chunk(1, 0, 5)) == [[], [1]]
