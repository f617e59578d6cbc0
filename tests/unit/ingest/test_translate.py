"""Claims about `ingest.translate`: every reason has its case, parts are refused without hurting others, nothing is raised."""

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.directory import Assignment, Device, Directory, directory
from ingest.gather import Message
from ingest.notice import notice
from ingest.records import AGAIN, ENTROPY, Wiring, records
from ingest.seen import Seen
from ingest.translate import Translated, translate
from ingest.wire import MESSAGE_BYTES, MESSAGE_SAMPLES, SAMPLE_VITALS
from vitals.batch import decode, encode
from vitals.refusal import Reason
from vitals.registry import index
from vitals.topics import Topics

NOW = 1_790_000_000_000
TOPIC = b"vigil/v1/dev-1/vitals"
HUB = b"vigil/v1/gateways/hub/vitals"


def who(loaded_at: int = NOW + 1) -> Directory:
    devices = [
        Device("dev-1"),
        Device("dev-2", gateway="hub"),
        Device("dev-3", gateway="hub"),
        Device("hub"),
        Device("dev-4", gateway="other"),
    ]
    on = [
        Assignment("dev-1", "ann", NOW - 3_600_000, NOW - 1_800_000),
        Assignment("dev-1", "bob", NOW - 1_800_000),
        Assignment("dev-2", "cem", NOW - 3_600_000),
        Assignment("dev-4", "cem", NOW - 7_200_000, NOW - 3_600_000),
    ]
    return directory(devices, on, {"ann": "north", "bob": "north"}, 4, loaded_at)


def sample(seq: int = 1, at: object = NOW, **vitals: object) -> dict[str, Any]:
    return {"seq": seq, "observed_at": at, "vitals": vitals or {"hr": 72}}


def message(payload: object, topic: bytes = TOPIC, again: bool = False) -> Message:
    return Message(topic, payload if isinstance(payload, bytes) else json.dumps(payload).encode(), NOW, 1, again)


def said(*payloads: object, topic: bytes = TOPIC) -> Translated:
    return translate([message(p, topic) for p in payloads], who(), Seen())


def reasons(found: Translated) -> list[tuple[str, str | None]]:
    return [(r.refusal.reason.value, r.refusal.vital) for r in found.refused]


def value(found: Translated, vital: str) -> float:
    return float(found.batches[0][1].values[0, index(vital)])


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "malformed"),
        (b"not json", "malformed"),
        (b"\xff\xfe\x00", "malformed"),
        (b"[" * 100_000, "malformed"),
        (b'{"batch":' * 100_000, "malformed"),
        (b"[1, 2]", "malformed"),
        (b"{}", "malformed"),
        (b'{"batch": 3}', "malformed"),
        (b'{"batch": [3]}', "malformed"),
        (sample(seq=-1), "malformed"),
        (sample(seq=2**64), "malformed"),
        (sample(seq=1.5), "malformed"),  # type: ignore[arg-type]  # that is what is wrong with it
        (sample(seq="1"), "malformed"),  # type: ignore[arg-type]  # that is what is wrong with it
        (sample(seq=True), "malformed"),
        ({"seq": 1, "observed_at": NOW, "vitals": {}}, "malformed"),
        ({"seq": 1, "observed_at": NOW, "vitals": [72]}, "malformed"),
        ({"seq": 1, "observed_at": NOW}, "malformed"),
        ({"seq": 1, "vitals": {"hr": 72}}, "bad_time"),
        (sample(at="yesterday"), "bad_time"),
        (sample(at="2026-09-21T13:33:20"), "bad_time"),
        (sample(at="1970-01-01T00:00:00Z"), "bad_time"),
        (sample(at=10**40), "from_the_future"),
        (sample(at=-(10**40)), "bad_time"),
        (sample(at=NOW / 1000), "bad_time"),
        (b'{"seq": 1, "observed_at": 1e400, "vitals": {"hr": 72}}', "bad_time"),
        (b'{"seq": 1, "observed_at": NaN, "vitals": {"hr": 72}}', "bad_time"),
        (sample(at=1e300), "from_the_future"),
        (sample(at=-1e300), "bad_time"),
        (sample(at=None), "bad_time"),
        (sample(at="2100-01-01T00:00:00Z"), "from_the_future"),
        (sample(at=NOW + 300_001), "from_the_future"),
        (sample(at=NOW - 7_200_000), "unassigned_device"),
        (b'{"seq": 1, "x": "' + b"y" * 300_000 + b'"}', "too_large"),
        (b"z" * 10_000_000, "too_large"),
        ({"batch": [0] * (MESSAGE_SAMPLES + 1)}, "too_large"),
        (sample(**{f"v{i}": 1 for i in range(SAMPLE_VITALS + 1)}), "too_large"),
    ],
)
def test_what_cannot_be_used_is_refused_whole_with_one_named_reason(payload: object, reason: str) -> None:
    assert reasons(said(payload)) == [(reason, None)]


