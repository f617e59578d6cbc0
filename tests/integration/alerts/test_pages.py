"""Pages on a real database to receivers that fail: nothing is lost, nothing has two keys, one that hangs holds up no other."""

from collections.abc import Callable, Iterator

import psycopg
import pytest

from alerts import timescale_pages
from alerts.backoff import OPEN_MS, TRIES, Circuit
from alerts.desk import Page
from alerts.notice import Channel
from alerts.sender import AT_ONCE, Sender
from alerts.shapes import opsgenie
from alerts.smtp import Mail, MailServer
from alerts.timescale import Connection
from alerts.webhook import Shaped, Webhook
from tests.integration.alerts.stage import Receiver
from tests.waiting import wait_for
from vitals.settings import Secret

T0 = 1_800_000_000_000
TIMEOUT_S = 5.0
"""Of a channel: longer than a machine stands still, or an answer that came would count as none."""


class Clock:
    """A wall clock moved by hand."""

    def __init__(self) -> None:
        self.now = T0

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def connection(module_database: str) -> Iterator[Connection]:
    with psycopg.connect(module_database, autocommit=True) as made:
        made.execute("DELETE FROM alerting.page")
        yield made


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


def waits(connection: Connection, number: int, channel: str = "webhook", address: str = "", fallback: str = "[]") -> str:
    """A page in the outbox."""
    key = f"00000000-0000-0000-0000-{number:012d}"
    connection.execute(
        "INSERT INTO alerting.page"
        " (id, alert, partition, kind, ward, bed, priority, channel, address, fallback, created_at, next_at, expires_at)"
        " VALUES (%s, 'a', 0, 'raised', 'north', '4', 'high', %s, %s, %s, %s, %s, %s)",
        [key, channel, address, fallback, T0, T0, T0 + 3_600_000],
    )
    return key


def state(connection: Connection) -> list[tuple[str, int]]:
    """(state, attempts) of all pages, by id."""
    return connection.execute("SELECT state, attempts FROM alerting.page ORDER BY id").fetchall()  # type: ignore[return-value]  # rows


@pytest.fixture
def sender(receiver: Receiver) -> Sender:
    webhook: Channel = Webhook(receiver.url, "s", TIMEOUT_S)
    nobody = Mail(MailServer("127.0.0.1", 1, "", Secret(""), False), "vigil@hospital.example", TIMEOUT_S)
    known = {"webhook": webhook, "other": webhook, "opsgenie": Shaped(opsgenie, receiver.url, TIMEOUT_S), "smtp": nobody}
    return Sender("s1", known, Clock(), lambda _: "")


def settle(sender: Sender, connection: Connection, until: Callable[[], bool]) -> None:
    """Rounds until it is so; the clock moves a minute with every round after which nothing is under way: no lease runs out meanwhile."""

    def turn() -> bool:
        sender.round(connection, 0.1)
        sender.clock.now += 60_000 if isinstance(sender.clock, Clock) and not sender.sending else 0
        return until()

    wait_for(turn, 60)


@pytest.mark.parametrize("answers", [[500, 503], [429, 429], [-1], [500, -1, 429]])
def test_a_receiver_that_fails_for_a_while_gets_the_page_with_the_same_key(
    answers: list[int], connection: Connection, receiver: Receiver, sender: Sender
) -> None:
    receiver.answers = list(answers)
    key = waits(connection, 1)
    settle(sender, connection, lambda: state(connection)[0][0] == "delivered")
    assert {headers["idempotency-key"] for headers, _, _ in receiver.got} == {key}
    assert len(receiver.got) == len(answers) + 1


def test_one_that_hangs_holds_up_no_other(connection: Connection, receiver: Receiver, sender: Sender) -> None:
    receiver.answers = [-1]
    waits(connection, 1)
    sender.round(connection, 0.1)
    _ = [waits(connection, n) for n in (2, 3)]
    settle(sender, connection, lambda: sum(receiver.taken.values()) >= 2)
    assert receiver.released.is_set() is False


@pytest.mark.parametrize(("answered", "became"), [(True, "delivered"), (False, "waiting")])
def test_what_is_under_way_at_the_end_is_settled_where_it_is_answered_in_time(
    answered: bool, became: str, connection: Connection, receiver: Receiver, sender: Sender
) -> None:
    receiver.answers = [-1]
    waits(connection, 1)
    sender.round(connection, 0.1)
    _ = receiver.released.set() if answered else None
    sender.finish(connection, 10.0 if answered else 0.1)
    assert state(connection) == [(became, 1)]


def test_a_refused_page_goes_on_by_the_next_contact(connection: Connection, receiver: Receiver, sender: Sender) -> None:
    receiver.answers = [404]
    key = waits(connection, 1, fallback='[["other", ""]]')
    settle(sender, connection, lambda: state(connection)[0][0] == "delivered")
    assert (connection.execute("SELECT channel FROM alerting.page").fetchone(), dict(receiver.taken)) == (("other",), {key: 1})


