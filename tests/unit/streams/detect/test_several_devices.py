"""Of several devices of one patient re-ordering within a minute and repeats change no finding, and no batching and no restart does."""

from collections import Counter, defaultdict
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from streams.detect.memory import empty
from streams.detect.step import step, tick
from tests.unit.streams.detect.courses import loud
from tests.unit.streams.detect.readings import T0, batch
from tests.unit.streams.detect.test_joint import restored
from tests.unit.streams.detect.test_order import HOLD, HOUR, shaken

DEVICES = {
    "monitor": (1_000, {"hr": (80, 120, 150), "spo2": (97, 93, 86, None)}),
    "watch": (5_000, {"rr": (15, 22, 26), "acvpu": (0, 1)}),
    "cuff": (20_000, {"sbp": (120, 105, 70)}),
    "patch": (45_000, {"temp": (36.8, 38.6, 40.0)}),
    "round": (150_000, {"dbp": (80, 45), "glucose": (100, 300)}),
}
"""Of each device the pause between its samples, and its vitals with their levels (None: no value)."""
OF_ITS_OWN = ("step", "waited_s", "value", "worst", "limit", "unit", "in_a_row", "measured_by_another", "times")
"""What a limit's evidence says of the device that showed it; the rest is what was known beside it at that moment, as its name is, which
is not said while no other has been heard of."""


def watched(rng, patient, names, length_ms):
    """Samples of one patient with several devices, whose vitals jump between their levels, wander, and are poor now and then."""
    found = []
    for device in names:
        every, vitals = DEVICES[device]
        level, first = dict.fromkeys(vitals, 0), int(rng.integers(0, every))
        for i in range(length_ms // every):
            for name, levels in vitals.items():
                if rng.random() < every / 240_000:
                    level[name] = int(rng.integers(0, len(levels)))
            now = {v: vitals[v][k] for v, k in level.items()}
            values = {v: x if x is None or v == "acvpu" else round(x + float(rng.normal(0, 1)), 1) for v, x in now.items()}
            quality = {"hr": 0.2 if rng.random() < 0.03 else 1.0} if "hr" in values else {}
            at = T0 + first + i * every + int(rng.integers(0, every // 5))
            found.append((patient, f"{device}-{patient}", i + 7, at, values, at + 50, quality))
    return found


def second(rng, patient, names, length_ms):
    """Samples of further devices that measure what some of `names` do; half of them are taken off for a while."""
    found = []
    for k in range(int(rng.integers(1, 3))):
        again = rng.choice(names, int(rng.integers(1, len(names) + 1)), replace=False).tolist()
        off = int(rng.integers(5, 15)) * 60_000 if rng.random() < 0.5 else length_ms
        on = off + int(rng.integers(3, 20)) * 60_000
        worn = [s for s in watched(rng, patient, again, length_ms) if not T0 + off < s[3] < T0 + on]
        numbers = Counter()
        for _, device, _, *rest in worn:
            numbers[device] += 1
            found.append((patient, f"{k}-{device}", 6 + numbers[device], *rest))
    return found


SEEDS = st.integers(0, 2**32).filter(bool)
"""Hypothesis tries 0 first, always: where few wards are drawn, that would be one of them."""
SHARES = {"p": 0.02, "q": 0.2, "r": 1.0}
"""How many of a patient's samples are late."""


def ward(rng, *, shared=False, patients="pq"):
    """Samples of patients, each with two to five devices, or, if `shared`, with more that measure the same vitals, in order."""
    found = []
    for patient in patients:
        names = rng.choice(list(DEVICES), int(rng.integers(2, len(DEVICES) + 1)), replace=False).tolist()
        length_ms = int(rng.integers(20, 40)) * 60_000
        found += watched(rng, patient, names, length_ms)
        found += second(rng, patient, names, length_ms) if shared else []
    return sorted(found, key=lambda s: s[5])


def returns(samples):
    """Of each device that was taken off the first sample after that, by device and number: nobody can know that it is under way."""
    of = defaultdict(list)
    for s in samples:
        of[s[1]].append(s)
    return {(b[1], b[2]) for each in of.values() for a, b in pairwise(each) if b[3] - a[3] > 1.5 * _pause(a[1])}


def _pause(device):
    return next(every for name, (every, _) in DEVICES.items() if name in device)


def raised(samples, cuts=(), *, restart=False):
    """The findings of `samples` cut into batches, if `restart` saved and restored at every cut; of a limit what is of its own.

    The last of each is the device that its evidence names.
    """
    m, found = empty(loud(), hold_ms=HOLD), []
    for begin, end in zip([0, *cuts], [*cuts, len(samples)], strict=True):
        found += step(m, batch(samples[begin:end]), 0) if begin < end else []
        m = restored(m) if restart else m
    found = [f for f in found + tick(m, T0 + 100 * HOUR) if f.rule != "outage"]
    shown = [{k: x for k, x in f.evidence.items() if f.rule != "limits" or k in OF_ITS_OWN} for f in found]
    by = [str(f.evidence.get("device", "")) for f in found]
    told = zip(found, shown, by, strict=True)
    return sorted((f.id, f.phase, f.priority, f.at, f.ended_at or 0, f.retrospective, str(e), device) for f, e, device in told)


def differs(one, other):
    """What is in one and not in the other."""
    these, those = (Counter(f[:-1] for f in found) for found in (one, other))
    return sorted((these - those) + (those - these))


@pytest.mark.slow
@settings(max_examples=1, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(seed=SEEDS, restart=st.booleans(), data=st.data())
def test_of_several_devices_reordering_within_a_minute_and_duplicates_change_no_finding(seed, restart, data):
    rng = np.random.default_rng(seed)
    samples = ward(rng, patients=SHARES)
    late = shaken(samples, rng, SHARES)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(late)), max_size=8)))
    assert differs(raised(late, cuts, restart=restart), raised(samples)) == []


