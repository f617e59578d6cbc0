"""Chunks that come in any order within a minute: the alerts that a heart makes are those of the order, and none waits for it."""

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.desk import Desk
from alerts.findings import take
from streams.detect.waveform import hearing
from streams.detect.waveform.hearing import AHEAD_MS, Hearing
from streams.detect.waveform.worker import Ward
from tests.unit.alerts.stories import SITE
from tests.unit.streams.detect.test_waveform_held_back import end_of, two_channels
from tests.unit.streams.detect.test_waveform_watch import CALM, RATE, T0, Array, chunks, heart, merged, said
from tests.unit.streams.detect.test_waveform_watch import told as told_in_order
from vitals.finding import Finding
from vitals.waveform import Waveform, encode

MINUTE = 60_000
STOPS = chunks(heart([*CALM, 12.0, *CALM]))


def shaken(stream: list[Waveform], rng: np.random.Generator, share: float) -> list[Waveform]:
    """`share` of the chunks late by up to a minute, the first too, and a fifth twice."""
    late = [end_of(c) + 200 + (int(rng.integers(0, MINUTE - 200)) if rng.random() < share else 0) for c in stream]
    once = [msgspec.structs.replace(c, received_at=r) for c, r in zip(stream, late, strict=True)]
    twice = [msgspec.structs.replace(c, received_at=c.received_at + int(rng.integers(0, MINUTE))) for c in once if rng.random() < 0.2]
    return sorted(once + twice, key=lambda c: c.received_at)


def told(stream: list[Waveform]) -> list[Finding]:
    ward = Ward()
    ward.open(0, {})
    return [f for c in stream for f in ward.take(0, encode(c), "waveforms", c.received_at).findings]


def alerts(stream: list[Waveform]) -> list[tuple[object, ...]]:
    """The alerts that stand when all has come."""
    desk = Desk(SITE)
    for f in told(stream):
        take(desk, f, f.detected_at)
    made = [case.alert for case in desk.cases.values()]
    return sorted((a.started_at, a.ended_at or 0, a.rule, a.subject, a.priority, a.retrospective) for a in made)


def spans(found: list[Finding]) -> list[tuple[object, ...]]:
    """When each condition was, by the last word on it; not what was withdrawn: over where it began."""
    last = {f.id: f for f in found}
    return sorted((f.started_at, f.ended_at or 0, f.rule, f.subject, f.priority) for f in last.values() if f.ended_at != f.started_at)


def every(found: list[Finding]) -> list[tuple[object, ...]]:
    """All that was told, what was withdrawn too: from when to when by the last word on it, and whether as history."""
    first: dict[str, Finding] = {}
    for f in found:
        first.setdefault(f.id, f)
    last = {f.id: f for f in found}
    return sorted((f.started_at, f.ended_at or 0, f.rule, f.subject, f.priority, first[i].retrospective) for i, f in last.items())


def ill(rng: np.random.Generator) -> list[Waveform]:
    """An ECG, with a PPG or without: a heart is calm, stops, is slow and fibrillates by turns, with noise and lost seconds at times."""
    gaps = list(CALM[:25])
    for kind in rng.choice(["calm", "stop", "slow", "uneven"], int(rng.integers(2, 5))):
        gaps += {
            "calm": [0.8] * 30,
            "stop": [float(rng.uniform(4.5, 20))],
            "slow": [1.7] * 15,
            "uneven": list(rng.uniform(0.42, 1.1, 200)),
        }[kind]
        gaps += [0.8] * int(rng.integers(12, 30))
    signal = heart([*gaps, *[0.8] * 130])
    both = merged(chunks(noisy(signal, rng)), chunks(signal, channel="ppg") if rng.random() < 0.5 else [])
    return [c for c in both if rng.random() > 0.005]


def noisy(signal: Array, rng: np.random.Generator) -> Array:
    noise = np.cumsum(rng.normal(0, 0.12, len(signal)))
    at = int(rng.integers(0, len(signal)))
    where = (np.arange(len(signal)) > at) & (np.arange(len(signal)) < at + 40 * RATE)
    return signal + np.where(where, noise - np.convolve(noise, np.ones(200) / 200, "same"), 0)


@pytest.mark.slow
@settings(max_examples=2, deadline=None)
@given(seed=st.integers(0, 2**32), share=st.sampled_from([0.02, 0.2, 1.0]))
def test_reordering_within_a_minute_and_duplicates_change_no_alert(seed: int, share: float) -> None:
    stream = two_channels(seed)
    assert alerts(shaken(stream, np.random.default_rng(seed), share)) == alerts(stream)


