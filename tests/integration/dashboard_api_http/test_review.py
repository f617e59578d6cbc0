"""The audit holds every read, change and denial, and shows when somebody touched it; refusals have a way back."""

import base64
import threading
import uuid
from collections.abc import Callable

import httpx
import psycopg
import pytest
from paho.mqtt.client import CallbackAPIVersion, Client

from tests.integration.dashboard_api_http.site import Site
from tests.integration.dashboard_api_http.test_sessions import token
from tests.waiting import wait_for

As = Callable[[str], httpx.Client]


def entries(as_: As, **query: str) -> list[tuple[str, str, str]]:
    items = as_("auditor").get("/api/v1/audit", params=query).json()["items"]
    return [(e["actor"], e["action"], e["outcome"]) for e in items]


@pytest.mark.parametrize("path", ["", "/vitals", "/score", "/limits", "/explain", "/notes", "/consents", "/export"])
def test_every_read_of_a_patient_is_there_before_the_answer(site: Site, as_: As, path: str) -> None:
    patient = site.patient()["id"]
    as_("doctor").get(f"/api/v1/patients/{patient}{path}").raise_for_status()
    assert ("doctor", "done") in {(actor, outcome) for actor, _, outcome in entries(as_, patient=patient)}


def test_a_list_counts_as_a_read_of_each_patient_in_it(site: Site, as_: As) -> None:
    patient = site.patient()["id"]
    as_("doctor").get(f"/api/v1/patients?mrn={site.patient()['mrn']}")
    as_("doctor").get("/api/v1/patients?limit=500")
    assert entries(as_, patient=patient)[0] == ("doctor", "listPatients", "done")


def test_a_denied_attempt_is_there_whether_the_patient_exists_or_not(site: Site, as_: As) -> None:
    there, nowhere = site.patient("south")["id"], str(uuid.uuid4())
    for patient in (there, nowhere):
        as_("nurse").get(f"/api/v1/patients/{patient}/vitals")
    assert [entries(as_, patient=p)[0] for p in (there, nowhere)] == [("nurse", "readVitals", "denied")] * 2


def test_a_role_that_may_not_is_there(site: Site, as_: As) -> None:
    patient = site.patient()["id"]
    as_("admin").get(f"/api/v1/patients/{patient}/vitals")
    assert entries(as_, patient=patient)[0] == ("admin", "readVitals", "denied")


def test_log_ins_are_there_good_and_bad(site: Site, as_: As) -> None:
    name = f"no{uuid.uuid4().hex[:8]}"
    token(site, username=name, password="x")
    assert entries(as_, actor=name) == [(name, "login.password", "denied")]


def test_the_audit_names_no_person(site: Site, as_: As) -> None:
    name = f"Zora{uuid.uuid4().hex}"
    patient = site.patient(name=name)["id"]
    as_("admin").patch(f"/api/v1/patients/{patient}", json={"name": name + "x"})
    assert name not in as_("auditor").get(f"/api/v1/audit?patient={patient}").text


def forge(site: Site, actor: str) -> None:
    """What only a superuser of the database can do."""
    with psycopg.connect(site.database) as superuser:
        superuser.execute("SET session_replication_role = replica")
        superuser.execute("UPDATE access.audit SET actor = %s WHERE n = 3", [actor])


def test_the_chain_is_whole_until_somebody_changes_an_entry(site: Site, as_: As) -> None:
    as_("auditor").get("/api/v1/audit")
    true_actor = site.sql("SELECT actor FROM access.audit WHERE n = 3")[0][0]
    before = as_("auditor").get("/api/v1/audit/verify").json()
    forge(site, "nobody")
    forged = as_("auditor").get("/api/v1/audit/verify").json()
    forge(site, true_actor)
    after = as_("auditor").get("/api/v1/audit/verify").json()
    assert [(v["intact"], v["broken_at"]) for v in (before, forged, after)] == [(True, None), (False, 3), (True, None)]


def test_the_audit_cannot_be_changed_by_the_application(site: Site) -> None:
    with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
        site.sql("UPDATE access.audit SET actor = 'x'")
    with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
        site.sql("DELETE FROM access.audit")


@pytest.fixture
def refusal(site: Site) -> tuple[str, str]:
    """A refusal's id and its topic."""
    name, topic = uuid.uuid4().hex, f"vigil/v1/dev-{uuid.uuid4().hex[:8]}/vitals"
    sql = """INSERT INTO telemetry.refusal (id, reason, detail, door, source, payload, first_at, last_at)
             VALUES (%s, 'unknown_device', 'nobody knows it', 'mqtt', %s, %s, now(), now())"""
    site.sql(sql, name, topic, b'{"seq": 1, "x": "\xff"}')
    return name, topic


def test_a_refusal_shows_its_original_bytes(as_: As, refusal: tuple[str, str]) -> None:
    said = as_("admin").get(f"/api/v1/refusals/{refusal[0]}").json()
    assert (said["payload"], said["text"], said["reason"]) == ("eyJzZXEiOiAxLCAieCI6ICL/In0=", None, "unknown_device")


