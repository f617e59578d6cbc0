"""What was heard lately is given back as it was: of each patient all samples, with the records they were in."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.detect.lately import Lately
from streams.detect.packed import packed, unpacked
from tests.unit.streams.detect.readings import T0, batch
from vitals.batch import Batch, encode
from vitals.registry import V

NOBODY = np.empty(0, dtype=np.int64)


@st.composite
def _batches(draw: st.DrawFn) -> Batch:
    """Samples with any values: missing ones, zeros of either sign, infinite ones, qualities, and devices of any name."""
    n = draw(st.integers(0, 12))
    names = tuple(draw(st.lists(st.text(max_size=5), min_size=1, max_size=3)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    values = rng.choice([np.nan, 0.0, -0.0, np.inf, -1e-300, 97.5], (n, V))
    quality = rng.choice([np.nan, 0.0, 0.5], (n, V)).astype(np.float32)
    at = [rng.integers(-(2**62), 2**62, n) for _ in range(3)]
    places = rng.integers(0, len(names), n).astype(np.int32)
    bits = rng.integers(0, 2**15, n).astype(np.uint32)
    return Batch(("p",), np.zeros(n, dtype=np.int32), names, places, *at, rng.integers(-9, 9, n).astype(np.int32), values, quality, bits)


@given(_batches())
@settings(max_examples=60, deadline=None)
def test_what_is_packed_comes_back_to_the_last_bit(b: Batch) -> None:
    assert encode(unpacked(packed(b), np.arange(len(b)), b.patients, b.patient)) == encode(b)


def test_of_a_patient_all_samples_are_given_with_their_offsets() -> None:
    lately = Lately({}, NOBODY, NOBODY, 0)
    for k in range(3):
        said = [(f"p{i % 2}", "d", 4 * k + i, T0 + i, {"hr": 60.0 + i}) for i in range(4)]
        lately.note(batch(said), np.array([0, 1, 0, 1]), [(10 * k, 1), (10 * k + 1, 3)])
    samples = lately.samples({1: "p1"})
    assert samples is not None
    given_back, rows, offsets = samples
    assert ([given_back.patients[p] for p in given_back.patient], given_back.seq.tolist(), rows.tolist(), offsets.tolist()) == (
        ["p1"] * 6,
        [1, 3, 5, 7, 9, 11],
        [1] * 6,
        [1, 1, 11, 11, 21, 21],
    )


def test_of_who_was_not_heard_there_is_nothing() -> None:
    lately = Lately({}, NOBODY, NOBODY, 0)
    lately.note(batch([("p0", "d", 1, T0, {"hr": 60.0})]), np.array([0]), [(0, 1)])
    assert lately.samples({3: "p3"}) is None
