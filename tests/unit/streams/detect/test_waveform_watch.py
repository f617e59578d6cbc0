"""What is told of a heart, and what is not."""

import numpy as np
import numpy.typing as npt
import pytest
import wfdb

from streams.detect.waveform.watch import CHANNELS, Watch, step
from tests.unit.streams.detect.recordings import recorded
from vitals.finding import Finding
from vitals.waveform import Waveform, folded

RATE = 250
T0 = 1_795_228_800_000
Array = npt.NDArray[np.float64]


def heart(intervals: list[float], stop_s: float = 0.0, noise: float = 0.005) -> Array:
    """An ECG-like signal with a beat after each interval (s), then stillness."""
    times = np.cumsum(intervals)
    ecg = np.random.default_rng(3).normal(0, noise, int((times[-1] + stop_s) * RATE) + 100)
    for beat in (times * RATE).astype(int):
        ecg[beat : beat + 10] += np.array([0.1, 0.4, 0.9, 1.0, 0.6, 0.1, -0.2, -0.15, -0.1, -0.05])[: len(ecg) - beat]
    return ecg


def chunks(signal: Array, channel: str = "ecg_ii", delay_ms: int = 200, start: int = T0, device: str = "d") -> list[Waveform]:
    cut = []
    for seq, at in enumerate(range(0, len(signal), RATE)):
        gain, offset, samples = folded(list(signal[at : at + RATE]))
        end = start + round(1000 * min(at + RATE, len(signal)) / RATE)
        cut.append(
            Waveform(
                patient="p",
                device=device,
                channel=channel,
                seq=seq,
                observed_at=start + round(1000 * at / RATE),
                received_at=end + delay_ms,
                rate_hz=RATE,
                unit="mV",
                gain=gain,
                offset=offset,
                samples=samples,
            )
        )
    return cut


def told(stream: list[Waveform]) -> list[Finding]:
    watch, found = Watch(), []
    for chunk in stream:
        watch, more = step(watch, chunk, "north", chunk.received_at)
        found += more
    return found


def merged(*streams: list[Waveform]) -> list[Waveform]:
    return sorted((chunk for stream in streams for chunk in stream), key=lambda chunk: chunk.observed_at)


def said(found: list[Finding]) -> list[tuple[str, str, bool]]:
    return [(f.rule, f.phase, f.retrospective) for f in found]


CALM = [0.8] * 60


def test_a_calm_heart_says_nothing() -> None:
    assert told(chunks(heart(CALM * 3))) == []


def test_a_heart_that_stops_is_told_once() -> None:
    assert said(told(chunks(heart(CALM, stop_s=12)))) == [("ecg_asystole", "start", False)]


def test_the_return_of_the_beat_ends_the_asystole() -> None:
    assert said(told(chunks(heart([*CALM, 8.0, *CALM])))) == [("ecg_asystole", "start", False), ("ecg_asystole", "end", False)]


def test_the_false_asystole_of_a103l_is_not_told() -> None:
    record = wfdb.rdrecord(str(recorded("wfdb/a103l")))
    names = {"II": "ecg_ii", "V": "ecg_v", "PLETH": "pleth"}
    stream = merged(*(chunks(record.p_signal[:, c], names[name]) for c, name in enumerate(record.sig_name)))
    assert "ecg_asystole" not in {f.rule for f in told(stream)}


def test_noise_that_is_taken_for_beats_ends_no_asystole() -> None:
    assert said(told(chunks(heart(CALM, stop_s=120, noise=0.05))))[0] == ("ecg_asystole", "start", False)
    assert ("ecg_asystole", "end", False) not in said(told(chunks(heart(CALM, stop_s=120, noise=0.05))))


def test_a_pulse_elsewhere_forbids_the_asystole() -> None:
    ecg, ppg = chunks(heart(CALM, stop_s=12)), chunks(heart(CALM + [0.8] * 15), "ppg")
    both = [c for pair in zip(ppg, ecg, strict=False) for c in pair]
    assert told(both) == []


def test_a_pulse_elsewhere_forbids_the_asystole_also_when_a_second_of_it_is_lost() -> None:
    ecg, ppg = chunks(heart(CALM, stop_s=12)), chunks(heart(CALM + [0.8] * 15), "ppg")
    assert told(merged(ppg[:54] + ppg[55:], ecg)) == []


