"""Every excursion that the rule calls one is found: the vectorised fold against an offline pass in plain Python, reading by reading.

The offline pass (`loadtests.plain_limits`) is written from the rule's words, shares no code with the fold, and knows one vital only;
what is charted by hand is not held back here.
"""

import msgspec
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from loadtests.plain_limits import plain
from streams.detect.memory import empty
from streams.detect.step import step
from tests.unit.streams.detect.readings import T0, batch
from vitals.rules import default


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


BROKEN = [80.0] * 3 + [125.0] * 130 + [145.0] * 20 + [80.0] * 5 + [145.0] * 20 + [80.0] * 100
"""A reading a second: told as mild, then twice beyond the second step, each time for less than its wait, with some inside between."""


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(course=courses())
@example(course=[(T0 + i * 1000, x) for i, x in enumerate(BROKEN)])
def test_the_fold_finds_what_an_offline_pass_finds(course):
    rules = msgspec.structs.replace(default(), charted=None)
    samples = [("p", "d", i, t, {"hr": x}) for i, (t, x) in enumerate(course)]
    found = [(f.phase, f.started_at) for f in step(empty(rules), batch(samples), 0) if (f.rule, f.subject) == ("limits", "hr")]
    assert found == plain(rules.limits["hr"], course)
