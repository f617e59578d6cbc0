"""Every excursion that the rule calls one is found: the vectorised fold against an offline pass in plain Python, reading by reading.

The offline pass is written from the rule's words (streams/detect/timers.py), shares no code with it, and knows one vital only.
"""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.detect.memory import empty
from streams.detect.step import step
from tests.unit.streams.detect.readings import T0, batch
from vitals.rules import default

HIGH1, HIGH2, LOW1, LOW2, SLACK = 120, 130, 45, 41, 3
WAIT1, WAIT2, CLEAR = 120_000, 30_000, 60_000
SPOT, SHIFT = 300_000, 43_200_000


def step_of(x, before):
    """The step that x is beyond, -2..2; once beyond, back only when inside by the hysteresis."""
    up = [SLACK if before >= k else 0 for k in (1, 2)]
    down = [SLACK if before <= -k else 0 for k in (1, 2)]
    if x > HIGH1 - up[0]:
        return 2 if x > HIGH2 - up[1] else 1
    if x < LOW1 + down[0]:
        return -2 if x < LOW2 + down[1] else -1
    return 0


def offline(readings):  # noqa: C901 - straight from the words, so that a person can hold it against them
    """[(phase, started_at)] of one patient's heart rate."""
    told, before, at, gap = [], 0, None, 0.0
    since = spent = None
    fired = inside = side = 0
    for t, x in readings:
        dt = 0 if at is None else t - at
        hold = 3_600_000 if gap == 0 else int(min(max(np.float32(gap) * 4, 10_000), 3_600_000))
        alone = 0 if gap == 0 or gap >= 300_000 else int(np.float32(gap) * 2)
        clear = max(CLEAR, min(int(np.float32(gap) * 12.0), SHIFT)) if gap >= SPOT else CLEAR
        lapsed = at is not None and dt > hold
        now = step_of(x, 0 if lapsed else before)
        stood = min(dt, hold)
        if before and at is not None:
            agrees = abs(now) if np.sign(now) == np.sign(before) else 0
            for k in (0, 1):
                if abs(before) > k and (dt >= alone or agrees > k):
                    spent[k] += stood
            reached = 2 if abs(before) == 2 and spent[1] >= WAIT2 else 1 if spent[0] >= WAIT1 else 0
            if reached > fired:
                told.append(("update" if fired else "start", since))
                fired = reached
        elif fired:
            inside += stood
        if fired and ((not before and inside >= clear) or (now and np.sign(now) != side)):
            told.append(("end", since))
            fired, side, since = 0, 0, None
        if not fired and (now == 0 or lapsed or (side and np.sign(now) != side)):
            side, since = 0, None
        if now:
            if since is None:
                since, side, spent = t, int(np.sign(now)), [0, 0]
            inside = 0
            if abs(now) < 2:
                spent[1] = 0
        elif before:
            inside = 0
        gap = 0.0 if at is None else float(np.float32(dt if gap == 0 else gap + 0.2 * (dt - gap)))
        before, at = now, t
    return told


@st.composite
def courses(draw):
    """A heart rate that wanders over all steps, at a pace that changes, with pauses."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    t, x, readings, pace = T0, 80.0, [], 1000
    for _ in range(draw(st.integers(10, 300))):
        pace = int(rng.choice([1000, 5000, 30_000, 60_000, 900_000])) if rng.random() < 0.02 else pace
        t += pace + int(rng.integers(0, 50)) + (int(rng.integers(0, 900_000)) if rng.random() < 0.01 else 0)
        x = float(rng.choice([80, 118, 122, 128, 135, 43, 39, 47])) if rng.random() < 0.06 else x
        readings.append((t, x + float(rng.integers(-1, 2))))
    return readings


@settings(max_examples=15, deadline=None)
@given(course=courses())
def test_the_fold_finds_what_an_offline_pass_finds(course):
    rules = default()
    samples = [("p", "d", i, t, {"hr": x}) for i, (t, x) in enumerate(course)]
    found = [(f.phase, f.started_at) for f in step(empty(rules), batch(samples), 0) if (f.rule, f.subject) == ("limits", "hr")]
    assert found == offline(course)
