"""The alert worker on a real Kafka and a real PostgreSQL: findings in, alerts and pages out, whatever is killed."""

import base64
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psycopg
import pytest

from alerts.case import rebuild
from alerts.webhook import signature
from tests.integration.alerts.stage import Receiver, Site
from tests.unit.alerts.stories import T0, command, finding
from tests.waiting import wait_for
from vitals.pagelink import page_of
from vitals.topics import Topics


@pytest.fixture
def site(kafka: str, database: str, topics: Topics) -> Site:
    return Site(kafka, database, topics)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


def test_a_finding_becomes_an_alert_on_the_topic_in_the_table_and_at_the_pager(site: Site, receiver: Receiver) -> None:
    site.run("INSERT INTO clinical.ward (id, name) VALUES ('north', 'North')")
    site.run("INSERT INTO clinical.patient (id, ward, bed) VALUES ('p1', 'north', '4')")
    with site.worker(VIGIL_WEBHOOK_URL=receiver.url, VIGIL_WEBHOOK_SECRET="s"):
        site.say(finding())
        told = site.alerts(lambda found: any(a.delays.delivered for a in found))
        (headers, notice, body) = receiver.got[0]
    assert [(a.id, a.version, a.state) for a in told] == [(finding().id, 1, "active"), (finding().id, 2, "active")]
    assert site.rows("SELECT state, version FROM alerting.alert") == [("active", 2)]
    assert (notice["priority"], notice["ward"], notice["bed"]) == ("high", "north", "4")
    assert headers["x-vigil-signature"] == signature("s", headers["x-vigil-timestamp"], body)
    assert b"p1" not in body