@pytest.mark.parametrize(("channel", "answers"), [("webhook", [404]), ("pigeon", [])])
def test_a_page_that_nobody_can_take_is_failed_by_name_and_left_to_be_told(
    channel: str, answers: list[int], connection: Connection, receiver: Receiver, sender: Sender
) -> None:
    receiver.answers = answers
    waits(connection, 1, channel)
    settle(sender, connection, lambda: state(connection)[0][0] == "failed")
    assert connection.execute("SELECT error <> '', told FROM alerting.page").fetchone() == (True, False)


@pytest.mark.parametrize(
    ("channel", "address", "error"),
    [
        ("opsgenie", "k\u200b", "UnicodeEncodeError"), ("webhook", "http://pager..ward/", "UnicodeError"), ("smtp", "a@", "IndexError"),
        ("smtp", '"', "IndexError"), ("smtp", "<", "IndexError"), ("smtp", "a@[", "AttributeError"), ("smtp", "a\n", "ValueError"),
    ],
)  # fmt: skip
def test_a_contact_that_its_channel_cannot_encode_fails_by_name_and_the_next_page_goes_out(
    channel: str, address: str, error: str, connection: Connection, receiver: Receiver, sender: Sender
) -> None:
    _ = [waits(connection, 1, channel, address), waits(connection, 2)]
    settle(sender, connection, lambda: "waiting" not in dict(state(connection)))
    rows = connection.execute("SELECT state, error FROM alerting.page ORDER BY id").fetchall()
    assert rows == [("failed", error), ("delivered", "")]


def test_contacts_that_all_refuse_are_each_asked_once(connection: Connection, receiver: Receiver, sender: Sender) -> None:
    receiver.answers = [404] * 1_000
    waits(connection, 1, fallback='[["other", ""]]')
    settle(sender, connection, lambda: state(connection)[0][0] == "failed")
    assert len(receiver.got) == 2


def test_a_dead_receiver_is_left_alone_after_some_tries_and_given_up_at_the_end_of_the_pages_life(
    connection: Connection, receiver: Receiver, sender: Sender
) -> None:
    receiver.answers = [500] * 1_000
    waits(connection, 1)
    for _ in range(3 * TRIES):
        sender.round(connection, 0.3)
        sender.clock.now += 2_000 if isinstance(sender.clock, Clock) else 0
    asked = len(receiver.got)
    settle(sender, connection, lambda: state(connection)[0][0] == "failed")
    assert asked < 2 * TRIES


def test_a_receiver_that_was_left_alone_is_asked_for_one_page_first(connection: Connection, receiver: Receiver, sender: Sender) -> None:
    receiver.answers = [500] * AT_ONCE
    sender.circuits["webhook "] = Circuit(TRIES, T0 - OPEN_MS)
    _ = [waits(connection, n) for n in range(AT_ONCE)]
    sender.round(connection, 0.1)
    sender.finish(connection, 10)
    assert len(receiver.got) == 1


def test_hasty_pages_wait_for_no_others_answer(receiver: Receiver, sender: Sender) -> None:
    sender.circuits["webhook "] = Circuit(TRIES, T0 - OPEN_MS)
    names = [f"00000000-0000-0000-0000-{n:012d}" for n in range(4)]
    sender.hastily([Page(name, "a", 0, "raised", "north", "4", "high", "", "webhook", "", (), T0, T0 + 3_600_000) for name in names])
    wait_for(lambda: len(receiver.got) == 4, 30, "all of them")


def test_pages_go_before_what_became_of_others(connection: Connection) -> None:
    notice, page = waits(connection, 1), waits(connection, 2)
    connection.execute("UPDATE alerting.page SET about = 'p', next_at = next_at - 1 WHERE id = %s", [notice])
    connection.execute("UPDATE alerting.page SET priority = 'low' WHERE id = %s", [page])
    assert [leased.id for leased in timescale_pages.lease(connection, "s1", T0, 1)] == [page]


def test_the_lease_of_a_dead_sender_runs_out_and_another_sends_with_the_same_key(
    connection: Connection, receiver: Receiver, sender: Sender
) -> None:
    key = waits(connection, 1)
    timescale_pages.lease(connection, "dead", T0, 10)
    sender.round(connection, 0.1)
    assert receiver.got == []
    settle(sender, connection, lambda: state(connection)[0][0] == "delivered")
    assert dict(receiver.taken) == {key: 1}


@pytest.mark.parametrize("known", [0, 1, 20])
def test_two_senders_lease_no_page_twice_and_no_more_than_they_ask_for(connection: Connection, module_database: str, known: int) -> None:
    """However many pages the database's planner knows of: a table that was counted nearly empty is joined in another way."""
    _ = [waits(connection, n) for n in range(known)]
    connection.execute("ANALYZE alerting.page")
    _ = [waits(connection, n) for n in range(known, 20)]
    with psycopg.connect(module_database) as one, psycopg.connect(module_database) as two:
        first = {page.id for page in timescale_pages.lease(one, "one", T0, 10)}
        second = {page.id for page in timescale_pages.lease(two, "two", T0, 20)}
    assert (len(first), len(second), first & second) == (10, 10, set())


def test_a_cancelled_page_is_not_sent(connection: Connection, receiver: Receiver, sender: Sender) -> None:
    waits(connection, 1)
    connection.execute("UPDATE alerting.page SET state = 'cancelled'")
    assert (sender.round(connection, 0.1), receiver.got) == (0, [])
