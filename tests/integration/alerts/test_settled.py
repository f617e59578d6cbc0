"""A pager that keeps incidents of its own is told, under the page's key, that somebody answered and that it is over; on a real database."""

from collections.abc import Iterator
from itertools import count

import psycopg
import pytest

from alerts import timescale
from alerts.backlog import Record
from alerts.escalation import Book, Contact
from alerts.notice import Channel
from alerts.sender import Sender
from alerts.shapes import alertmanager, pagerduty
from alerts.timescale import Connection, Work
from alerts.timescale_pages import TRIES_BEFORE_FALLBACK
from alerts.webhook import Shaped, Webhook
from tests.integration.alerts.stage import Receiver
from tests.unit.alerts.stories import T0, command, finding
from tests.waiting import wait_for
from vitals.alert import Command
from vitals.finding import Finding


@pytest.fixture
def connection(database: str) -> Iterator[Connection]:
    with psycopg.connect(database, autocommit=True) as made:
        yield made


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


def lived(connection: Connection, receiver: Receiver, contact: Contact) -> None:
    """An alert that is paged, acknowledged and resolved, each delivered before the next."""
    channels: dict[str, Channel] = {
        "pagerduty": Shaped(pagerduty, receiver.url), "alertmanager": Shaped(alertmanager), "webhook": Webhook(receiver.url, "s"),
    }  # fmt: skip
    sender = Sender("s1", channels, lambda: T0 + 60_000, lambda _: "")
    steps: list[Finding | Command] = [finding(), command(finding().id, "acknowledge", 1), command(finding().id, "resolve", 2)]
    for n, step in enumerate(steps):
        timescale.write(connection, Work([Record("t", 0, n, step, None, 0)]), Book((contact,)), T0)
        wait_for(lambda: sender.round(connection, 0.2) == 0 and not sender.sending, 30, "all to be delivered")


@pytest.mark.parametrize(
    ("channel", "word", "said"),
    [
        ("pagerduty", "event_action", ["trigger", "acknowledge", "resolve"]),
        ("alertmanager", "status", ["firing", "resolved"]),
        ("webhook", "kind", ["raised"]),
    ],
)
def test_what_became_of_it_is_told_to_those_who_have_a_word_for_it(
    connection: Connection, receiver: Receiver, channel: str, word: str, said: list[str]
) -> None:
    lived(connection, receiver, Contact(channel, receiver.url))
    assert [body[word] for _, body, _ in receiver.got] == said


def test_it_is_told_under_the_key_of_the_page_and_is_no_page_to_anybody(connection: Connection, receiver: Receiver) -> None:
    lived(connection, receiver, Contact("pagerduty", "routing"))
    told = timescale.receipts(connection, [0])
    assert (len({body["dedup_key"] for _, body, _ in receiver.got}), len(told)) == (1, 1)


def of_a_gateway(connection: Connection) -> list[Finding]:
    """The silence of two devices of a gateway, each another patient's."""
    connection.execute("INSERT INTO clinical.ward (id, name) VALUES ('north', 'North')")
    connection.execute("INSERT INTO clinical.device (id, kind) VALUES ('g1', 'gateway')")
    connection.execute("INSERT INTO clinical.device (id, kind, gateway) VALUES ('d0', 'monitor', 'g1'), ('d1', 'monitor', 'g1')")
    return [finding("silence", patient=f"p{n}", subject=f"d{n}", alert_class="technical") for n in range(2)]


@pytest.mark.parametrize(("shared", "told"), [(False, ["acknowledged"]), (True, [])])
def test_an_incident_of_several_patients_is_not_answered_by_the_answer_to_one(
    connection: Connection, shared: bool, told: list[str]
) -> None:
    both = of_a_gateway(connection) if shared else [finding(), finding(subject="spo2")]
    steps: list[Finding | Command] = [*both, command(both[0].id, "acknowledge", patient=both[0].patient)]
    for n, batch in enumerate((steps[:2], steps[2:])):
        timescale.write(connection, Work([Record("t", 0, n, step, None, 0) for step in batch]), Book((Contact("pagerduty", "r"),)), T0)
        connection.execute("UPDATE alerting.page SET state = 'delivered', attempts = 1 WHERE about = ''")
    assert connection.execute("SELECT array_agg(kind) FILTER (WHERE about <> '') FROM alerting.page").fetchone() == (told or None,)


def test_what_became_of_a_page_while_the_timeline_was_told_of_it_is_told_next(connection: Connection) -> None:
    timescale.write(connection, Work([Record("t", 0, 0, finding(), None, 0)]), Book((Contact("webhook"),)), T0)
    connection.execute("UPDATE alerting.page SET state = 'delivered', sent_at = created_at")
    told = [receipt for _, receipt in timescale.receipts(connection, [0])]
    connection.execute("UPDATE alerting.page SET seen_at = created_at")
    timescale.write(connection, Work((), (), told, frozenset({0})), Book(), T0)
    assert [receipt.state for _, receipt in timescale.receipts(connection, [0])] == ["seen"]


def unsettled(connection: Connection) -> list[tuple[str]]:
    return connection.execute("SELECT id FROM alerting.page WHERE state = 'waiting'").fetchall()  # type: ignore[return-value]  # rows


def test_a_pager_that_may_have_taken_the_page_before_it_went_on_is_told_too(connection: Connection, receiver: Receiver) -> None:
    clock = count(T0, 1_000)
    known: dict[str, Channel] = {"pagerduty": Shaped(pagerduty, receiver.url), "webhook": Webhook(receiver.url, "s")}
    sender = Sender("s1", known, lambda: next(clock), lambda _: "")
    receiver.answers = [500] * TRIES_BEFORE_FALLBACK
    people = Book((Contact("pagerduty", "routing"), Contact("webhook")))
    for n, step in enumerate([finding(), command(finding().id, "acknowledge")]):
        timescale.write(connection, Work([Record("t", 0, n, step, None, 0)]), people, T0)
        wait_for(lambda: sender.round(connection, 0.2) == 0 and not unsettled(connection), 60, "all to be delivered")
    assert receiver.got[-1][1] == {"routing_key": "routing", "dedup_key": receiver.got[0][1]["dedup_key"], "event_action": "acknowledge"}


def test_a_pager_hears_of_the_end_only_after_the_page_that_still_goes_out_for_who_joined_it(connection: Connection) -> None:
    said = "SELECT array_agg(kind ORDER BY kind) FROM alerting.page WHERE about <> ''"
    both = [finding(subject=subject, priority="medium") for subject in ("hr", "spo2")]
    end = finding(phase="end", priority="medium", at=T0 + 1, ended_at=T0 + 1)
    for n, batch in enumerate((both, [end])):
        timescale.write(connection, Work([Record("t", 0, n, one, None, 0) for one in batch]), Book((Contact("pagerduty", "r"),)), T0)
        connection.execute("UPDATE alerting.page SET attempts = 1")  # it failed, and waits to be sent again
    before = connection.execute(said).fetchone()
    connection.execute("UPDATE alerting.page SET state = 'delivered', sent_at = created_at")
    told = [receipt for _, receipt in timescale.receipts(connection, [0])]
    timescale.write(connection, Work((), (), told, frozenset({0})), Book(), T0)
    assert (before, connection.execute(said).fetchone()) == ((None,), (["resolved"],))
