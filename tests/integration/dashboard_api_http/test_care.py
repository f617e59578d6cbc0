"""History, score, explanations and rules from stored readings."""

import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from confluent_kafka import Consumer, TopicPartition

from tests.integration.dashboard_api_http.site import Site
from tests.waiting import wait_for
from vitals.registry import BY_NAME

As = Callable[[str], httpx.Client]
NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture(autouse=True)
def present() -> None:
    """NOW at each test: a long run imports its tests many minutes before it gets to them."""
    globals()["NOW"] = datetime.now(UTC).replace(microsecond=0)


def vitals(as_: As, patient: str, **query: str) -> dict[str, Any]:
    answer = as_("doctor").get(f"/api/v1/patients/{patient}/vitals", params=query)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def many(site: Site, patient: str, n: int, step: timedelta) -> datetime:
    """n readings of the heart rate, and when the first was observed."""
    since = NOW - n * step
    sql = """INSERT INTO telemetry.reading (patient_no, vital, observed_at, device_no, seq, value, received_at)
             SELECT p.no, %s, %s::timestamptz + i * %s::interval, 1, i, 70 + i %% 5, now()
             FROM clinical.patient p, generate_series(0, %s - 1) i WHERE p.id = %s"""
    site.sql(sql, BY_NAME["hr"].index, since, step, n, patient)
    return since


def test_readings_come_in_order_with_their_gaps_marked(site: Site, as_: As) -> None:
    patient = site.patient()["id"]
    for seconds, value in ((30, 97.0), (20, None), (10, 95.0)):
        site.reading(patient, "spo2", NOW - timedelta(seconds=seconds), value, seq=seconds)
    found = vitals(as_, patient, vital="spo2")
    points = [(p["value"], p.get("no_value", False)) for p in found["series"][0]["points"]]
    assert (found["resolution"], found["series"][0]["unit"], points) == ("raw", "%", [(97.0, False), (None, True), (95.0, False)])


def test_the_start_is_in_and_the_end_is_not(site: Site, as_: As) -> None:
    patient = site.patient()["id"]
    for seconds in (30, 20, 10):
        site.reading(patient, "hr", NOW - timedelta(seconds=seconds), 70, seq=seconds)
    span = {"from": (NOW - timedelta(seconds=30)).isoformat(), "to": (NOW - timedelta(seconds=10)).isoformat()}
    assert len(vitals(as_, patient, vital="hr", **span)["series"][0]["points"]) == 2


def test_consciousness_is_a_letter(site: Site, as_: As) -> None:
    patient = site.patient()["id"]
    site.reading(patient, "acvpu", NOW, 2)
    assert vitals(as_, patient)["series"][0]["points"][0]["value"] == "V"


def test_more_than_fits_says_where_to_go_on(site: Site, as_: As) -> None:
    patient = site.patient()["id"]
    since = many(site, patient, 6000, timedelta(seconds=0.5))
    first = vitals(as_, patient, vital="hr", resolution="raw", **{"from": since.isoformat()})["series"][0]
    second = vitals(as_, patient, vital="hr", resolution="raw", **{"from": first["next"]})["series"][0]
    assert (len(first["points"]), len(second["points"]), second["next"]) == (5000, 1000, None)


def test_the_server_takes_a_coarser_resolution_when_raw_does_not_fit(site: Site, as_: As) -> None:
    patient = site.patient()["id"]
    since = many(site, patient, 6000, timedelta(seconds=0.5))
    assert vitals(as_, patient, vital="hr", **{"from": since.isoformat()})["resolution"] == "1m"