@pytest.mark.parametrize(("written", "ms"), [(NOW + 0.25, NOW), (NOW - 0.5, NOW), (NOW - 0.501, NOW - 1), (float(NOW), NOW), (NOW, NOW)])
def test_a_time_in_milliseconds_with_a_fraction_is_rounded_to_the_millisecond(written: float, ms: int) -> None:
    chunk = {"seq": 1, "observed_at": written, "channel": "ecg_ii", "rate_hz": 250, "unit": "mV", "samples": [0.1]}
    found = said(sample(at=written)).batches[0][1].observed_at.tolist()
    assert (found, [c.observed_at for c in said(chunk, topic=b"vigil/v1/dev-1/waveform").chunks]) == ([ms], [ms])


@pytest.mark.parametrize(
    ("vitals", "reason", "vital"),
    [
        ({"pH": 7.4}, "unknown_vital", "pH"),
        ({"temp": {"value": 300, "unit": "kg"}}, "bad_unit", "temp"),
        ({"temp": {"value": 37, "unit": ""}}, "bad_unit", "temp"),
        ({"acvpu": {"value": "A", "unit": "/min"}}, "bad_unit", "acvpu"),
        ({"temp": {"value": 300}}, "implausible", "temp"),
        ({"temp": {"value": "37"}}, "malformed", "temp"),
        ({"temp": {"value": True}}, "malformed", "temp"),
        ({"acvpu": {"value": 2}}, "malformed", "acvpu"),
        ({"acvpu": {"value": 2, "unit": "{A,C,V,P,U}"}}, "malformed", "acvpu"),
        ({"spo2": 101}, "implausible", "spo2"),
        ({"temp": {"value": 200, "unit": "[degF]"}}, "implausible", "temp"),
        ({"rr": 10**60}, "implausible", "rr"),
        ({"rr": "14"}, "malformed", "rr"),
        ({"rr": True}, "malformed", "rr"),
        ({"rr": [14]}, "malformed", "rr"),
        ({"rr": {"value": {"value": 14}, "unit": "/min"}}, "malformed", "rr"),
        ({"acvpu": "X"}, "malformed", "acvpu"),
        ({"acvpu": 2}, "malformed", "acvpu"),
        ({"on_oxygen": 0.5}, "implausible", "on_oxygen"),
        ({"rr": math.nan}, "malformed", "rr"),
        ({"rr": math.inf}, "malformed", "rr"),
    ],
)
def test_a_wrong_vital_is_refused_alone(vitals: dict[str, object], reason: str, vital: str) -> None:
    found = said(sample(hr=72, **vitals))
    assert (reasons(found), value(found, "hr")) == ([(reason, vital)], 72)


def test_a_systolic_below_the_diastolic_is_implausible_as_a_pair() -> None:
    found = said(sample(hr=72, sbp=70, dbp=110))
    assert (reasons(found), value(found, "hr")) == ([("implausible", "sbp"), ("implausible", "dbp")], 72)


