"""Rehearsals: what is left out changes no finding, and how history is cut changes nothing."""

import msgspec
import numpy as np
import pytest

from streams.detect.rehearsal import batch_of, minutes, rehearse, voiced
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


@pytest.mark.parametrize("rules", [default(), loud(), loud(habit={"priority": {}}), loud(habit={"priority": {}}, drift={"priority": {}})])
def test_without_what_only_supports_the_findings_are_the_same(rules):
    found = bare(rehearse(minutes(history()), rules))
    assert bare(rehearse(minutes(history()), voiced(rules))) == found


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