def test_a_lost_second_of_the_pulse_ends_no_asystole() -> None:
    ecg, ppg = chunks(heart(CALM, stop_s=22)), chunks(heart(CALM, stop_s=22), "ppg")
    assert said(told(merged(ppg[:56] + ppg[57:], ecg))) == [("ecg_asystole", "start", False)]


def test_a_pulse_that_comes_back_ends_it() -> None:
    ecg, ppg = chunks(heart(CALM, stop_s=32)), chunks(heart([*CALM, 12.0, *CALM[:20]]), "ppg")
    assert said(told(merged(ppg[:56] + ppg[57:], ecg)))[:2] == [("ecg_asystole", "start", False), ("ecg_asystole", "end", False)]


def test_noise_that_is_taken_for_a_pulse_forbids_no_asystole() -> None:
    in_the_air = np.random.default_rng(4).normal(0, 0.005, 70 * RATE)
    assert said(told(merged(chunks(in_the_air, "ppg"), chunks(heart(CALM, stop_s=22))))) == [("ecg_asystole", "start", False)]


def test_nor_ends_it() -> None:
    ppg = chunks(np.random.default_rng(4).normal(0, 0.005, 30 * RATE), "ppg", start=T0 + 54_000)
    assert said(told(merged(ppg, chunks(heart(CALM, stop_s=32))))) == [("ecg_asystole", "start", False)]


def test_a_pulse_that_is_sent_no_more_forbids_no_asystole() -> None:
    ppg, ecg = chunks(heart(CALM), "ppg"), chunks(heart(CALM + [0.8] * 30, stop_s=20))
    assert said(told(merged(ppg, ecg))) == [("ecg_asystole", "start", False)]


def test_the_ecg_of_the_device_before_forbids_no_asystole() -> None:
    before, after = chunks(heart(CALM), device="d1"), chunks(heart(CALM, stop_s=12), device="d2", start=T0 + 60_000)
    assert said(told(merged(before, after))) == [("ecg_asystole", "start", False)]


def test_a_ninth_channel_takes_the_place_of_one_that_is_sent_no_more() -> None:
    before = [chunks(heart(CALM[:10]), device=f"d{n}") for n in range(CHANNELS)]
    after = chunks(heart(CALM, stop_s=12), start=T0 + 60_000)
    assert said(told(merged(*before, after))) == [("ecg_asystole", "start", False)]


def test_a_ninth_channel_takes_the_place_of_none_that_is_still_sent() -> None:
    watch = Watch()
    for chunk in merged(*(chunks(heart(CALM[:30]), device=f"d{n}") for n in range(CHANNELS + 1))):
        watch, _ = step(watch, chunk, "north", chunk.received_at)
    assert set(watch.channels) == {f"d{n}/ecg_ii" for n in range(CHANNELS)}


@pytest.mark.parametrize(("late_ms", "expected"), [(200, False), (3_600_000, True)])
def test_an_asystole_that_was_over_before_it_was_known_is_history(late_ms: int, expected: bool) -> None:
    found = told(chunks(heart([*CALM, 8.0, *CALM]), delay_ms=late_ms))
    assert found[0].retrospective is expected


def test_history_is_one_finding_with_its_span() -> None:
    found = told(chunks(heart([*CALM, 8.0, *CALM]), delay_ms=3_600_000))
    assert [f.ended_at is not None and 2_000 < f.ended_at - f.started_at < 7_000 for f in found] == [True]


def test_five_slow_beats_are_told() -> None:
    assert ("ecg_bradycardia", "start", False) in said(told(chunks(heart([*CALM, *[1.7] * 12]))))


def test_sustained_irregularity_is_told_as_fibrillation() -> None:
    gaps = list(np.random.default_rng(5).uniform(0.42, 1.1, 260))
    assert ("ecg_fibrillation", "start", False) in said(told(chunks(heart(gaps))))


def test_a_lost_second_ends_no_fibrillation() -> None:
    ecg = chunks(heart(list(np.random.default_rng(5).uniform(0.42, 1.1, 420))))
    found = told([*ecg[:150], *ecg[151:]])
    assert [f.phase for f in found if f.rule == "ecg_fibrillation"] == ["start"]


def test_fibrillation_ends_with_it() -> None:
    gaps = list(np.random.default_rng(5).uniform(0.42, 1.1, 260)) + [0.8] * 300
    assert [f.phase for f in told(chunks(heart(gaps))) if f.rule == "ecg_fibrillation"] == ["start", "end"]