@pytest.mark.parametrize(("resolution", "expected"), [("1m", [(71.0, 70.0, 72.0, 2)] * 2), ("5m", [(71.0, 70.0, 72.0, 4)])])
def test_a_bucket_has_mean_low_high_and_count(site: Site, as_: As, resolution: str, expected: list[tuple[float, ...]]) -> None:
    patient, start = site.patient()["id"], NOW.replace(minute=NOW.minute // 5 * 5, second=0) - timedelta(minutes=10)
    for minute in (0, 1):
        sql = """INSERT INTO telemetry.rollup_1m SELECT no, 0, %s, 2, 70, 72, 142, 72, %s FROM clinical.patient WHERE id = %s"""
        site.sql(sql, start + timedelta(minutes=minute), start + timedelta(minutes=minute, seconds=30), patient)
    points = vitals(as_, patient, vital="hr", resolution=resolution, **{"from": start.isoformat()})["series"][0]["points"]
    assert [(p["value"], p["low"], p["high"], p["n"]) for p in points] == expected


@pytest.mark.parametrize("query", [{"vital": "hr,nonsense"}, {"from": "yesterday"}, {"resolution": "2m"}, {"from": "2030-01-01T00:00:00Z"}])
def test_a_question_that_makes_no_sense_is_a_422(site: Site, as_: As, query: dict[str, str]) -> None:
    assert as_("doctor").get(f"/api/v1/patients/{site.patient()['id']}/vitals", params=query).status_code == 422


def test_news2_is_a_range_with_each_inputs_age(site: Site, as_: As) -> None:
    patient = site.patient()["id"]
    for vital, value in (("hr", 131.0), ("rr", 25.0), ("spo2", 91.0), ("temp", 38.05)):
        site.reading(patient, vital, NOW - timedelta(minutes=5), value)
    score = as_("nurse").get(f"/api/v1/patients/{patient}/score").json()
    points = {name: i["points"] for name, i in score["inputs"].items()}
    assert (score["lowest"], score["highest"], score["tier"]) == (10, 18, "high")
    assert points == {"pulse": 3, "rr": 3, "spo2": 3, "temp": 1, "sbp": None, "oxygen": None, "acvpu": None}
    assert 300 <= score["inputs"]["rr"]["age_s"] < 600


def test_the_score_at_a_time_knows_nothing_of_later(site: Site, as_: As) -> None:
    patient = site.patient()["id"]
    site.reading(patient, "hr", NOW - timedelta(minutes=30), 72, seq=1)
    site.reading(patient, "hr", NOW - timedelta(minutes=5), 140, seq=2)
    at = (NOW - timedelta(minutes=10)).isoformat()
    assert as_("nurse").get(f"/api/v1/patients/{patient}/score", params={"at": at}).json()["inputs"]["pulse"]["value"] == 72.0


def test_an_explanation_says_why_nobody_was_paged(site: Site, as_: As) -> None:
    patient = site.patient()["id"]
    for seconds in (40, 30, 20, 10):
        site.reading(patient, "hr", NOW - timedelta(seconds=seconds), 125 if seconds < 40 else 80, seq=seconds)
    said = as_("doctor").get(f"/api/v1/patients/{patient}/explain").json()
    condition = said["conditions"][0]
    assert (condition["vital"], condition["within"], condition["beyond_s"]) == ("hr", False, 20.0)
    assert said["verdict"].startswith("No alert: hr beyond its limit for 20 s; an alert after 120 s")


@pytest.mark.parametrize(("pregnant", "said"), [(False, 3), (True, None)])
def test_an_explanation_has_no_score_of_whom_no_news2_is_made(site: Site, as_: As, pregnant: bool, said: int | None) -> None:
    patient = site.patient(pregnant=pregnant)["id"]
    site.reading(patient, "hr", NOW - timedelta(seconds=10), 140)
    score = as_("doctor").get(f"/api/v1/patients/{patient}/explain").json()["score"]
    assert (score and score["lowest"]) == said


def test_an_explanation_of_an_alert_shows_what_was_known_then(site: Site, as_: As) -> None:
    patient = site.patient()["id"]
    alert = site.alert(patient)
    site.sql("INSERT INTO alerting.event VALUES (%s, 2, now() + interval '1 hour', 'closed', NULL, %s, %s)", alert, uuid.uuid4().hex,
             json.dumps({"set": {"alert": {"state": "closed"}}}))  # fmt: skip
    said = as_("doctor").get(f"/api/v1/patients/{patient}/explain").json()
    assert [(a["id"], a["state"]) for a in said["alerts"]] == [(alert, "active")]


def newest_rules(site: Site) -> dict[str, Any]:
    """The last record of the topic `rules`."""
    consumer = Consumer({"bootstrap.servers": site.kafka, "group.id": uuid.uuid4().hex})
    end = consumer.get_watermark_offsets(TopicPartition(site.topics.rules, 0))[1]
    consumer.assign([TopicPartition(site.topics.rules, 0, end - 1)])
    message = consumer.poll(60)
    consumer.close()
    assert message is not None
    return dict(json.loads(message.value() or b""))


def test_a_new_rule_set_has_the_next_version_and_is_on_the_topic(site: Site, as_: As) -> None:
    before = as_("admin").get("/api/v1/rules").json()
    before["rules"]["limits"]["hr"]["low"] = [44, 40]
    after = as_("admin").put(
        "/api/v1/rules", json={"rules": before["rules"], "reason": "our bradycardias", "base_version": before["version"]}
    )
    told = newest_rules(site)
    assert (after.status_code, after.json()["version"], told["version"]) == (200, before["version"] + 1, before["version"] + 1)
    assert told["limits"]["hr"]["low"] == [44.0, 40.0]


def test_rules_that_contradict_themselves_are_refused_with_the_line(as_: As) -> None:
    rules = as_("admin").get("/api/v1/rules").json()["rules"]
    rules["limits"]["hr"]["low"] = [40, 44]
    answer = as_("admin").put("/api/v1/rules", content=json.dumps({"rules": rules, "reason": "x"}, indent=1))
    assert (answer.status_code, "limits.hr.low" in answer.json()["detail"]) == (422, True)


def test_rules_made_from_an_old_version_are_a_409(as_: As) -> None:
    rules = as_("admin").get("/api/v1/rules").json()["rules"]
    assert as_("admin").put("/api/v1/rules", json={"rules": rules, "reason": "x", "base_version": 999}).status_code == 409


def test_a_rehearsal_runs_by_itself_and_says_what_both_rule_sets_raise(site: Site, as_: As) -> None:
    patient = site.patient()["id"]
    many(site, patient, 600, timedelta(seconds=1))
    rules = as_("admin").get("/api/v1/rules").json()["rules"]
    rules["limits"]["hr"] |= {"high": [60, 130], "wait_s": [10, 5]}
    span = {"from": (NOW - timedelta(hours=1)).isoformat(), "to": (NOW + timedelta(minutes=1)).isoformat()}
    asked = as_("doctor").post("/api/v1/rehearsals", json={"rules": rules, **span})
    url = asked.headers["location"]
    done = wait_for(lambda: (r := as_("doctor").get(url).json())["state"] != "running" and r, 120)
    assert (asked.status_code, done["state"], done["problem"]) == (202, "done", "")


def test_a_rehearsal_of_wrong_rules_is_a_422_that_names_the_line(as_: As) -> None:
    body = {"rules": {"version": 1}, "from": "2026-11-20T00:00:00Z", "to": "2026-11-21T00:00:00Z"}
    answer = as_("doctor").post("/api/v1/rehearsals", json=body)
    assert (answer.status_code, answer.json()["detail"].startswith("rules: line 1")) == (422, True)


@pytest.mark.parametrize("path", ["vitals?to=", "score?at=", "explain?at="])
def test_a_time_before_which_there_is_none_is_a_422(site: Site, as_: As, path: str) -> None:
    patient = site.patient()["id"]
    assert as_("doctor").get(f"/api/v1/patients/{patient}/{path}0001-01-01T00:30:00Z").status_code == 422
