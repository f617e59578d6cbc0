"""Who is where, asked for many samples at once, agrees with looking one by one."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.directory import Assignment, Device, directory

DEVICES = ["a", "b", "c"]


@st.composite
def assignments(draw: st.DrawFn) -> list[Assignment]:
    found = []
    for device in DEVICES:
        marks = sorted(draw(st.lists(st.integers(0, 100), max_size=6, unique=True)))
        spans = [(s, e) for s, e in zip(marks, [*marks[1:], None], strict=False) if e is None or draw(st.booleans())]
        found += [Assignment(device, f"p{draw(st.integers(0, 3))}", s, e) for s, e in spans]
    return found


@settings(max_examples=150, deadline=None)
@given(assignments(), st.lists(st.tuples(st.sampled_from(range(3)), st.integers(-10, 120)), min_size=1, max_size=20))
def test_the_patient_at_a_moment_is_the_one_whose_interval_holds_it(rows: list[Assignment], asked: list[tuple[int, int]]) -> None:
    who = directory([Device(d) for d in DEVICES], rows, {}, 4, 0)
    found = who.patient_at(np.array([d for d, _ in asked]), np.array([t for _, t in asked]))
    names = [str(who.patients[p]) if p >= 0 else None for p in found]

    def looked_up(device: str, at: int) -> str | None:
        return next((a.patient for a in rows if a.device == device and a.start <= at and (a.end is None or at < a.end)), None)

    assert names == [looked_up(DEVICES[d], t) if t >= 0 else None for d, t in asked]


def test_a_hub_must_be_let_in_itself_to_speak_for_another() -> None:
    devices = [Device("x", gateway="hub"), Device("y", gateway="gone"), Device("hub")]
    who = directory(devices, [], {}, 4, 0)
    assert (who.speaks_for("hub", "x"), who.speaks_for("gone", "y"), who.speaks_for("hub", "y")) == (True, False, False)
