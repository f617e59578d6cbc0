"""Alerts: who lists them, what they say, and what people do about them, through the commands topic."""

import json
import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from confluent_kafka import Consumer, TopicPartition

from tests.contract.promised import ALERT
from tests.integration.dashboard_api_http.site import Site
from tests.waiting import wait_for
from vitals.pagelink import token

As = Callable[[str], httpx.Client]


class Desk:
    """What alerts does with a command, as far as the API can tell: a row and a notification."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._stop = threading.Event()
        self.heard: list[dict[str, str]] = []
        self._consumer = Consumer({"bootstrap.servers": site.kafka, "group.id": uuid.uuid4().hex})
        parts = [TopicPartition(site.topics.commands, p) for p in range(4)]
        for part in parts:
            part.offset = self._consumer.get_watermark_offsets(part)[1]
        self._consumer.assign(parts)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            message = self._consumer.poll(0.1)
            if message is None or message.error() is not None:
                continue
            command = json.loads(message.value() or b"")
            self.heard.append(command)
            accepted = command["action"] != "unshelve"
            self._site.sql("INSERT INTO alerting.command VALUES (%s, %s, %s, %s)", command["id"], command["alert"], accepted, "not shelved")
            self._site.sql("SELECT pg_notify('vigil_command', %s)", command["id"])

    def stop(self) -> None:
        """No more."""
        self._stop.set()
        self._thread.join()
        self._consumer.close()


@pytest.fixture
def desk(site: Site) -> Iterator[Desk]:
    running = Desk(site)
    yield running
    running.stop()


def test_an_alert_has_what_the_contract_says(site: Site, as_: As) -> None:
    alert = site.alert(site.patient()["id"])
    said = as_("nurse").get(f"/api/v1/alerts/{alert}").json()
    assert said.keys() >= ALERT
    assert said["started_at"].endswith("Z")


def test_an_alert_shows_its_delays_and_its_timeline(site: Site, as_: As) -> None:
    said = as_("nurse").get(f"/api/v1/alerts/{site.alert(site.patient()['id'])}").json()
    assert (said["delays"]["condition_ms"], said["delays"]["processing_ms"]) == (30_000, 200)
    assert [(line["kind"], line["reason"], line["stages"]) for line in said["timeline"]] == [("raised", "new", [["dedupe", "first"]])]


def test_alerts_out_of_reach_are_neither_listed_nor_found(site: Site, as_: As) -> None:
    there = site.patient("south")["id"]
    alert = site.alert(there, "south")
    nurse = as_("nurse")
    answers = (nurse.get(f"/api/v1/alerts?patient={there}").json()["items"], nurse.get(f"/api/v1/alerts/{alert}").status_code)
    assert answers == ([], 404)


def test_a_list_by_state_and_its_pages(site: Site, as_: As) -> None:
    patient = site.patient()["id"]
    made = [site.alert(patient, state=state) for state in ("active", "closed", "acknowledged", "active")]
    url = f"/api/v1/alerts?patient={patient}&state=open&limit=2"
    first = as_("doctor").get(url).json()
    second = as_("doctor").get(f"{url}&cursor={first['next']}").json()
    assert [a["id"] for a in first["items"] + second["items"]] == [made[3], made[2], made[0]]
    assert second["next"] is None


def acted(client: httpx.Client, alert: str, key: str = "", **wish: object) -> httpx.Response:
    """The answer to an action. A 202 says that nothing was heard in five seconds: the same key asks again what became of it."""
    url, headers = f"/api/v1/alerts/{alert}/actions", {"Idempotency-Key": key or uuid.uuid4().hex}
    return wait_for(lambda: (said := client.post(url, json=wish, headers=headers)).status_code != 202 and said, 60, "the desk's answer")


def test_an_accepted_action_is_a_200_with_the_alert(site: Site, as_: As, desk: Desk) -> None:
    alert = site.alert(site.patient()["id"])
    answer = acted(as_("nurse"), alert, action="acknowledge", comment="coming")
    assert (answer.status_code, answer.json()["id"]) == (200, alert)
    assert (desk.heard[0]["actor"], desk.heard[0]["role"], desk.heard[0]["comment"]) == ("nurse", "nurse", "coming")


def test_a_move_that_the_lifecycle_forbids_is_a_409_with_its_reason(site: Site, as_: As, desk: Desk) -> None:
    answer = acted(as_("nurse"), site.alert(site.patient()["id"]), action="unshelve")
    assert (answer.status_code, answer.json()["detail"], len({c["id"] for c in desk.heard})) == (409, "not shelved", 1)


def test_the_same_key_is_one_command(site: Site, as_: As, desk: Desk) -> None:
    alert = site.alert(site.patient()["id"])
    answers = [acted(as_("nurse"), alert, "twice", action="acknowledge") for _ in range(2)]
    assert ([a.status_code for a in answers], len({c["id"] for c in desk.heard})) == ([200, 200], 1)


def test_with_nobody_there_to_answer_it_is_a_202_with_the_commands_id(site: Site, as_: As) -> None:
    answer = as_("oncall").post(f"/api/v1/alerts/{site.alert(site.patient()['id'])}/actions", json={"action": "acknowledge"})
    assert (answer.status_code, list(answer.json())) == (202, ["command", "status"])


@pytest.mark.parametrize(
    "body",
    [
        {"action": "explode"},
        {"action": "shelve"},
        {"action": "shelve", "until": (datetime.now(UTC) - timedelta(hours=1)).isoformat()},
        {"action": "comment"},
        {"action": "acknowledge", "until": "later"},
    ],
)
def test_an_action_that_makes_no_sense_is_a_422(site: Site, as_: As, body: dict[str, str]) -> None:
    assert as_("nurse").post(f"/api/v1/alerts/{site.alert(site.patient()['id'])}/actions", json=body).status_code == 422


@pytest.mark.parametrize(("role", "status"), [("patient", 403), ("admin", 403), ("auditor", 403)])
def test_who_may_not_act(site: Site, as_: As, role: str, status: int) -> None:
    answer = as_(role).post(f"/api/v1/alerts/{site.alert(site.patient()['id'])}/actions", json={"action": "acknowledge"})
    assert answer.status_code == status


def linked(site: Site, *, life_ms: int = 3_600_000) -> tuple[str, str]:
    """An alert and the path of the link in its page."""
    alert, page = site.alert(site.patient()["id"]), str(uuid.uuid4())
    now = int(datetime.now(UTC).timestamp() * 1000)
    sql = """INSERT INTO alerting.page (id, alert, partition, kind, ward, bed, priority, person, channel, created_at, next_at, expires_at)
             VALUES (%s, %s, 0, 'raised', 'north', '7', 'high', 'ada', 'webhook', %s, %s, %s)"""
    site.sql(sql, page, alert, now, now, now + life_ms)
    return alert, f"/page/{token(site.secret, page, now + life_ms)}"


def test_a_pages_link_says_what_it_is_about_and_no_patient(site: Site, as_: As) -> None:
    alert, path = linked(site)
    answer = as_("").get(path)
    patient = site.sql("SELECT patient FROM alerting.alert WHERE id = %s", alert)[0][0]
    assert (answer.status_code, "ward north, bed 7: active" in answer.text, patient in answer.text) == (200, True, False)


def test_a_pages_link_acknowledges_once(site: Site, as_: As, desk: Desk) -> None:
    alert, path = linked(site)
    statuses = [as_("").get(path).status_code, as_("").post(path).status_code, as_("").post(path).status_code]
    heard = wait_for(lambda: desk.heard, 30, "the command")
    assert (statuses, [(c["alert"], c["action"], c["actor"]) for c in heard]) == ([200, 200, 410], [(alert, "acknowledge", "ada")])


@pytest.mark.parametrize("change", ["x", "expired", "short"])
def test_a_link_that_is_no_good_does_nothing(site: Site, as_: As, desk: Desk, change: str) -> None:
    path = linked(site, life_ms=-1 if change == "expired" else 3_600_000)[1]
    bad = {"x": path[:-3] + ("AAA" if not path.endswith("AAA") else "BBB"), "expired": path, "short": path[:-8]}[change]
    assert (as_("").post(bad).status_code, desk.heard) == (410, [])