@pytest.mark.slow
@settings(max_examples=3, deadline=None)
@given(seed=st.integers(0, 2**32), share=st.sampled_from([0.02, 0.2, 1.0]))
def test_nor_what_is_said_of_a_rhythm_that_changes_in_every_way(seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    stream = ill(rng)
    assert every(told(shaken(stream, rng, share))) == every(told(stream))


def late(stream: list[Waveform], at: int, by: int) -> list[Waveform]:
    """The chunk at a place comes behind so many others."""
    come = [*stream[:at], *stream[at + 1 :]]
    return [*come[: at + by], msgspec.structs.replace(stream[at], received_at=come[at + by - 1].received_at), *come[at + by :]]


HIDDEN = late(late(STOPS, 52, 12), 50, 10)
"""Two seconds about the last beat come when it is over."""


def test_an_asystole_that_late_seconds_hid_is_told_when_they_come() -> None:
    assert spans(told(HIDDEN)) == spans(told_in_order(STOPS))


def test_without_their_place_it_would_be_told_otherwise() -> None:
    assert spans(told_in_order(HIDDEN)) != spans(told_in_order(STOPS))


def test_what_is_in_order_is_told_as_the_watch_says() -> None:
    assert [(f.id, f.phase, f.detected_at) for f in told(STOPS)] == [(f.id, f.phase, f.received_at) for f in told_in_order(STOPS)]


def test_what_comes_twice_says_nothing() -> None:
    assert said(told([c for chunk in STOPS for c in (chunk, chunk)])) == said(told(STOPS))


@pytest.mark.parametrize(("by", "in_place"), [(60, True), (66, True), (67, False)])
def test_later_than_a_minute_a_chunk_is_history(by: int, in_place: bool) -> None:
    heard = Hearing()
    for chunk in late(chunks(heart(CALM * 3)), 20, by):
        heard.take(chunk, "", 0)
    [channel] = heard.watch.channels.values()
    assert (channel.unbroken == T0) is in_place


@pytest.mark.parametrize(("ahead", "in_place"), [(AHEAD_MS, True), (AHEAD_MS + 1_200, False)])
def test_of_a_clock_that_is_far_ahead_only_the_order_of_arrival_is_known(ahead: int, in_place: bool) -> None:
    heard = Hearing()
    stream = [msgspec.structs.replace(c, received_at=end_of(c) - ahead) for c in STOPS[:20]]
    for chunk in [*stream[:9], stream[10], msgspec.structs.replace(stream[9], received_at=stream[10].received_at + 1), *stream[11:]]:
        heard.take(chunk, "", 0)
    [channel] = heard.watch.channels.values()
    assert (channel.unbroken == T0) is in_place


def test_a_late_chunk_that_cannot_be_heard_changes_nothing() -> None:
    heard = Hearing()
    for chunk in STOPS[:20]:
        heard.take(chunk, "", 0)
    before = (heard.watch, list(heard.heard))
    with pytest.raises(ValueError, match="rate_hz is 50"):
        heard.take(msgspec.structs.replace(STOPS[5], seq=99, rate_hz=50.0), "", 0)
    assert (heard.watch, heard.heard) == before


def after(*stream: Waveform) -> Hearing:
    heard = Hearing()
    for chunk in stream:
        heard.take(chunk, "", 0)
    return heard


def second(at: int, **more: object) -> Waveform:
    """The second of an ECG that ends so many s after T0."""
    return msgspec.structs.replace(STOPS[0], seq=at, observed_at=T0 + 1000 * (at - 1), received_at=T0 + 1000 * at, **more)


def ends(heard: Hearing) -> list[int]:
    return [(end_of(each.chunk) - T0) // 1000 for each in heard.heard]


def kept(heard: Hearing) -> list[int]:
    """Of which seconds the watch before them is kept."""
    return [(end_of(each.chunk) - T0) // 1000 for each in heard.heard if each.before is not None]


def test_before_every_stride_and_the_newest_the_watch_is_kept() -> None:
    assert kept(after(*(second(at) for at in range(1, 50)))) == [1, 20, 40, 46, 47, 48, 49]


def test_what_is_heard_again_is_kept_as_in_order() -> None:
    assert kept(after(*(second(at) for at in [*range(1, 25), *range(26, 50), 25]))) == [1, 20, 40, 46, 47, 48, 49]


@pytest.mark.parametrize(("newest", "first"), [(87, 1), (88, 20), (106, 20), (107, 40)])
def test_what_no_late_chunk_can_need_is_forgotten(newest: int, first: int) -> None:
    assert ends(after(*(second(at) for at in range(1, newest + 1))))[0] == first


def test_what_is_a_span_old_is_the_last_that_a_late_chunk_can_need() -> None:
    assert ends(after(*(second(at) for at in range(19, 107))))[0] == 40


@pytest.mark.parametrize(("most", "first"), [(22, 1), (21, 20), (20, 20)])
def test_of_more_than_a_bounded_number_the_oldest_are_forgotten(monkeypatch: pytest.MonkeyPatch, most: int, first: int) -> None:
    monkeypatch.setattr(hearing, "MOST", most)
    assert ends(after(*(second(at) for at in range(1, 41))))[0] == first


def test_what_comes_much_later_is_heard_as_it_comes() -> None:
    assert ends(after(*(second(at) for at in [*range(1, 10), *range(11, 80), 10])))[-1] == 10


def test_what_does_not_beat_is_not_kept() -> None:
    heard = Hearing()
    heard.take(chunks(heart(CALM), "resp")[0], "", 0)
    assert heard.heard == []
