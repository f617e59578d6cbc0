"""Registering and changing patients: who they are is sealed, what detection must know goes to Kafka."""

import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from tests.integration.dashboard_api_http.site import Site
from tests.waiting import wait_for

As = Callable[[str], httpx.Client]


def contexts(site: Site, patient: str) -> list[dict[str, Any]]:
    """All records of the topic `patients` of this patient, oldest first."""
    consumer = Consumer({"bootstrap.servers": site.kafka, "group.id": uuid.uuid4().hex})
    topic = site.topics.patients
    consumer.assign([TopicPartition(topic, p, OFFSET_BEGINNING) for p in range(4)])
    left = {p: consumer.get_watermark_offsets(TopicPartition(topic, p))[1] for p in range(4)}
    found = []
    for _ in range(sum(left.values())):
        message = consumer.poll(60)
        assert message is not None
        assert message.error() is None
        if message.key() == patient.encode():
            found.append(json.loads(message.value() or b""))
    consumer.close()
    return found


def test_what_was_registered_is_shown_to_whoever_may_see_it(site: Site, as_: As) -> None:
    made = site.patient(bed="7", birth_date="2020-05-01")
    seen = as_("nurse").get(f"/api/v1/patients/{made['id']}").json()
    assert (seen["name"], seen["bed"], seen["age_band"]) == ("Ada Test", "7", "4-12y")


def test_a_record_number_is_registered_once(site: Site, as_: As) -> None:
    mrn = site.patient()["mrn"]
    body = {"mrn": f" {mrn}", "name": "Other", "birth_date": "1950-01-02", "sex": "male", "ward": "north"}
    assert as_("admin").post("/api/v1/patients", json=body).status_code == 409


@pytest.mark.parametrize(
    "change",
    [
        {"ward": "nowhere"},
        {"birth_date": "2050-01-01"},
        {"birth_date": "no"},
        {"sex": "x"},
        {"mrn": ""},
        {"name": 1},
        {"spo2_scale": 3},
        {"extra": 1},
    ],
)
def test_what_cannot_be_registered_is_a_422(as_: As, change: dict[str, object]) -> None:
    body = {"mrn": uuid.uuid4().hex, "name": "Ada", "birth_date": "1950-01-02", "sex": "female", "ward": "north"} | change
    assert as_("admin").post("/api/v1/patients", json=body).status_code == 422


def test_nothing_of_a_person_is_readable_in_the_database(site: Site) -> None:
    name, mrn = f"Zora{uuid.uuid4().hex}", uuid.uuid4().hex
    site.patient(name=name, mrn=mrn)
    tables = site.sql(
        "SELECT table_schema || '.' || table_name FROM information_schema.tables WHERE table_schema IN ('identity', 'clinical', 'access')"
    )
    dump = "".join(str(site.sql(f"SELECT t::text FROM {table} t")) for (table,) in tables)  # noqa: S608  # names from the catalogue
    assert name not in dump
    assert mrn not in dump


def test_a_change_is_on_the_topic_with_a_higher_version_and_no_name(site: Site, as_: As) -> None:
    patient = site.patient(bed="1")["id"]
    as_("admin").patch(f"/api/v1/patients/{patient}", json={"bed": "2", "ward": "south"}).raise_for_status()
    told = contexts(site, patient)
    assert [(c["version"], c["ward"], c["bed"]) for c in told] == [(1, "north", "1"), (2, "south", "2")]
    assert set(told[-1]) <= {"patient", "version", "ward", "bed", "age_band", "spo2_scale", "pregnant", "active", "limits"}


def test_a_limit_is_on_the_topic_with_its_end(site: Site, as_: As) -> None:
    patient, end = site.patient()["id"], "2099-01-01T00:00:00Z"
    body = {"hr": {"low": 45, "high": 140}, "reason": "athlete", "expires_at": end}
    as_("doctor").put(f"/api/v1/patients/{patient}/limits", json=body).raise_for_status()
    assert contexts(site, patient)[-1]["limits"] == {"hr": {"low": 45.0, "high": 140.0, "expires_at": 4070908800000}}