@pytest.mark.slow
def test_without_the_order_of_all_devices_what_is_of_several_vitals_would_change(monkeypatch):
    rng = np.random.default_rng(3)
    samples = ward(rng)
    late = shaken(samples, rng, 1.0)
    monkeypatch.setattr("streams.detect.arrival.joint.share", lambda *_: None)
    assert differs(raised(late), raised(samples)) != []


def of_each(*runs):
    """Of each run what is told of one device's limits by itself."""
    named = {f[0] for found in runs for f in found if f[-1]}
    return [[f for f in found if f[0] in named] for found in runs]


@pytest.mark.slow
@settings(max_examples=1, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(seed=SEEDS, restart=st.booleans(), data=st.data())
def test_of_devices_that_come_and_go_reordering_and_duplicates_change_no_limit_of_any(seed, restart, data):
    rng = np.random.default_rng(seed)
    samples = ward(rng, shared=True, patients=SHARES)
    late = shaken(samples, rng, SHARES)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(late)), max_size=8)))
    assert differs(*of_each(raised(late, cuts, restart=restart), raised(samples))) == []


@pytest.mark.slow
@settings(max_examples=1, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(seed=SEEDS, restart=st.booleans(), data=st.data())
def test_of_devices_that_measure_the_same_reordering_and_duplicates_change_no_finding_if_a_return_is_known_in_time(seed, restart, data):
    rng = np.random.default_rng(seed)
    samples = ward(rng, shared=True, patients=SHARES)
    late = shaken(samples, rng, SHARES, returns(samples))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(late)), max_size=8)))
    assert differs(raised(late, cuts, restart=restart), raised(samples)) == []


@pytest.mark.slow
def test_of_devices_that_measure_the_same_a_condition_ends_when_its_device_is_gone():
    assert "measured_by_another" in str(raised(ward(np.random.default_rng(8), shared=True, patients="p")))