def test_a_page_carries_a_link_that_names_it_and_nobody_else(site: Site, receiver: Receiver, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text(base64.b64encode(b"k" * 32).decode())
    with site.worker(VIGIL_WEBHOOK_URL=receiver.url, VIGIL_KEY_FILE=str(key), VIGIL_PAGE_URL="https://v.example/page/"):
        site.say(finding())
        wait_for(lambda: receiver.got, 60)
    link = receiver.got[0][1]["link"].removeprefix("https://v.example/page/")
    assert str(page_of(b"k" * 32, link, 0)) == receiver.got[0][1]["key"]


def test_an_escalation_ladder_in_the_database_is_climbed_until_somebody_answers(site: Site, receiver: Receiver) -> None:
    contacts = f'[["webhook", "{receiver.url}"]]'
    site.run("INSERT INTO oncall.person VALUES ('nina', %s), ('dora', %s)", contacts, contacts)
    rungs = '[{"targets": ["person:nina"], "wait_ms": 1000}, {"targets": ["person:gone"], "wait_ms": 60000},'
    site.run(
        "INSERT INTO oncall.ladder (id, ward, priorities, rungs) VALUES ('l', NULL, %s, %s)",
        ["high"], f'{rungs} {{"targets": ["person:dora"], "wait_ms": 60000}}]',
    )  # fmt: skip
    with site.worker():
        site.say(finding())
        wait_for(lambda: len(receiver.taken) == 2, 60)
    assert site.rows("SELECT person, kind FROM alerting.page ORDER BY created_at") == [("nina", "raised"), ("dora", "unanswered")]


def test_a_command_is_answered_and_whoever_listens_is_told(site: Site) -> None:
    with site.worker(), psycopg.connect(site.database, autocommit=True) as listening:
        listening.execute("LISTEN vigil_command")
        site.say(finding())
        site.alerts(lambda found: len(found) == 1)
        site.say(command(finding().id, "acknowledge", 1), command(finding().id, "acknowledge", 2))
        told = [heard.payload for heard in listening.notifies(timeout=60, stop_after=2)]
    answers = site.rows("SELECT id, accepted, reason FROM alerting.command ORDER BY id")
    assert (told, answers) == (["c1", "c2"], [("c1", True, ""), ("c2", False, "already_acknowledged")])


def test_what_cannot_be_used_stops_nothing(site: Site) -> None:
    with site.worker():
        site.say_raw(site.topics.findings, b"not JSON")
        site.say_raw(site.topics.commands, msgspec.json.encode(command("a", "comment", 1, comment="nul \x00 here")))
        site.say(msgspec.structs.replace(finding(), started_at=-1))
        site.say(finding(evidence={"why": "nul \x00 here"}))
        told = site.alerts(lambda found: len(found) == 1)
    assert told[0].id == finding().id


def test_the_table_is_what_the_events_say(site: Site) -> None:
    with site.worker():
        site.say(finding(), finding(subject="spo2"), finding(phase="update", at=T0 + 5))
        site.alerts(lambda found: len(found) == 3)
        site.say(command(finding().id, "on_my_way", 1))
        site.alerts(lambda found: any(a.step == "on_my_way" for a in found))
    for alert, body in site.rows("SELECT id, body FROM alerting.alert"):
        bodies = [row[0] for row in site.rows("SELECT body FROM alerting.event WHERE alert = %s ORDER BY version", alert)]
        case = rebuild(bodies)
        assert case is not None
        assert msgspec.to_builtins(case.alert) == body


def test_a_begin_and_an_end_that_come_out_otherwise_are_the_alerts_in_the_table(site: Site) -> None:
    over = finding(phase="end", at=T0 + 5_000, ended_at=T0 + 5_000)
    with site.worker():
        site.say(finding(), over, finding(phase="update", at=T0 + 6_000, started_at=T0 - 4_000, ended_at=T0 + 3_000, id=finding().id))
        site.alerts(lambda found: len(found) == 3)
    [times] = site.rows("SELECT extract(epoch FROM started_at) * 1000, extract(epoch FROM ended_at) * 1000 FROM alerting.alert")
    assert times == (T0 - 4_000, T0 + 3_000)


def test_what_was_known_at_a_time_is_what_the_events_up_to_it_say(site: Site) -> None:
    with site.worker():
        site.say(finding())
        site.alerts(lambda found: len(found) == 1)
        site.say(command(finding().id, "acknowledge", 1))
        site.alerts(lambda found: len(found) == 2)
    known = site.rows(
        "SELECT alerting.as_of(e.alert, e.at - interval '1 ms'), alerting.as_of(e.alert, e.at) = a.body"
        " FROM alerting.event e JOIN alerting.alert a ON a.id = e.alert WHERE e.kind = 'acknowledged'"
    )
    assert [(body["state"], same) for body, same in known] == [("active", True)]


def test_events_are_append_only(site: Site) -> None:
    with site.worker():
        site.say(finding())
        site.alerts(lambda found: len(found) == 1)
    with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
        site.run("DELETE FROM alerting.event")


@pytest.mark.slow
def test_killed_in_the_middle_it_loses_nothing_and_doubles_nothing(site: Site, receiver: Receiver) -> None:
    patients = [f"k{n}" for n in range(60)]
    for turn in range(3):
        with site.worker(VIGIL_WEBHOOK_URL=receiver.url, VIGIL_ALERTS_INSTANCE="one") as process:
            site.say(*(finding(patient=p, start=T0 + n, ward=p) for n, p in enumerate(patients[turn * 20 : turn * 20 + 20])))
            written = turn * 20 + 5
            wait_for(lambda enough=written: site.rows("SELECT count(*) FROM alerting.alert")[0][0] >= enough, 60)
            process.send_signal(signal.SIGKILL)
            process.wait()
    with site.worker(VIGIL_WEBHOOK_URL=receiver.url, VIGIL_ALERTS_INSTANCE="one"):
        site.alerts(lambda found: len({a.id for a in found}) == 60, 90)
        wait_for(lambda: len(receiver.taken) == 60, 90)
        wait_for(lambda: site.rows("SELECT count(*) FROM alerting.page WHERE state = 'delivered'") == [(60,)], 90)
    assert site.rows("SELECT count(*), count(DISTINCT patient) FROM alerting.alert") == [(60, 60)]
    assert site.rows("SELECT count(*) FROM alerting.event WHERE kind = 'raised'") == [(60,)]


def test_with_the_database_away_a_high_alert_is_told_at_once_and_kept_for_later(site: Site) -> None:
    name = psycopg.conninfo.conninfo_to_dict(site.database)["dbname"]
    with site.worker(), psycopg.connect(site.database, dbname="postgres", autocommit=True) as admin:
        site.say(finding("limits", subject="rr", patient="p0"))
        site.alerts(lambda found: len(found) == 1)
        admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false'.encode())
        ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
        wait_for(lambda: admin.execute(ended, [name]).rowcount == 0, 30, "nobody to be connected")
        site.say(finding())
        hasty = next(a for a in site.alerts(lambda found: any(a.id == finding().id for a in found), hasty=True) if a.id == finding().id)
        admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true'.encode())
        later = site.alerts(lambda found: any(a.id == finding().id and a.version == 1 for a in found), hasty=True)
    assert (hasty.version, hasty.state) == (0, "active")
    assert [a.version for a in later if a.id == finding().id][:2] == [0, 1]


def test_started_while_the_database_is_away_it_pages_the_sites_own_contact(site: Site, receiver: Receiver) -> None:
    with site.worker(VIGIL_WEBHOOK_URL=receiver.url, VIGIL_DATABASE="postgresql://127.0.0.1:1/away"):
        site.say(finding())
        wait_for(lambda: receiver.got, 60)
    assert [(notice["priority"], notice["ward"]) for _, notice, _ in receiver.got] == [("high", "north")]


def test_told_to_stop_it_waits_for_the_outcome_of_a_page_under_way(site: Site, receiver: Receiver) -> None:
    receiver.answers = [-1]
    with site.worker(VIGIL_WEBHOOK_URL=receiver.url) as process:
        site.say(finding())
        under_way = "SELECT FROM alerting.page WHERE attempts > 0"
        wait_for(lambda: receiver.got and site.rows(under_way), 60, "the page, also in the outbox")
        process.send_signal(signal.SIGTERM)
        threading.Timer(1.0, receiver.released.set).start()  # longer than the worker takes to stop, well within a channel's timeout
    assert site.rows("SELECT state FROM alerting.page") == [("delivered",)]


def test_a_database_that_hangs_delays_neither_the_alert_nor_the_page(site: Site, receiver: Receiver) -> None:
    with site.worker(VIGIL_WEBHOOK_URL=receiver.url), psycopg.connect(site.database) as hanging:
        site.say(finding(subject="rr", patient="p0", ward="w0"))
        wait_for(lambda: len(receiver.taken) == 1, 60)
        hanging.execute("LOCK TABLE alerting.alert IN ACCESS EXCLUSIVE MODE")
        site.say(finding())
        hasty = site.alerts(lambda found: any(a.id == finding().id for a in found), hasty=True)
        wait_for(lambda: len(receiver.taken) == 2, 30)
        before = dict(receiver.taken)
        hanging.rollback()
        wait_for(lambda: len(receiver.got) >= 3, 60)
        later = site.alerts(lambda found: any(a.id == finding().id and a.version >= 1 for a in found), hasty=True)
    assert [a.version for a in hasty if a.id == finding().id] == [0]
    assert [a.version for a in later if a.id == finding().id][:2] == [0, 1]
    assert set(receiver.taken) == set(before)


@pytest.mark.slow
def test_a_database_restored_from_before_is_brought_up_to_date_under_the_same_keys(site: Site, receiver: Receiver) -> None:
    delivered = "SELECT count(*) FROM alerting.page WHERE state = 'delivered'"
    with site.worker(VIGIL_WEBHOOK_URL=receiver.url):
        site.say(finding(patient="p1"), finding(patient="p2"))
        wait_for(lambda: site.rows(delivered) == [(2,)], 60)
    site.run("TRUNCATE alerting.alert, alerting.event, alerting.finding, alerting.page, alerting.outbox")
    site.run("UPDATE alerting.progress SET next_offset = 0")
    with site.worker(VIGIL_WEBHOOK_URL=receiver.url):
        wait_for(lambda: site.rows(delivered) == [(2,)], 60)
    assert [len(receiver.taken), min(receiver.taken.values()) >= 2] == [2, True]
