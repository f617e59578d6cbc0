"""FHIR Observations become what a device would have said."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.directory import Assignment, Device, directory
from ingest.fhir import Posted, kept, read
from ingest.gather import Message
from ingest.route import vitals_topic
from ingest.seen import Seen
from ingest.translate import Translated, translate
from ingest.wire import SAMPLE_VITALS
from vitals.registry import index

AT, NOW = "2026-11-21T02:29:07.250Z", 1_795_228_150_000
AT_MS = 1_795_228_147_250


WHO = directory(
    [Device("dev-1"), Device("dev-2"), Device("dev-3", clock_ms=-5_000)],
    [Assignment("dev-1", "ann", 0), Assignment("dev-2", "bob", 0), Assignment("dev-3", "cat", 0, AT_MS), Assignment("dev-3", "dan", AT_MS)],
    {},
    4,
    NOW + 10,
)


def concept(*codes: str) -> dict[str, Any]:
    return {"coding": [{"system": "http://loinc.org", "code": c} for c in codes]}


def quantity(value: float | None, code: str = "") -> dict[str, Any]:
    return {"value": value, "unit": code, "system": "http://unitsofmeasure.org", "code": code}


def observation(*codes: str, **more: Any) -> dict[str, Any]:
    base = {
        "resourceType": "Observation",
        "status": "final",
        "code": concept(*codes),
        "effectiveDateTime": AT,
        "device": {"reference": "Device/dev-1"},
    }
    return base | more


def asked(method: object) -> dict[str, Any]:
    """A transaction that asks for one thing to be done."""
    entry = {"resource": observation("8867-4", valueQuantity=quantity(72)), "request": {"method": method, "url": "Observation/1"}}
    return {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}


def posted(resource: object) -> Any:
    return read(resource if isinstance(resource, bytes) else json.dumps(resource).encode(), WHO, NOW)


def taken(resource: object) -> Translated:
    found = posted(resource)
    assert isinstance(found, Posted), found
    messages = [
        Message(vitals_topic(s.device), s.payload(), NOW, again=True, door="fhir", original=e.raw) for e in found.entries for s in e.samples
    ]
    return translate(messages, WHO, Seen())


@pytest.mark.parametrize(
    ("resource", "vital", "value"),
    [
        (observation("8867-4", valueQuantity=quantity(72, "/min")), "hr", 72),
        (observation("2708-6", "59408-5", valueQuantity=quantity(97, "%")), "spo2", 97),
        (observation("8310-5", valueQuantity=quantity(98.6, "[degF]")), "temp", 37),
        (observation("15074-8", valueQuantity=quantity(5, "mmol/L")), "glucose", 90.091),
        (observation("15074-8", valueQuantity={"value": 5}), "glucose", 90.091),
        (observation("67775-7", valueCodeableConcept={"coding": [{"code": "V"}]}), "acvpu", 2),
        (observation("67775-7", valueString="P"), "acvpu", 3),
    ],
)
def test_a_value_comes_to_its_canonical_unit(resource: dict[str, Any], vital: str, value: float) -> None:
    assert float(taken(resource).batches[0][1].values[0, index(vital)]) == pytest.approx(value)


def test_a_pressure_panel_is_one_sample_with_an_absent_component_as_no_value() -> None:
    parts = [
        {"code": concept("8480-6"), "valueQuantity": quantity(118, "mm[Hg]")},
        {"code": concept("8462-4"), "dataAbsentReason": {"coding": [{"code": "unknown"}]}},
    ]
    batch = taken(observation("85354-9", component=parts)).batches[0][1]
    assert (len(batch), float(batch.values[0, index("sbp")]), int(batch.no_value[0])) == (1, 118, 1 << index("dbp"))


@pytest.mark.parametrize(
    ("first", "second", "values"),
    [
        (("8480-6", quantity(62, "mm[Hg]")), ("8480-6", quantity(118, "mm[Hg]")), [62, 118]),
        (("59408-5", quantity(82)), ("2708-6", quantity(97, "%")), [82, 97]),
        (("59408-5", quantity(82)), ("59408-5", quantity(82)), [82]),
    ],
    ids=["one code", "two codes", "the same"],
)
def test_a_vital_twice_in_one_observation_is_two_samples_unless_it_says_the_same(
    first: tuple[str, Any], second: tuple[str, Any], values: list[float]
) -> None:
    parts = [{"code": concept(code), "valueQuantity": value} for code, value in (first, second)]
    found = taken(observation("85353-1", component=parts))
    assert ([float(x) for _, b in found.batches for x in np.nanmax(b.values, axis=1)], found.refused) == (values, [])


def test_an_absent_value_is_no_value() -> None:
    batch = taken(observation("8867-4", dataAbsentReason={"coding": [{"code": "unknown"}]})).batches[0][1]
    assert (int(batch.no_value[0]), bool(np.isnan(batch.values).all())) == (1 << index("hr"), True)


def part(code: str, value: float) -> dict[str, Any]:
    return {"code": concept(code), "valueQuantity": quantity(value)}


@pytest.mark.parametrize(
    ("resource", "name"),
    [
        (observation("8867-4", valueQuantity=quantity(72)), "hr:ann"),
        (observation("8867-4", valueQuantity=quantity(72), device={"reference": "Device/dev-3"}), "hr:cat"),
        (observation("15074-8", valueQuantity=quantity(5, "mmol/L")), "glucose:ann"),
        (observation("85354-9", component=[part("8480-6", 118), part("8462-4", 76)]), "bp:ann"),
        (observation("8462-4", valueQuantity=quantity(76)), "bp:ann"),
    ],
)
def test_what_became_one_reading_is_named_as_it_is_stored(resource: dict[str, Any], name: str) -> None:
    batch = taken(resource).batches[0][1]
    stored = f"{batch.devices[0]}:{int(batch.observed_at[0])}:{int(batch.seq[0])}"
    assert kept(posted(resource).entries[0], WHO, NOW) == f"urn:vigil:reading:{name}:{stored}"


@pytest.mark.parametrize("parts", [(part("8867-4", 72), part("9279-1", 16)), (part("8867-4", 72), part("8867-4", 73))])
def test_what_became_more_than_one_reading_has_no_one_name(parts: tuple[dict[str, Any], ...]) -> None:
    assert kept(posted(observation("85353-1", component=list(parts))).entries[0], WHO, NOW) == ""


@pytest.mark.parametrize("resource", [asked("POST"), {**asked("POST"), "type": "batch"}])
def test_a_bundle_that_asks_to_create_is_taken(resource: dict[str, Any]) -> None:
    assert [entry.at for entry in posted(resource).entries] == ["Bundle.entry[0].resource"]


def test_what_cannot_be_taken_costs_a_transaction_all_and_a_batch_only_itself() -> None:
    entries = [
        {"resource": observation("8867-4", valueQuantity=quantity(n)) | more} for n, more in ((70, {}), (71, {"status": ""}), (72, {}))
    ]
    transaction, batch = (posted({"resourceType": "Bundle", "type": kind, "entry": entries}) for kind in ("transaction", "batch"))
    assert [issue.expression for issue in transaction] == ["Bundle.entry[1].resource.status"]
    assert ([entry.at[13] for entry in batch.entries], list(batch.issues)) == (["0", "2"], [1])


def test_time_and_patient_come_from_effective_and_the_devices_assignment() -> None:
    batch = taken(observation("8867-4", valueQuantity=quantity(72, "/min"))).batches[0][1]
    assert (int(batch.observed_at[0]), batch.patients) == (AT_MS, ("ann",))


@pytest.mark.parametrize(("subject", "fits"), [("cat", True), ("dan", False)])
def test_a_subject_is_compared_with_the_patient_of_the_moment_that_a_wrong_clock_stands_for(subject: str, fits: bool) -> None:
    whose = {"device": {"reference": "Device/dev-3"}, "subject": {"reference": f"Patient/{subject}"}}
    assert isinstance(posted(observation("8867-4", valueQuantity=quantity(72), **whose)), Posted) is fits


def test_what_the_clock_of_the_device_on_the_subject_would_give_to_another_is_not_taken() -> None:
    resource = observation("8867-4", valueQuantity=quantity(72), device={}, subject={"reference": "Patient/dan"})
    assert posted(resource)[0].code == "business-rule"


def test_without_a_device_it_counts_as_said_by_the_one_on_the_subject() -> None:
    resource = observation("8867-4", valueQuantity=quantity(72, "/min"), device={}, subject={"reference": "Patient/bob"})
    assert taken(resource).batches[0][1].devices == ("dev-2",)


@pytest.mark.parametrize(
    ("resource", "reason"),
    [
        (observation("1234-5", valueQuantity=quantity(1, "/min")), "unknown_vital"),
        (observation("8867-4", valueQuantity=quantity(72, "furlong")), "bad_unit"),
        (observation("8867-4", valueQuantity=quantity(720, "/min")), "implausible"),
        (observation("8867-4", valueQuantity=quantity(72, "/min"), effectiveDateTime="2026-11-21"), "bad_time"),
        (observation("8867-4", valueQuantity=quantity(72, "/min"), device={"reference": "Device/zz"}), "unknown_device"),
        (observation("8867-4", valueQuantity=quantity(72, "/min"), device={}, subject={"reference": "Patient/zz"}), "unknown_device"),
        (observation("8867-4", valueString="fast"), "malformed"),
    ],
)
def test_a_wrong_value_is_refused_by_the_doors_common_reasons(resource: dict[str, Any], reason: str) -> None:
    assert [r.refusal.reason.value for r in taken(resource).refused] == [reason]


@pytest.mark.parametrize(
    ("resource", "code"),
    [
        (b"{", "structure"),
        (b"[]", "structure"),
        ({"resourceType": "Patient"}, "not-supported"),
        ({"resourceType": "Bundle", "type": "searchset"}, "not-supported"),
        ({"resourceType": "Bundle", "type": "transaction"}, "required"),
        ({"resourceType": "Bundle", "type": "transaction", "entry": [{"resource": {"resourceType": "Patient"}}, {}]}, "not-supported"),
        (asked("PUT"), "not-supported"),
        (asked("DELETE"), "not-supported"),
        (asked(1), "structure"),
        (observation("8867-4", status="entered-in-error", valueQuantity=quantity(72)), "not-supported"),
        (observation("8867-4", status="cancelled", valueQuantity=quantity(72)), "not-supported"),
        (observation("8867-4", status="registered", valueQuantity=quantity(72)), "not-supported"),
        (observation("8867-4", valueRange={"low": quantity(70), "high": quantity(72)}), "required"),
        (observation("8867-4"), "required"),
        (observation("85354-9"), "required"),
        (observation("8867-4", valueQuantity={"value": "72"}), "structure"),
        (observation("85353-1", component=[{"code": concept("8867-4"), "valueInteger": n} for n in range(SAMPLE_VITALS + 1)]), "too-long"),
        (observation("8867-4", valueQuantity=quantity(72), subject={"reference": "Patient/bob"}), "business-rule"),
    ],
)
def test_what_is_no_observation_is_said_to_be_so(resource: object, code: str) -> None:
    assert posted(resource)[0].code == code


JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda x: st.lists(x, max_size=3) | st.dictionaries(st.text(max_size=5), x, max_size=3),
    max_leaves=6,
)
FIELDS = ["resourceType", "status", "code", "valueQuantity", "component", "effectiveDateTime", "device", "subject", "type", "entry"]


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(
    st.binary(max_size=60)
    | st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=5).map(lambda d: observation("8867-4", valueQuantity=quantity(7)) | d)
)
def test_any_bytes_are_samples_or_issues(resource: object) -> None:
    found = posted(resource)
    assert isinstance(found, list) or taken(resource)


@pytest.mark.parametrize(
    ("more", "where"),
    [
        ({"valueQuantity": quantity(70) | {"comparator": "<"}}, "Observation.valueQuantity.comparator"),
        ({"valueQuantity": quantity(70), "modifierExtension": [{"url": "x"}]}, "Observation.modifierExtension"),
        (
            {"component": [{"code": concept("8480-6"), "valueQuantity": quantity(120) | {"comparator": ">"}}]},
            "Observation.component[0].valueQuantity.comparator",
        ),
    ],
)
def test_what_changes_the_meaning_of_a_value_is_not_ignored(more: dict[str, Any], where: str) -> None:
    (issue,) = posted(observation("8867-4" if "valueQuantity" in more else "85354-9", **more))
    assert (issue.code, issue.expression) == ("not-supported", where)


@pytest.mark.parametrize(("device", "subject", "unsure"), [("dev-1", "ann", False), ("new", "ann", True), ("new", "", False)])
def test_of_a_device_that_is_on_nobody_yet_only_a_newer_picture_tells_whether_it_is_on_the_subject(
    device: str, subject: str, unsure: bool
) -> None:
    named = {"device": {"reference": f"Device/{device}"}} | ({"subject": {"reference": f"Patient/{subject}"}} if subject else {})
    found = posted(observation("8867-4", valueQuantity=quantity(72), **named))
    assert isinstance(found, Posted)
    assert [entry.unsure for entry in found.entries] == [unsure]
