"""Rehearsals: what is left out changes no finding, and how history is cut changes nothing."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from streams.detect.rehearsal import batch_of, minutes, rehearse, stretches, voiced
from tests.unit.streams.detect.courses import loud
from tests.unit.streams.detect.readings import T0
from vitals.registry import V, index
from vitals.rules import default

PATIENTS, MINUTES = 3, 400


def history():
    """Three patients once a minute; one's heart climbs past its limits and comes back, the others are even."""
    rng = np.random.default_rng(5)
    values = np.full((MINUTES, PATIENTS, V), np.nan)
    values[:, :, index("hr")] = np.rint(80 + rng.normal(0, 2, (MINUTES, PATIENTS)))
    values[:, 0, index("hr")] += np.rint(60 * np.clip(np.sin(np.arange(MINUTES) / 50), 0, 1))
    values[:, :, index("sbp")] = np.rint(120 + rng.normal(0, 3, (MINUTES, PATIENTS)))
    at = T0 + np.repeat(np.arange(MINUTES), PATIENTS) * 60_000
    return batch_of(["p0", "p1", "p2"], np.tile(np.arange(PATIENTS, dtype=np.int32), MINUTES), at, values.reshape(-1, V))


def bare(findings):
    return [msgspec.structs.replace(f, evidence={}) for f in findings]


@pytest.mark.slow
@pytest.mark.parametrize("rules", [default(), loud(), loud(habit={"priority": {}}), loud(habit={"priority": {}}, drift={"priority": {}})])
def test_without_what_only_supports_the_findings_are_the_same(rules):
    found = bare(rehearse(minutes(history()), rules))
    assert bare(rehearse(minutes(history()), voiced(rules))) == found


def test_the_end_of_the_history_is_no_silence_but_one_within_it_is():
    whole = history()
    gone = only(whole, (whole.patient != 2) | (whole.observed_at < T0 + 60 * 60_000))
    told = [[(f.patient, f.phase) for f in rehearse(minutes(each), default()) if f.rule in ("silence", "outage")] for each in (whole, gone)]
    assert told == [[], [("p2", "start")]]


def test_what_raises_nothing_is_left_out():
    rules = voiced(default())
    assert (rules.drift, rules.shift, rules.habit) == (None, None, None)


def test_a_cut_names_only_who_is_in_it():
    whole = history()
    some = minutes(only(whole, whole.patient != 1))
    assert {(batch.patients, tuple(batch.patient.tolist())) for batch in some} == {(("p0", "p2"), (0, 1))}


def only(batch, keep):
    """The samples under `keep`, the names as they were."""
    columns = ("seq", "observed_at", "received_at", "clock_ms", "values", "quality", "no_value")
    kept = {name: getattr(batch, name)[keep] for name in columns}
    return type(batch)(batch.patients, batch.patient[keep], batch.devices, batch.device[keep], **kept)


@pytest.mark.slow
def test_stretches_find_what_minutes_find():
    whole = restless()
    assert undated(rehearse(stretches([whole]), loud())) == undated(rehearse(minutes(whole), loud()))


@pytest.mark.slow
def test_stretches_of_two_days_are_those_of_the_whole():
    whole = restless()
    early = whole.observed_at < T0 + MINUTES // 2 * 60_000 + 7
    assert undated(rehearse(stretches([only(whole, early), only(whole, ~early)]), loud())) == undated(rehearse(stretches([whole]), loud()))


def restless():
    """The history with each patient at a second of its own, poor signals and dead cuffs now and then, shuffled as a table hands it out."""
    whole, rng = history(), np.random.default_rng(7)
    at = whole.observed_at + 1_000 * whole.patient
    quality = np.where(rng.random(whole.quality.shape) < 0.05, np.float32(0.2), np.float32(0.9))
    off = np.where(rng.random(len(whole)) < 0.03, np.uint32(1 << index("sbp")), np.uint32(0)).astype(np.uint32)
    told = replace(whole, observed_at=at, received_at=at, seq=at // 60_000, quality=quality, no_value=off)
    order = rng.permutation(len(told))
    shuffled = {
        name: getattr(told, name)[order]
        for name in ("patient", "device", "seq", "observed_at", "received_at", "values", "quality", "no_value")
    }
    return replace(told, **shuffled)


def undated(findings):
    return [msgspec.structs.replace(f, detected_at=0) for f in findings]