@pytest.mark.parametrize(
    ("written", "vital", "canonical"),
    [
        ({"temp": {"value": 98.6, "unit": "[degF]"}}, "temp", 37.0),
        ({"8310-5": 37}, "temp", 37.0),
        ({"150364": 37}, "temp", 37.0),
        ({"sbp": {"value": 16, "unit": "kPa"}}, "sbp", 120.00992),
        ({"15074-8": 5}, "glucose", 90.091),
        ({"2339-0": 90}, "glucose", 90.0),
        ({"fio2": 0.4}, "fio2", 40.0),
        ({"fio2": 1}, "fio2", 100.0),
        ({"fio2": 40}, "fio2", 40.0),
        ({"fio2": {"value": 0.4, "unit": "1"}}, "fio2", 40.0),
        ({"acvpu": "V"}, "acvpu", 2.0),
        ({"on_oxygen": True}, "on_oxygen", 1.0),
        ({"on_oxygen": 0}, "on_oxygen", 0.0),
        ({"hr": {"value": 72, "unit": "bpm"}}, "hr", 72.0),
        ({"hr": {"value": 1.2, "unit": "Hz"}}, "hr", 72.0),
        ({"temp": {"value": 310.15, "unit": "K"}}, "temp", 37.0),
        ({"hr": {"value": 72}}, "hr", 72.0),
        ({"hr": {"value": 72, "unit": None}}, "hr", 72.0),
        ({"15074-8": {"value": 5}}, "glucose", 90.091),
        ({"acvpu": {"value": "V"}}, "acvpu", 2.0),
        ({"acvpu": {"value": "V", "unit": "{A,C,V,P,U}"}}, "acvpu", 2.0),
        ({"on_oxygen": {"value": True}}, "on_oxygen", 1.0),
    ],
)
def test_names_codes_and_units_come_to_the_canonical_value(written: dict[str, object], vital: str, canonical: float) -> None:
    assert value(said(sample(**written)), vital) == pytest.approx(canonical)


@pytest.mark.parametrize("written", [None, -100, 8388607, 0, {"value": -100, "unit": "%"}, {"value": None, "unit": "%"}, 0.0])
def test_no_value_is_a_bit_and_never_a_number(written: object) -> None:
    batch = said(sample(spo2=written)).batches[0][1]
    assert (int(batch.no_value[0]), bool(np.isnan(batch.values).all())) == (1 << index("spo2"), True)


def test_a_zero_of_a_vital_that_can_be_zero_is_a_number() -> None:
    assert value(said(sample(o2_flow=0)), "o2_flow") == 0


@pytest.mark.parametrize(
    ("vitals", "refused", "kept"),
    [
        ({"150033": 62, "150034": 38, "150021": 118, "150022": 76}, ["150021", "150022"], {"sbp": 62, "dbp": 38}),
        ({"59408-5": 82, "2708-6": 97}, ["2708-6"], {"spo2": 82}),
        ({"spo2": 82, "2708-6": 97}, ["2708-6"], {"spo2": 82}),
        ({"59408-5": 82, "2708-6": None}, [], {"spo2": 82}),
        ({"59408-5": None, "2708-6": 82}, [], {"spo2": 82}),
        ({"59408-5": -100, "2708-6": None, "spo2": 82}, [], {"spo2": 82}),
        ({"59408-5": 82, "2708-6": None, "spo2": 97}, ["spo2"], {"spo2": 82}),
        ({"59408-5": 82, "2708-6": 82}, [], {"spo2": 82}),
        ({"8310-5": 37, "temp": {"value": 98.6, "unit": "[degF]"}}, [], {"temp": 37}),
        ({"59408-5": None, "2708-6": -100, "hr": 70}, [], {"hr": 70}),
        ({"59408-5": "?", "2708-6": 82}, ["59408-5"], {"spo2": 82}),
    ],
)
def test_of_two_values_of_a_vital_in_a_sample_the_first_number_counts_and_another_number_is_refused(
    vitals: dict[str, Any], refused: list[str], kept: dict[str, float]
) -> None:
    found = said(sample(**vitals))
    assert (reasons(found), {name: value(found, name) for name in kept}) == ([("malformed", key) for key in refused], kept)


def test_a_second_value_is_refused_by_the_name_of_its_vital() -> None:
    assert [r.refusal.detail for r in said(sample(**{"59408-5": 82, "2708-6": 97})).refused] == [
        "2708-6: a second value of spo2 in one sample"
    ]


