"""Beats on recorded hearts: found, placed, and doubted where the signal is poor."""

import numpy as np
import numpy.typing as npt
import pytest
import wfdb
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.detect.waveform.beats import DOUBTFUL, Beat, begin, step
from streams.detect.waveform.rhythm import bradycardic, fibrillates, heart_rate
from tests.unit.streams.detect.recordings import recorded

BEATS = set("NLRBAaJSVrFejnE/fQ?")
Array = npt.NDArray[np.float64]


def detect(samples: Array, rate_hz: float, chunk: int = 250) -> list[Beat]:
    """All beats; a second of stillness after the end makes the last one decidable."""
    samples = np.concatenate((samples, np.full(round(rate_hz), samples[-1])))
    memory, found = begin(rate_hz), []
    for start in range(0, len(samples), chunk):
        memory, beats = step(memory, samples[start : start + chunk])
        found += beats
    return found


def agreement(found: list[Beat], reference: npt.NDArray[np.int64], rate_hz: float) -> tuple[float, float]:
    """Sensitivity and precision in percent; a beat matches within 150 ms, once."""
    at, used, hits = np.array([b.at for b in found]), set(), 0
    for r in reference:
        k = int(np.argmin(np.abs(at - r)))
        if abs(at[k] - r) <= 0.15 * rate_hz and k not in used:
            used.add(k)
            hits += 1
    return 100 * hits / len(reference), 100 * hits / len(at)


def test_record_100_has_every_beat_found_and_none_added() -> None:
    path = str(recorded("wfdb/100"))
    notes = wfdb.rdann(path, "atr")
    reference = np.array([s for s, symbol in zip(notes.sample, notes.symbol, strict=True) if symbol in BEATS])
    found = detect(wfdb.rdrecord(path).p_signal[:, 0], 360.0)
    assert (len(found), *agreement(found, reference, 360.0)) == (2273, 100.0, 100.0)


def noisy(name: str) -> tuple[list[Beat], npt.NDArray[np.int64]]:
    found = detect(np.loadtxt(recorded(f"nst118/{name}.csv")).ravel(), 360.0)
    return found, np.loadtxt(recorded(f"nst118/{name}_ann.csv")).astype(np.int64)


def test_noise_at_24_db_loses_nothing() -> None:
    assert min(agreement(*noisy("118e24"), 360.0)) >= 99.5


def test_noise_at_24_db_is_not_doubted() -> None:
    assert np.mean([b.quality < DOUBTFUL for b in noisy("118e24")[0][10:]]) < 0.02


def test_noise_at_12_db_is_doubted() -> None:
    assert np.mean([b.quality < DOUBTFUL for b in noisy("118e12")[0][10:]]) > 0.6


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 700), min_size=1, max_size=12), st.integers(0, 2**31))
def test_other_chunks_give_the_same_beats(chunks: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    ecg = rng.normal(0, 0.02, 3000)
    ecg[(np.cumsum(rng.integers(180, 300, 10)))] += 1.0
    memory, found, start, turn = begin(250.0), [], 0, 0
    ecg = np.concatenate((ecg, np.full(250, ecg[-1])))
    while start < len(ecg):
        size = chunks[turn % len(chunks)]
        memory, beats = step(memory, ecg[start : start + size])
        found, start, turn = found + beats, start + size, turn + 1
    assert found == detect(ecg[:3000], 250.0, 4000)


def test_sinus_rhythm_with_early_beats_is_not_fibrillation() -> None:
    found = detect(wfdb.rdrecord(str(recorded("wfdb/100"))).p_signal[:, 0], 360.0)
    gaps = list(np.diff([b.at for b in found]) / 360)
    assert not any(fibrillates(gaps[:n]) for n in range(130, len(gaps), 20))


def test_irregular_intervals_are_fibrillation() -> None:
    assert fibrillates(list(np.random.default_rng(1).uniform(0.4, 1.2, 200)))


@pytest.mark.parametrize(("gaps", "rate"), [([0.8] * 10, 75.0), ([0.8, 0.8], None), ([1.0] * 7 + [3.0], 60.0)])
def test_heart_rate_is_the_median_of_eight_intervals(gaps: list[float], rate: float | None) -> None:
    assert heart_rate(gaps) == rate


@pytest.mark.parametrize(("gaps", "slow"), [([1.6] * 5, True), ([1.6] * 4, False), ([1.6] * 4 + [1.4], False)])
def test_five_slow_beats_in_a_row_are_bradycardia(gaps: list[float], slow: bool) -> None:
    assert bradycardic(gaps) is slow


def test_a_rate_at_which_no_beat_can_be_told_is_refused() -> None:
    with pytest.raises(ValueError, match="expected 60 to 1000"):
        begin(25.0)