def test_a_limit_reverts_by_itself(site: Site, as_: As) -> None:
    patient = site.patient()["id"]
    body = {"hr": {"low": 45}, "reason": "for a moment", "expires_at": (datetime.now(UTC) + timedelta(hours=1)).isoformat()}
    as_("doctor").put(f"/api/v1/patients/{patient}/limits", json=body).raise_for_status()
    # the hour is nearly over: asked for a moment only, it would be over before a slow machine has taken it
    site.sql("UPDATE clinical.limit_override SET expires_at = now() + interval '0.3 s' WHERE patient = %s", patient)
    wait_for(lambda: "hr" not in as_("doctor").get(f"/api/v1/patients/{patient}/limits").json(), 30, "the limit's end")


def test_a_limit_given_as_null_goes_and_the_others_stay(site: Site, as_: As) -> None:
    url = f"/api/v1/patients/{site.patient()['id']}/limits"
    for body in ({"hr": {"low": 45}, "spo2": {"low": 88}}, {"hr": None}):
        as_("doctor").put(url, json={"reason": "why", **body}).raise_for_status()
    assert as_("doctor").get(url).json().keys() & {"hr", "spo2"} == {"spo2"}


def test_limits_given_back_as_they_are_shown_stay_as_they_are(site: Site, as_: As) -> None:
    url = f"/api/v1/patients/{site.patient()['id']}/limits"
    as_("doctor").put(url, json={"hr": {"low": 45}, "reason": "athlete", "expires_at": "2099-01-01T00:00:00Z"}).raise_for_status()
    as_("doctor").put(url, json={"spo2": {"low": 84}, "reason": "copd"}).raise_for_status()
    before = as_("nurse").get(url).json()
    answer = as_("nurse").put(url, json=before)
    assert (answer.status_code, answer.json(), as_("nurse").get(url).json()) == (200, before, before)


def test_of_limits_given_back_only_what_was_changed_changes(site: Site, as_: As) -> None:
    url = f"/api/v1/patients/{site.patient()['id']}/limits"
    as_("doctor").put(url, json={"hr": {"low": 45}, "spo2": {"low": 84}, "reason": "why"}).raise_for_status()
    shown = as_("nurse").get(url).json()
    shown["hr"]["low"] = 40
    after = as_("nurse").put(url, json=shown).json()
    assert [(after[vital]["low"], after[vital]["author"]) for vital in ("hr", "spo2")] == [(40, "nurse"), (84, "doctor")]


def test_limits_given_back_with_another_end_have_that_end(site: Site, as_: As) -> None:
    url = f"/api/v1/patients/{site.patient()['id']}/limits"
    as_("doctor").put(url, json={"hr": {"low": 45}, "reason": "why", "expires_at": "2098-01-01T00:00:00Z"}).raise_for_status()
    shown = as_("doctor").get(url).json() | {"expires_at": "2099-01-01T00:00:00Z"}
    assert as_("doctor").put(url, json=shown).json()["hr"]["expires_at"] == "2099-01-01T00:00:00Z"


def test_no_limits_given_back_are_no_limits(site: Site, as_: As) -> None:
    url = f"/api/v1/patients/{site.patient()['id']}/limits"
    before = as_("doctor").get(url).json()
    answer = as_("doctor").put(url, json=before)
    assert (answer.status_code, answer.json()) == (200, before)


def test_a_limit_that_no_rule_would_watch_is_a_422(site: Site, as_: As) -> None:
    url = f"/api/v1/patients/{site.patient()['id']}/limits"
    assert as_("doctor").put(url, json={"fio2": {"high": 60}, "reason": "why"}).status_code == 422


def test_only_care_may_be_changed_by_a_doctor(site: Site, as_: As) -> None:
    url = f"/api/v1/patients/{site.patient()['id']}"
    answers = [as_("doctor").patch(url, json=body).status_code for body in ({"spo2_scale": 2}, {"name": "X"}, {"ward": "south"})]
    assert answers == [200, 403, 403]


def test_an_erased_person_is_gone_and_the_readings_stay(site: Site, as_: As) -> None:
    patient = site.patient()["id"]
    site.reading(patient, "hr", datetime.now(UTC) - timedelta(minutes=1), 72)
    answer = as_("admin").post(f"/api/v1/patients/{patient}/erasure", json={"confirm": patient, "reason": "asked for"})
    seen = as_("doctor").get(f"/api/v1/patients/{patient}").json()
    vitals = as_("doctor").get(f"/api/v1/patients/{patient}/vitals?vital=hr").json()
    assert (answer.json()["person_erased"], seen["name"], seen["mrn"], len(vitals["series"][0]["points"])) == (True, None, None, 1)