@pytest.mark.parametrize(
    ("vitals", "quality", "refused", "share"),
    [
        ({"59408-5": 82, "2708-6": None}, {"59408-5": 0.95, "2708-6": 0.0}, [], 0.95),
        ({"59408-5": None, "2708-6": 82}, {"59408-5": 0.0, "2708-6": 0.95}, [], 0.95),
        ({"59408-5": None, "2708-6": None, "spo2": 82}, {"spo2": 0.95, "2708-6": 0.0}, [], 0.95),
        ({"59408-5": 82, "2708-6": 97}, {"59408-5": 0.95, "2708-6": 0.05}, ["2708-6"], 0.95),
        ({"59408-5": 82, "2708-6": 97}, {"59408-5": 0.95, "2708-6": "bad"}, ["2708-6"], 0.95),
        ({"59408-5": "?", "2708-6": 82}, {"2708-6": 0.95, "59408-5": 0.0}, ["59408-5"], 0.95),
        ({"59408-5": 82, "2708-6": 82}, {"59408-5": 0.95, "2708-6": 0.0}, [], 0.95),
        ({"59408-5": 82, "2708-6": 97}, {"spo2": 0.4}, ["2708-6"], 0.4),
        ({"spo2": 97, "59408-5": 82}, {"59408-5": 0.0}, ["59408-5"], math.nan),
    ],
)
def test_a_quality_is_that_of_the_value_that_was_kept(
    vitals: dict[str, Any], quality: dict[str, Any], refused: list[str], share: float
) -> None:
    found = said({**sample(**vitals), "quality": quality})
    given = float(found.batches[0][1].quality[0, index("spo2")])
    assert ([r.refusal.vital for r in found.refused], given) == (refused, pytest.approx(share, nan_ok=True))


def test_quality_travels_with_its_vital() -> None:
    batch = said({**sample(spo2=97, hr=70), "quality": {"spo2": 0.4}}).batches[0][1]
    assert (float(batch.quality[0, index("spo2")]), bool(np.isnan(batch.quality[0, index("hr")]))) == (pytest.approx(0.4), True)


def test_a_quality_that_cannot_be_read_costs_its_vital_only() -> None:
    found = said({**sample(spo2=97, hr=70), "quality": {"spo2": 40}})
    assert (reasons(found), value(found, "hr"), math.isnan(value(found, "spo2"))) == ([("malformed", "spo2")], 70, True)


def test_a_reading_belongs_to_whom_the_device_was_on_when_it_was_taken() -> None:
    found = said({"batch": [sample(1, NOW - 1_800_001), sample(2, NOW - 1_800_000)]})
    owners = {int(b.seq[i]): b.patients[b.patient[i]] for _, b in found.batches for i in range(len(b))}
    assert owners == {1: "ann", 2: "bob"}


def test_one_bad_device_in_a_gateways_message_hurts_no_other() -> None:
    hub = {
        "devices": {
            "dev-2": [sample(1), "junk", sample(2, hr=500)],
            "dev-1": [sample(1)],
            "nobody": [sample(1)],
            "dev-3": [sample(1)],
            "dev-4": 7,
        }
    }
    found = said(hub, topic=HUB)
    taken = [(b.devices[b.device[i]], int(b.seq[i])) for _, b in found.batches for i in range(len(b))]
    refused = sorted((str(r.refusal.device), r.refusal.reason.value) for r in found.refused)
    assert (taken, refused) == (
        [("dev-2", 1)],
        [
            ("dev-2", "implausible"),
            ("dev-2", "malformed"),
            ("dev-3", "unassigned_device"),
            *[("hub", "unknown_device")] * 3,
        ],
    )


@pytest.mark.parametrize(
    ("payload", "topic", "told"),
    [
        (sample(1, hr=500), b"vigil/v1/dev-1/vitals", ("vigil/v1/dev-1/refused", None, "dev-1")),
        ({"devices": {"dev-2": [sample(1, hr=500)]}}, HUB, ("vigil/v1/hub/refused", "dev-2", "dev-2")),
        ({"devices": {"dev-1": [sample(1)]}}, HUB, ("vigil/v1/hub/refused", "dev-1", "hub")),
        ({"devices": 7}, HUB, ("vigil/v1/hub/refused", None, "hub")),
        (7, b"vigil/v1/stranger/vitals", ("vigil/v1/stranger/refused", None, "stranger")),
    ],
    ids=["a device's own", "a hub's member", "not the hub's member", "the hub's own", "an unknown device's"],
)
def test_a_refusal_is_told_to_whoever_said_it_and_is_kept_of_no_stranger(
    payload: object, topic: bytes, told: tuple[str, str | None, str]
) -> None:
    (refused,) = said(payload, topic=topic).refused
    to, text = notice(refused) or ("", b"{}")
    assert (to, json.loads(text).get("device"), refused.refusal.device) == told


def test_what_came_on_no_devices_topic_is_told_to_nobody() -> None:
    assert [notice(one) for one in said(sample(1), topic=b"vigil/v1/elsewhere").refused] == [None]