def test_a_poor_signal_is_one_technical_finding_and_nothing_else() -> None:
    ecg = heart(CALM * 3)
    noise = np.cumsum(np.random.default_rng(7).normal(0, 0.12, len(ecg)))
    shaken = ecg + np.where(np.arange(len(ecg)) > 40 * RATE, noise - np.convolve(noise, np.ones(200) / 200, "same"), 0)
    assert {(f.rule, f.alert_class) for f in told(chunks(shaken))} == {("ecg_poor_signal", "technical")}


def test_a_gap_is_not_a_pause() -> None:
    ecg = chunks(heart(CALM * 2))
    assert told(ecg[:40] + ecg[52:]) == []


@pytest.mark.parametrize(("pause", "expected"), [(3.8, []), (4.8, ["start", "end"])])
def test_soon_after_a_gap_a_pause_is_as_long_as_it_is(pause: float, expected: list[str]) -> None:
    ecg = chunks(heart([*CALM[:50], pause, *CALM]))
    assert [f.phase for f in told(ecg[:38] + ecg[39:])] == expected


@pytest.mark.parametrize("kept", [1.0, 0.3], ids=["as before", "on a lead that was moved"])
def test_a_heart_that_is_smaller_after_a_gap_is_heard(kept: float) -> None:
    before, after = heart(CALM), heart([*CALM, 0.8]) * kept
    assert told(chunks(before) + chunks(after, start=T0 + 52_000)) == []


@pytest.mark.parametrize("noise", [0.005, 0.03])
@pytest.mark.parametrize(("lost_s", "expected"), [(1, ["ecg_asystole"]), (40, ["ecg_asystole"])])
def test_a_heart_that_stops_in_a_short_gap_is_told(lost_s: int, expected: list[str], noise: float) -> None:
    ecg = chunks(heart(CALM, stop_s=lost_s + 20, noise=noise))
    assert [f.rule for f in told(ecg[:47] + ecg[47 + lost_s :])] == expected


def test_after_a_long_gap_nothing_is_known() -> None:
    ecg = chunks(heart(CALM, stop_s=110))
    assert told(ecg[:47] + ecg[137:]) == []


def test_a_level_that_artefacts_had_raised_before_a_gap_makes_no_lasting_asystole() -> None:
    before, after = np.concatenate((heart(CALM[:30]), heart(CALM[:40]) * 10)), heart(CALM * 3)
    at = T0 + 1000 * (len(before) // RATE + 4)
    assert [f.phase for f in told(chunks(before) + chunks(after, start=at)) if f.rule == "ecg_asystole"] == ["start", "end"]


def test_a_heart_that_stops_soon_after_a_lost_second_is_told() -> None:
    ecg = chunks(heart(CALM, stop_s=12))
    assert said(told(ecg[:43] + ecg[44:])) == [("ecg_asystole", "start", False)]


def test_a_restart_of_the_detector_does_not_end_what_is_on() -> None:
    ecg = chunks(heart(CALM, stop_s=12))
    watch = Watch()
    for chunk in ecg:
        watch, _ = step(watch, chunk, "north", chunk.received_at)
    after = chunks(heart([0.8] * 5), start=ecg[-1].received_at)
    watch, found = Watch(timers=watch.timers), []
    for chunk in after:
        watch, more = step(watch, chunk, "north", chunk.received_at)
        found += more
    assert found == []


def test_chunks_heard_twice_change_nothing() -> None:
    ecg = chunks(heart([*CALM, 8.0, *CALM]))
    assert [f.id for f in told([c for chunk in ecg for c in (chunk, chunk)])] == [f.id for f in told(ecg)]


def test_what_comes_again_much_later_says_nothing_of_now() -> None:
    """The ECG is judged when it is heard, not when an old second of it comes once more behind the pulse."""
    ecg, ppg = chunks(heart(CALM, stop_s=12)), chunks(heart(CALM, stop_s=12), "ppg")
    both = merged(ecg, ppg)
    again = [c for chunk in both for c in (chunk, ecg[3])]
    assert [f.id for f in told(again)] == [f.id for f in told(both)]


def test_respiration_does_not_beat() -> None:
    assert told(chunks(heart(CALM, stop_s=12), "resp")) == []