@pytest.mark.parametrize(
    ("content", "status"),
    [(b"", 200), (b"{}", 200), (b'{"reason": "asked for"}', 200), (b'{"confirm": "somebody-else"}', 422), (b'{"confrim": "x"}', 422)],
)
def test_an_erasure_needs_no_words_but_none_that_say_somebody_else(site: Site, as_: As, content: bytes, status: int) -> None:
    answer = as_("admin").post(f"/api/v1/patients/{site.patient()['id']}/erasure", content=content)
    assert answer.status_code == status


def test_an_export_has_everything_and_says_who_saw_it(site: Site, as_: As) -> None:
    patient = site.patient()["id"]
    site.reading(patient, "hr", datetime.now(UTC) - timedelta(minutes=1), 72)
    site.alert(patient)
    as_("nurse").get(f"/api/v1/patients/{patient}")
    body = as_("doctor").get(f"/api/v1/patients/{patient}/export").json()
    assert (len(body["readings"]), len(body["alerts"]), body["patient"]["name"]) == (1, 1, "Ada Test")
    assert "nurse" in {line["actor"] for line in body["who_saw_it"]}


def test_a_consent_is_kept_with_who_gave_it(site: Site, as_: As) -> None:
    url = f"/api/v1/patients/{site.patient()['id']}/consents"
    for granted in (True, False):
        as_("doctor").put(url, json={"items": [{"purpose": "research", "granted": granted}]}).raise_for_status()
    items = {item["purpose"]: item for item in as_("doctor").get(url).json()["items"]}
    assert (items["research"]["granted"], items["research"]["by"], items["device_vendor"]["granted"]) == (False, "doctor", None)


def test_breaking_glass_opens_one_patient_for_an_hour_and_is_reviewed(site: Site, as_: As) -> None:
    patient, other = site.patient("south")["id"], site.patient("south")["id"]
    nurse = as_("nurse")
    grant = nurse.post("/api/v1/break-glass", json={"patient_id": patient, "reason": "found collapsed in the corridor"}).json()
    assert [nurse.get(f"/api/v1/patients/{p}").status_code for p in (patient, other)] == [200, 404]
    listed = as_("auditor").get("/api/v1/break-glass").json()["items"]
    assert (listed[0]["id"], listed[0]["username"], listed[0]["reason"]) == (grant["id"], "nurse", "found collapsed in the corridor")


def test_a_page_goes_on_where_the_last_one_ended(site: Site, as_: As) -> None:
    made = {site.patient()["id"] for _ in range(3)}
    found: list[str] = []
    url: str | None = "/api/v1/patients?limit=2"
    while url:
        body = as_("doctor").get(url).json()
        found += [row["id"] for row in body["items"]]
        url = f"/api/v1/patients?limit=2&cursor={body['next']}" if body["next"] else None
    assert len(found) == len(set(found))
    assert made <= set(found)


def test_consents_given_back_as_they_are_shown_stay_as_they_are(site: Site, as_: As) -> None:
    patient = site.patient()["id"]
    url = f"/api/v1/patients/{patient}/consents"
    as_("doctor").put(url, json={"items": [{"purpose": "research", "granted": True}]}).raise_for_status()
    before = as_("doctor").get(url).json()
    answer = as_("doctor").put(url, json=before)
    kept = site.sql("SELECT count(*) FROM access.consent WHERE patient = %s", patient)
    assert (answer.status_code, answer.json(), kept) == (200, before, [(1,)])


def test_of_consents_given_back_the_changed_one_is_kept(site: Site, as_: As) -> None:
    url = f"/api/v1/patients/{site.patient()['id']}/consents"
    as_("doctor").put(url, json={"items": [{"purpose": "research", "granted": True}]}).raise_for_status()
    shown = as_("doctor").get(url).json()
    for item in shown["items"]:
        item["granted"] = False if item["purpose"] == "research" else item["granted"]
    after = as_("doctor").put(url, json=shown).json()["items"]
    assert {item["purpose"]: item["granted"] for item in after}["research"] is False


@pytest.mark.parametrize("item", [{"purpose": "research", "granted": True, "auhtor": "x"}, {"purpose": "reserach", "granted": True}])
def test_a_misspelt_consent_is_a_422(site: Site, as_: As, item: dict[str, object]) -> None:
    url = f"/api/v1/patients/{site.patient()['id']}/consents"
    assert as_("doctor").put(url, json={"items": [item]}).status_code == 422
