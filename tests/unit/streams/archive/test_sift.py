"""What can be stored, and why the rest cannot."""

import dataclasses
from collections import Counter

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.archive.ledger import Ledger
from streams.archive.record import Record
from streams.archive.sift import payload, sift, unpack
from tests.unit.streams.archive.made import Sample, batch, record

PATIENTS, DEVICES = {"p1": 1, "p2": 2}, {"d1": 11, "d2": 12}


def ledger(**known: list[tuple[int, int]]) -> Ledger:
    made = Ledger()
    for name, no in DEVICES.items():
        made.load(no, known.get(name, []))
    return made


def sample(patient: str = "p1", device: str = "d1", seq: int = 1, at: int = 60_000, hr: float = 70.0) -> Sample:
    return patient, device, seq, at, {0: hr}


def outcome(samples: list[Sample], known: Ledger) -> tuple[list[tuple[int, int]], Counter[str]]:
    """(device no, seq) stored, and the reasons of the rest."""
    unpacked, bad = unpack([record(samples)])
    found = sift(unpacked, PATIENTS, DEVICES, known)
    stored = [] if found.samples is None else list(zip(found.samples.device_no.tolist(), found.samples.seq.tolist(), strict=True))
    return stored, Counter(str(n.refusal.reason) for n in [*bad, *found.refused])


def test_each_fault_has_its_reason_and_the_good_ones_are_stored() -> None:
    faults = [
        sample(seq=1),
        sample(device="d9", seq=2),
        sample(patient="p9", seq=3),
        sample(seq=-4),
        sample(seq=5, at=-(10**15)),
        sample(seq=6, at=10**17),
        sample(seq=1),
        sample(seq=8),
        sample(device="d2", seq=8),
    ]
    assert outcome(faults, ledger(d1=[(8, 9)])) == (
        [(11, 1), (12, 8)],
        Counter(duplicate=2, bad_time=2, unknown_device=1, unassigned_device=1, malformed=1),
    )


_SAMPLES = st.lists(
    st.builds(
        sample,
        st.sampled_from(["p1", "p2", "p9"]),
        st.sampled_from(["d1", "d2", "d9"]),
        st.integers(-1, 12),
        st.sampled_from([60_000, 61_000, -(10**15)]),
    ),
    min_size=1,
    max_size=30,
)


@settings(max_examples=60)
@given(_SAMPLES)
def test_every_sample_is_stored_once_or_refused_once(samples: list[Sample]) -> None:
    stored, reasons = outcome(samples, ledger())
    assert (len(stored) + reasons.total(), len(set(stored))) == (len(samples), len(stored))


@settings(max_examples=40)
@given(st.permutations([sample(seq=n, device=d) for n in range(8) for d in ("d1", "d2")]), st.integers(0, 15))
def test_duplicates_and_another_order_change_nothing_that_is_stored(samples: list[Sample], again: int) -> None:
    stored, reasons = outcome([*samples, *samples[:again]], ledger())
    assert (sorted(stored), reasons) == ([(d, n) for d in (11, 12) for n in range(8)], Counter(duplicate=again) if again else Counter())


def test_a_number_used_again_at_another_time_is_a_duplicate() -> None:
    assert outcome([sample(seq=5, at=120_000)], ledger(d1=[(0, 5)])) == ([], Counter(duplicate=1))


def test_what_was_given_again_on_the_way_here_is_nobodys_duplicate() -> None:
    unpacked, _ = unpack([dataclasses.replace(record([sample(seq=5), sample(seq=6)]), again=True)])
    found = sift(unpacked, PATIENTS, DEVICES, ledger(d1=[(0, 5)]))
    assert (len(found.samples or ()), found.refused, found.again) == (1, [], 1)


def test_what_is_no_batch_becomes_a_refusal_with_its_bytes() -> None:
    wrong = [Record("t", 0, 0, b"rubbish"), Record("t", 0, 1, record([sample()]).value, b"vigil.readings.v9")]
    _, bad = unpack(wrong)
    assert [(str(n.refusal.reason), n.refusal.payload) for n in bad] == [("malformed", w.value) for w in wrong]


def test_a_refused_sample_is_kept_as_the_json_of_a_sample() -> None:
    made = batch([("p1", "d1", 3, 60_000, {0: 71.5, 2: float("nan")})])
    assert msgspec.json.decode(payload(made, 0)) == {"seq": 3, "observed_at": 60_000, "vitals": {"hr": 71.5, "spo2": None}}
