"""The watches of a worker: kept while it works through what waited, dropped when nothing comes."""

from streams.detect.waveform.worker import IDLE_MS, Ward
from tests.unit.streams.detect.test_waveform_watch import CALM, T0, chunks, heart
from vitals.waveform import encode

HOURS_LATER = T0 + 4 * IDLE_MS


def judged(ward: Ward, now: int) -> list[str]:
    """What is told of a heart that stops for 12 s, each chunk taken up at this moment, and time passing after each."""
    phases = list[str]()
    for chunk in chunks(heart([*CALM, 12.0, *CALM])):
        phases += [finding.phase for finding in ward.take(0, encode(chunk), "waveforms", now).findings]
        ward.idle(now)
    return phases


def opened() -> Ward:
    ward = Ward()
    ward.open(0, {})
    return ward


def test_a_heart_that_stopped_while_the_worker_was_away_for_hours_is_told_all_the_same() -> None:
    assert judged(opened(), HOURS_LATER) == ["start", "end"]


def test_a_patient_of_whom_nothing_comes_for_long_is_forgotten() -> None:
    ward = opened()
    judged(ward, HOURS_LATER)
    ward.idle(HOURS_LATER + IDLE_MS + 1)
    assert (ward.watches, ward.taken) == ({0: {}}, {})