def test_a_not_a_number_in_a_gateways_message_costs_one_vital() -> None:
    found = said(b'{"devices": {"dev-2": [{"seq": 1, "observed_at": %d, "vitals": {"hr": NaN, "rr": 12}}]}}' % NOW, topic=HUB)
    assert (reasons(found), value(found, "rr")) == ([("malformed", "hr")], 12)


def test_a_revoked_or_unknown_device_is_refused_once_the_directory_is_newer() -> None:
    assert reasons(said(sample(), topic=b"vigil/v1/nobody/vitals")) == [("unknown_device", None)]


@pytest.mark.parametrize(("topic", "at"), [(b"vigil/v1/nobody/vitals", NOW), (TOPIC, NOW - 7_200_000)])
def test_what_an_older_directory_lacks_waits_for_a_newer_one(topic: bytes, at: int) -> None:
    found = translate([message(sample(at=at), topic)], who(loaded_at=NOW - 1), Seen())
    assert ([u.remainder for u in found.undecided], found.refused, found.batches) == ([message(sample(at=at), topic)], [], [])


def test_what_waits_of_a_gateways_message_is_only_what_cannot_be_decided() -> None:
    hub = message({"devices": {"dev-2": [sample(1)], "dev-3": [sample(1, pH=7, hr=70)]}}, HUB)
    seen = Seen()
    first = translate([hub], who(loaded_at=NOW - 1), seen)
    second = translate([u.remainder for u in first.undecided], who(), seen)
    assert (first.samples, reasons(first), reasons(second)) == (1, [], [("unknown_vital", "pH"), ("unassigned_device", None)])


def test_a_number_used_before_is_a_duplicate_even_with_another_time() -> None:
    assert reasons(said(sample(7), sample(7, NOW - 1000))) == [("duplicate", None)]


def test_lower_numbers_never_seen_are_taken() -> None:
    assert said(sample(9), sample(7), {"batch": [sample(2), sample(8)]}).samples == 4


def test_what_the_broker_delivers_again_is_neither_new_nor_refused() -> None:
    seen = Seen()
    translate([message(sample(7))], who(), seen)
    found = translate([message(sample(7), again=True)], who(), seen)
    assert (found.repeated, found.refused, found.batches) == (1, [], [])


def test_a_refused_sample_leaves_its_number_free() -> None:
    assert said(sample(7, at="?"), sample(7)).samples == 1


def test_batches_hold_a_thousand_samples_at_most_in_order() -> None:
    found = said({"batch": [sample(i) for i in range(2_500)]})
    seqs = [int(s) for _, b in found.batches for s in b.seq]
    assert ([len(b) for _, b in found.batches], seqs) == ([1_000, 1_000, 500], list(range(2_500)))


def test_a_refusal_keeps_the_bytes_of_its_own_sample() -> None:
    bad = b'{"seq": 2, "observed_at": "x", "vitals": {}}'
    found = said(b'{"batch": [' + json.dumps(sample(1)).encode() + b", " + bad + b"]}")
    assert [r.refusal.payload for r in found.refused] == [bad]


def test_status_becomes_a_link_with_the_patient_of_now() -> None:
    found = said({"state": "online", "battery": 0.5, "buffered": 3}, topic=b"vigil/v1/dev-1/status")
    assert [(x.device, x.state, x.battery, x.buffered, x.patient, x.ward, x.at) for x in found.links] == [
        ("dev-1", "online", 0.5, 3, "bob", "north", NOW)
    ]


def test_a_hubs_status_is_that_of_those_for_which_it_speaks() -> None:
    found = said({"state": "offline"}, topic=b"vigil/v1/hub/status")
    assert [(x.device, x.state, x.patient, x.gateway) for x in found.links] == [
        ("hub", "offline", None, None),
        ("dev-2", "offline", "cem", "hub"),
        ("dev-3", "offline", None, "hub"),
    ]


def test_a_waveform_becomes_a_chunk_of_its_patient() -> None:
    chunk = {"seq": 1, "observed_at": NOW, "channel": "ecg_ii", "rate_hz": 250, "unit": "mV", "samples": [0.1, None, -0.2]}
    found = said(chunk, chunk, topic=b"vigil/v1/dev-1/waveform")
    assert ([(c.patient, c.channel, c.rate_hz) for c in found.chunks], reasons(found)) == ([("bob", "ecg_ii", 250)], [("duplicate", None)])


