"""CONTRACT.md walked at the other doors of the one running Vigil: MQTT, the live feed, what people do about an alert, FHIR, MLLP."""

import uuid
from collections.abc import Callable
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from tests.contract.promised import ALERT
from tests.e2e.walk import Walk, at, frames_of_an_illness, sample, valued
from tests.waiting import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

Frames = list[dict[str, Any]]
HEART_RATE = "OBX|1|NM|147842^MDC_ECG_HEART_RATE^MDC|1.5.1.1|{}|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||R"


@pytest.fixture(scope="module")
def illness(walk: Walk) -> Frames:
    """The live feed's frames while the patient falls ill: to the first alarm and the first heartbeat."""
    return frames_of_an_illness(walk, lambda heard: bool(alarms(heard)) and {"delta", "heartbeat"} <= {f["type"] for f in heard})


@pytest.fixture(scope="module")
def alert(walk: Walk, illness: Frames) -> str:
    """The id of the first alarm."""
    walk.words["alert"] = str(alarms(illness)[0]["id"])
    return walk.words["alert"]


def alarms(heard: Frames) -> list[dict[str, Any]]:
    """The physiological alerts that were told as active."""
    told = [frame["alert"] for frame in heard if frame["type"] == "alert"]
    return [one for one in told if (one["class"], one["state"]) == ("physiological", "active")]


def test_a_value_in_another_unit_is_kept_in_the_canonical_one(walk: Walk) -> None:
    assert [round(value, 1) for value in valued(walk, "temp")][:1] == [36.9]


def test_a_device_gets_in_over_tls_with_the_ca_that_endpoints_name(walk: Walk) -> None:
    assert _let_in(walk, walk.secret["password"], tls=True)


def test_a_device_with_a_wrong_secret_stays_out(walk: Walk) -> None:
    assert not _let_in(walk, "wrong", tls=False)


def _let_in(walk: Walk, password: str, *, tls: bool) -> bool:
    """Whether the broker lets the device in; under a client id of its own, so that nobody is thrown out."""
    where, answers = walk.vigil.endpoints["mqtt"], list[bool]()
    client = mqtt.Client(CallbackAPIVersion.VERSION2, f"{walk.bench.device}-{uuid.uuid4().hex[:4]}", protocol=mqtt.MQTTv5)
    client.username_pw_set(walk.bench.device, password)
    if tls:
        client.tls_set(ca_certs=where["ca_file"])
    client.on_connect = lambda _c, _u, _f, code, _p: answers.append(not code.is_failure)
    client.connect(where["host"], where["tls_port"] if tls else where["port"])
    client.loop_start()
    wait_for(lambda: answers, 60, "the broker's answer")
    client.disconnect()
    client.loop_stop()
    return answers[0]


def test_what_a_device_says_as_another_is_not_stored(walk: Walk) -> None:
    walk.stray.client.publish(walk.bench.topics["vitals"], sample(99, at(), hr=188), 1).wait_for_publish(60)
    walk.bench.say(sample(100, at(), hr=74))
    wait_for(lambda: 74 in valued(walk, "hr"), 60, "what came after it")
    assert 188 not in valued(walk, "hr")


REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "no JSON": (lambda: b"not json", "malformed"),
    "a number that is text": (lambda: sample("x", at(), hr=70), "malformed"),  # type: ignore[arg-type]  # what a device must not say
    "NaN": (lambda: b'{"seq": 56, "observed_at": "2026-01-01T00:00:00Z", "vitals": {"hr": NaN}}', "malformed"),
    "1970": (lambda: sample(50, "1970-01-01T00:00:00Z", hr=70), "bad_time"),
    "no time": (lambda: sample(55, "yesterday", hr=70), "bad_time"),
    "2100": (lambda: sample(51, "2100-01-01T00:00:00Z", hr=70), "from_the_future"),
    "an unknown vital": (lambda: sample(52, at(), mood=7, hr=71), "unknown_vital"),
    "a unit that is none": (lambda: sample(53, at(), temp={"value": 300, "unit": "K/s"}), "bad_unit"),
    "no heart beats so": (lambda: sample(54, at(), hr=900), "implausible"),
    "diastole above systole": (lambda: sample(57, at(), sbp=80, dbp=120), "implausible"),
    "the same number again": (lambda: sample(1, at(), hr=70), "duplicate"),
    "too large": (lambda: b'{"pad": "' + b"x" * 2_000_000 + b'"}', "too_large"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_device_is_acknowledged_and_told_why_it_is_refused(walk: Walk, what: str) -> None:
    made, reason = REFUSED[what]
    walk.bench.say(made())
    assert walk.bench.hears(reason)


def test_a_device_on_nobody_is_told_so(walk: Walk) -> None:
    walk.stray.say(sample(1, at(), hr=73))
    assert walk.stray.hears("unassigned_device")


def test_a_refusal_is_kept_and_can_be_closed(walk: Walk) -> None:
    walk.stray.say(sample(2, at(), hr=73))
    path = f"/refusals?device={walk.stray.device}"
    kept = wait_for(lambda: walk.ask("admin", "GET", path).json()["items"], 60, "the refusal in the review")[0]
    assert walk.ask("admin", "POST", f"/refusals/{kept['id']}/discard").status_code == 200


def test_the_feed_begins_with_the_whole_ward(walk: Walk, illness: Frames) -> None:
    first = illness[0]
    assert (first["type"], [p["id"] for p in first["patients"] if p["id"] == walk.patient], bool(first["cursor"])) == (
        "snapshot",
        [walk.patient],
        True,
    )


def test_the_feed_shows_what_changes_and_that_it_lives(illness: Frames) -> None:
    assert {"delta", "heartbeat"} <= {frame["type"] for frame in illness}


def test_the_feed_tells_an_alert_whole(walk: Walk, illness: Frames) -> None:
    told = alarms(illness)[0]
    assert (told["patient"], ALERT - set(told)) == (walk.patient, set())


def test_the_list_has_the_alert_whole(walk: Walk, alert: str) -> None:
    (listed,) = [one for one in walk.ask("doctor", "GET", "/alerts?patient={patient}").json()["items"] if one["id"] == alert]
    assert (ALERT - set(listed), listed["ward"], listed["retrospective"]) == (set(), walk.ward, False)


ACTIONS = (
    ("acknowledge", {}, 200, "acknowledged"),
    ("acknowledge", {}, 409, "acknowledged"),
    ("unshelve", {}, 409, "acknowledged"),
    ("dance", {}, 422, "acknowledged"),
    ("comment", {"comment": "seen"}, 200, "acknowledged"),
    ("on_my_way", {}, 200, "acknowledged"),
    ("at_bedside", {}, 200, "acknowledged"),
    ("on_my_way", {}, 409, "acknowledged"),
    ("shelve", {"until": "2020-01-01T00:00:00Z"}, 422, "acknowledged"),
    ("resolve", {"outcome": "treated"}, 200, "closed"),
    ("acknowledge", {}, 409, "closed"),
)


def test_what_people_do_about_an_alert_and_what_the_lifecycle_forbids(walk: Walk, alert: str) -> None:
    done = []
    for action, more, _, _ in ACTIONS:
        status = walk.ask("doctor", "POST", "/alerts/{alert}/actions", json={"action": action, **more}).status_code
        done.append((action, more, status, walk.ask("doctor", "GET", "/alerts/{alert}").json()["state"]))
    assert done == list(ACTIONS)


def test_the_timeline_has_all_that_was_done(walk: Walk, alert: str) -> None:
    kinds = {line["kind"] for line in walk.ask("doctor", "GET", "/alerts/{alert}").json()["timeline"]}
    assert "raised" in kinds


def observation(walk: Walk, value: float) -> dict[str, Any]:
    """A heart rate as FHIR says it."""
    quantity = {"value": value, "unit": "/min", "system": "http://unitsofmeasure.org", "code": "/min"}
    return {
        "resourceType": "Observation", "status": "final", "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
        "subject": {"reference": f"Patient/{walk.patient}"}, "device": {"reference": f"Device/{walk.bench.device}"},
        "effectiveDateTime": at(), "valueQuantity": quantity,
    }  # fmt: skip


def test_an_observation_comes_in_over_fhir(walk: Walk) -> None:
    asked = walk.ask("integration", "POST", "//fhir/R4/Observation", json=observation(walk, 61)).status_code
    assert (asked, bool(wait_for(lambda: 61 in valued(walk, "hr"), 60, "the observation in the history"))) == (201, True)


def test_an_observation_is_read_where_its_answer_said(walk: Walk) -> None:
    where = walk.ask("integration", "POST", "//fhir/R4/Observation", json=observation(walk, 64)).headers["location"].partition("/fhir/")[2]
    read = wait_for(lambda: [a for a in [walk.ask("doctor", "GET", f"//fhir/{where}")] if a.status_code == 200], 60, "its reading")
    assert read[0].json()["valueQuantity"]["value"] == 64


def test_a_bundle_comes_in_over_fhir(walk: Walk) -> None:
    entry = {"resource": observation(walk, 62), "request": {"method": "POST", "url": "Observation"}}
    asked = walk.ask(
        "integration", "POST", "//fhir/R4", json={"resourceType": "Bundle", "type": "transaction", "entry": [entry]}
    ).status_code
    assert (asked, bool(wait_for(lambda: 62 in valued(walk, "hr"), 60, "the bundle in the history"))) == (200, True)


def test_an_observation_that_cannot_be_is_refused_with_an_outcome(walk: Walk) -> None:
    answer = walk.ask("integration", "POST", "//fhir/R4/Observation", json=observation(walk, 9_000))
    assert (answer.status_code, answer.json()["resourceType"]) == (422, "OperationOutcome")


def test_hl7_over_mllp_is_answered_and_stored(walk: Walk) -> None:
    answered = walk.hl7(HEART_RATE.format(63))
    assert (answered, bool(wait_for(lambda: 63 in valued(walk, "hr"), 60, "the message in the history"))) == ("AA", True)


@pytest.mark.parametrize(("rows", "kind", "code"), [([HEART_RATE.format(900)], "ORU^R01^ORU_R01", "AE"), ([], "ADT^A01", "AR")])
def test_hl7_that_cannot_be_used_is_answered_by_name(walk: Walk, rows: list[str], kind: str, code: str) -> None:
    assert walk.hl7(*rows, kind=kind) == code


def test_an_assignment_is_corrected_and_says_what_moved(walk: Walk) -> None:
    answer = walk.ask("admin", "PATCH", f"/devices/{walk.hub}/assignments/1", json={"to": at()})
    assert (answer.status_code, "changed" in answer.json()) == (200, True)


def test_what_alertmanager_says_is_an_alert_of_the_site_until_it_is_resolved(walk: Walk) -> None:
    mark = uuid.uuid4().hex[:16]

    def said(status: str) -> int:
        alert = {"status": status, "labels": {"alertname": "DiskFull", "ward": walk.ward}, "startsAt": began, "fingerprint": mark}
        return walk.ask("integration", "POST", "/alertmanager", json={"version": "4", "alerts": [alert]}).status_code

    def listed(state: str) -> list[Any]:
        items = walk.ask("oncall", "GET", f"/alerts?ward={walk.ward}&class=technical&state={state}").json()["items"]
        return [(one["title"], one["patient"]) for one in items if one["rule"] == "alertmanager"]

    began = at(-5)
    statuses = [said("firing"), said("firing")]
    raised = wait_for(lambda: listed("active"), 60, "the site's alert")
    statuses.append(said("resolved"))
    closed = wait_for(lambda: listed("closed"), 60, "its end")
    assert (statuses, raised, closed) == ([200] * 3, [("DiskFull", "site")], [("DiskFull", "site")])
