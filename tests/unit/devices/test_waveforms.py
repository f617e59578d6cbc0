"""Claims about the curves of simulated bodies: they go with the vitals, on and on, and the gateway takes them."""

import numpy as np
import numpy.typing as npt
import pytest

from devices.simulator import waveform
from devices.simulator.physiology import VITALS
from devices.simulator.waveform import CHUNK_MS, MOST_LATE_MS, RATES, Phases, curves, due, encoded
from ingest import wire
from streams.detect.waveform import beats

Array = npt.NDArray[np.float64]
T0 = 1_800_000_000_000


def body(**given: float) -> Array:
    return np.array([({"hr": 72.0, "rr": 15.0, "spo2": 98.0, "temp": 37.0, "sbp": 120.0, "dbp": 70.0} | given)[v] for v in VITALS])


def played(seconds: int, **given: float) -> dict[str, Array]:
    """Each channel over so many chunks."""
    phases, rng, made = Phases(), np.random.default_rng(1), []
    for _ in range(seconds):
        phases, chunk = curves(phases, body(**given), rng.normal(size=250))
        made.append(chunk)
    return {channel: np.concatenate([chunk[channel] for chunk in made]) for channel in RATES}


def rate_of(signal: Array, hz: int) -> float:
    """The strongest frequency above 0.05 Hz, per minute."""
    power = np.abs(np.fft.rfft(signal - signal.mean())) ** 2
    f = np.fft.rfftfreq(len(signal), 1 / hz)
    return float(f[1 + np.argmax(power[1:])] * 60)


@pytest.mark.parametrize("hr", [45.0, 72.0, 120.0, 160.0])
def test_a_beat_detector_counts_the_heart_rate_in_the_ecg(hr: float) -> None:
    memory, found = beats.begin(250.0), 0
    for second in np.split(played(60, hr=hr)["ecg_ii"], 60):
        memory, told = beats.step(memory, second)
        found += len(told)
    assert found == pytest.approx(hr, abs=3)


@pytest.mark.parametrize("rr", [8.0, 15.0, 30.0])
def test_the_breath_goes_at_its_rate(rr: float) -> None:
    assert rate_of(played(60, rr=rr)["resp"], RATES["resp"]) == pytest.approx(rr, abs=1)


def test_the_pulse_goes_with_the_heart() -> None:
    assert rate_of(played(60, hr=90.0)["ppg"], RATES["ppg"]) == pytest.approx(90, abs=2)


def test_the_pulse_is_weaker_where_the_saturation_is_low() -> None:
    assert np.ptp(played(10, spo2=75.0)["ppg"]) < 0.6 * np.ptp(played(10, spo2=98.0)["ppg"])


def test_one_chunk_goes_on_where_the_last_one_ended() -> None:
    both = [np.abs(np.diff(played(20)[channel])) for channel in ("ppg", "resp")]
    assert [bool(d[RATES[c] - 1 :: RATES[c]].max() <= d.max()) for d, c in zip(both, ("ppg", "resp"), strict=True)] == [True, True]


def test_a_chunk_is_made_when_its_second_is_over() -> None:
    assert [due(Phases(at=T0), T0 + late)[1] for late in (CHUNK_MS - 1, CHUNK_MS, 3 * CHUNK_MS + 1)] == [0, 1, 3]


def test_too_long_a_pause_is_a_gap_not_a_flood() -> None:
    assert due(Phases(at=T0), T0 + MOST_LATE_MS + 1) == (Phases(at=T0 + MOST_LATE_MS + 1 - CHUNK_MS), 1)


@pytest.mark.parametrize("channel", list(RATES))
def test_the_gateway_takes_each_channel_and_a_silent_one(channel: str) -> None:
    samples = played(1)[channel]
    said, silent = (wire.chunk(encoded(channel, T0, s)) for s in (samples, None))
    shown = (said.seq, said.rate_hz, len(said.samples), set(silent.samples))
    assert shown == (T0 // waveform.CHUNK_MS, RATES[channel], RATES[channel], {None})