@pytest.mark.parametrize(
    ("topic", "payload", "reason"),
    [
        (b"vigil/v1/dev-1/status", b"online", "malformed"),
        (b"vigil/v1/nobody/status", b'{"state": "online"}', "unknown_device"),
        (b"vigil/v1/dev-1/waveform", b"{}", "malformed"),
        (b"vigil/v1/dev-1/waveform", b"x" * (MESSAGE_BYTES + 1), "too_large"),
        (b"elsewhere", b"{}", "malformed"),
        (b"vigil/v1/dev-\xff/vitals", b"{}", "unknown_device"),
    ],
)
def test_other_topics_are_refused_by_name_too(topic: bytes, payload: bytes, reason: str) -> None:
    assert reasons(said(payload, topic=topic)) == [(reason, None)]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda x: (
        st.lists(x, max_size=4)
        | st.dictionaries(st.text(max_size=6) | st.sampled_from(["hr", "temp", "8867-4", "value", "unit"]), x, max_size=4)
    ),
    max_leaves=12,
)
SAMPLES = st.fixed_dictionaries(
    {},
    optional={
        "seq": st.integers() | JSON,
        "observed_at": st.integers(NOW - 10**7, NOW + 10**6) | st.datetimes().map(str) | JSON,
        "vitals": st.dictionaries(st.sampled_from(["hr", "spo2", "sbp", "dbp", "acvpu", "2708-6", "zz"]), st.floats() | JSON, max_size=5)
        | JSON,
        "quality": JSON,
    },
)
PAYLOADS = st.binary(max_size=200) | (
    SAMPLES
    | st.fixed_dictionaries({"batch": st.lists(SAMPLES, max_size=3) | JSON})
    | st.fixed_dictionaries(
        {"devices": st.dictionaries(st.sampled_from(["dev-2", "dev-3", "zz"]), st.lists(SAMPLES, max_size=3) | JSON, max_size=3)}
    )
    | JSON
).map(lambda x: json.dumps(x).encode())
TOPICS = st.sampled_from([TOPIC, HUB, b"vigil/v1/dev-1/status", b"vigil/v1/dev-1/waveform", b"vigil/v1/zz/vitals"]) | st.binary(max_size=40)


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(TOPICS, PAYLOADS, st.booleans()), max_size=4))
def test_any_bytes_are_samples_or_named_refusals_and_never_an_exception(said_by: list[tuple[bytes, bytes, bool]]) -> None:
    found = translate([Message(t, p, NOW, 1, again) for t, p, again in said_by], who(), Seen())
    for _, b in found.batches:
        decode(encode(b))
    assert all(r.refusal.reason in Reason for r in found.refused)


@settings(max_examples=100, deadline=None)
@given(st.permutations([*range(12), 3, 5, 7, 7]))
def test_duplicates_and_reordering_change_nothing_in_what_is_taken(order: list[int]) -> None:
    found = said(*[sample(i, NOW - 1_000 * i, hr=60 + i) for i in order])
    taken = sorted((int(b.seq[i]), int(b.observed_at[i]), float(b.values[i, 0])) for _, b in found.batches for i in range(len(b)))
    assert taken == [(i, NOW - 1_000 * i, 60.0 + i) for i in range(12)]


def test_a_clock_that_is_corrected_moves_observed_at_and_says_by_how_much() -> None:
    ahead = directory([Device("dev-1", clock_ms=-60_000)], [Assignment("dev-1", "bob", 0)], {}, 4, NOW + 1)
    batch = translate([message(sample(at=NOW + 60_000))], ahead, Seen()).batches[0][1]
    assert (int(batch.observed_at[0]), int(batch.clock_ms[0])) == (NOW, -60_000)


def test_a_backlog_says_nothing_of_the_clock() -> None:
    found = said(sample(1, NOW - 50), {"batch": [sample(2, NOW - 9_000)]})
    assert found.live is not None
    assert found.live[2].tolist() == [50]


def test_what_may_have_come_before_is_in_batches_of_its_own() -> None:
    found = translate([message(sample(7)), message(sample(8), again=True), message(sample(9))], who(), Seen())
    assert [(b.again, b.seq.tolist()) for _, b in found.batches] == [(False, [7, 9]), (True, [8])]


def test_its_records_say_so() -> None:
    found = translate([message(sample(7)), message(sample(8), again=True)], who(), Seen())
    assert [AGAIN in r.headers for r in records(found, Wiring(Topics(), 4), bytes(ENTROPY))] == [False, True]