def test_requeueing_puts_the_very_bytes_back_on_their_topic(site: Site, as_: As, refusal: tuple[str, str]) -> None:
    heard: list[bytes] = []
    ready = threading.Event()
    gateway = Client(CallbackAPIVersion.VERSION2)
    gateway.username_pw_set("gateway", site.broker.passwords["gateway"])
    gateway.on_message = lambda _c, _d, message: heard.append(message.payload)
    gateway.on_subscribe = lambda *_: ready.set()
    gateway.on_connect = lambda client, *_: client.subscribe(refusal[1], qos=1)
    gateway.connect(site.broker.host, site.broker.port)
    gateway.loop_start()
    assert ready.wait(30)
    state = as_("admin").post(f"/api/v1/refusals/{refusal[0]}/requeue").json()["state"]
    wait_for(lambda: heard, 30, "the message")
    gateway.disconnect()
    gateway.loop_stop()
    assert (state, heard) == ("requeued", [b'{"seq": 1, "x": "\xff"}'])


def test_a_discarded_refusal_is_no_longer_open_and_does_not_come_back(as_: As, refusal: tuple[str, str]) -> None:
    done = as_("admin").post(f"/api/v1/refusals/{refusal[0]}/discard")
    back = as_("admin").post(f"/api/v1/refusals/{refusal[0]}/requeue")
    listed = [r["id"] for r in as_("admin").get("/api/v1/refusals?limit=500").json()["items"]]
    assert (done.json()["state"], done.json()["decided_by"], back.status_code, refusal[0] in listed) == ("discarded", "admin", 409, False)


def kept(site: Site, **facts: object) -> str:
    """A refusal's id."""
    name = uuid.uuid4().hex
    row = {
        "reason": "unassigned_device",
        "detail": "on nobody",
        "door": "mqtt",
        "source": f"vigil/v1/dev-{name}/vitals",
        "payload": b"{}",
    } | facts
    columns = ", ".join(row)
    sql = f"INSERT INTO telemetry.refusal (id, first_at, last_at, {columns}) VALUES (%s, now(), now(){', %s' * len(row)})"  # noqa: S608  # the test's own names
    site.sql(sql, name, *row.values())
    return name


def requeued(as_: As, name: str) -> tuple[int, str]:
    """The status, and the state after."""
    answer = as_("admin").post(f"/api/v1/refusals/{name}/requeue")
    return answer.status_code, as_("admin").get(f"/api/v1/refusals/{name}").json()["state"]


def test_what_nobody_takes_from_the_broker_stays_open(as_: As, refusal: tuple[str, str]) -> None:
    assert requeued(as_, refusal[0]) == (503, "open")


@pytest.mark.parametrize("facts", [{"vital": "hr", "reason": "implausible"}, {"reason": "duplicate"}, {"door": "archive"}])
def test_what_could_never_land_is_not_put_back_and_the_list_says_so(site: Site, as_: As, facts: dict[str, str]) -> None:
    name = kept(site, **facts)
    items = as_("admin").get("/api/v1/refusals?limit=500").json()["items"]
    assert (requeued(as_, name), next(r["stuck"] is not None for r in items if r["id"] == name)) == ((409, "open"), True)


@pytest.mark.parametrize("door", ["fhir", "mllp"])
def test_what_came_at_a_door_that_is_away_stays_open(site: Site, as_: As, door: str) -> None:
    assert requeued(as_, kept(site, door=door)) == (503, "open")


LONG = b"x" * 2047 + "\u00e4".encode() * 10  # the cut goes through a character


@pytest.mark.parametrize(
    ("payload", "head", "text", "cut"),
    [
        (b'{"seq": 1}', b'{"seq": 1}', '{"seq": 1}', False),
        (b"\xff", b"\xff", None, False),
        (LONG, LONG[:2048], "x" * 2047, True),
        (b"\xe4", b"\xe4", None, False),
    ],
    ids=["short", "no text", "long", "half a character that is all"],
)
def test_the_list_shows_the_beginning_of_the_original_bytes(
    site: Site, as_: As, payload: bytes, head: bytes, text: str | None, cut: bool
) -> None:
    name = kept(site, payload=payload)
    said = next(r for r in as_("admin").get("/api/v1/refusals?limit=500").json()["items"] if r["id"] == name)
    assert (base64.b64decode(said["payload"]), said["text"], said["shown_cut"], said["size"]) == (head, text, cut, len(payload))


def test_one_refusal_shows_all_that_is_kept(site: Site, as_: As) -> None:
    said = as_("admin").get(f"/api/v1/refusals/{kept(site, payload=LONG)}").json()
    assert (base64.b64decode(said["payload"]), said["text"], said["shown_cut"]) == (LONG, LONG.decode(), False)
