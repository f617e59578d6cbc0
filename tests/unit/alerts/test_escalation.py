"""Escalation on a clock moved by hand: who is called when, until somebody answers."""

from datetime import date

import pytest

from alerts.clockwork import Receipt, Tick
from alerts.desk import Desk
from alerts.escalation import Book, Contact, call
from alerts.pipeline import GROUP_MS
from tests.unit.alerts.stories import T0, command, desk, finding, only
from vitals.canary import WARD
from vitals.finding import Priority
from vitals.ladder import Ladder, Rung
from vitals.rota import Rotation, Schedule

S = 1_000
HIGH: frozenset[Priority] = frozenset({"high"})
ROTA = Schedule("doctors", "north", "UTC", (Rotation(("dora",), date(2020, 1, 1)),))
RUNGS = (Rung(("person:nina",), 60 * S), Rung(("schedule:doctors",), 120 * S), Rung(("person:chief", "site"), 300 * S))
PHONES = {name: (Contact("webhook", name), Contact("smtp", f"{name}@x")) for name in ("nina", "dora", "chief")}
BOOK = Book((Contact("webhook"),), (Ladder("north", "north", HIGH, RUNGS),), {"doctors": ROTA}, PHONES)
ID = finding().id


def paged(at: Desk) -> list[tuple[str, int]]:
    """(person, seconds after the alert) of every page."""
    return [(page.person, (page.created_at - T0) // S) for page in at.pages]


def run(at: Desk, seconds: int) -> Desk:
    """Moves the clock on, second by second, ticking whatever is due."""
    for now in range(T0, T0 + seconds * S + 1, S):
        for case in list(at.cases.values()):
            if case.memory.due_at is not None and case.memory.due_at <= now:
                desk(Tick(case.alert.id), now=now, start=at)
    return at


def begun(book: Book = BOOK) -> Desk:
    """The desk with one high alert at T0."""
    return desk(finding(), now=T0, book=book)


def test_nobody_answers_and_each_rung_is_called_in_its_time_and_then_all_again() -> None:
    assert paged(run(begun(), 500)) == [("nina", 0), ("dora", 60), ("chief", 180), ("", 180), ("nina", 480)]


def test_every_page_of_a_ladder_has_its_own_key() -> None:
    pages = run(begun(), 1_000).pages
    assert len({page.id for page in pages}) == len(pages)


def test_an_acknowledgement_stops_the_ladder() -> None:
    at = run(begun(), 70)
    desk(command(ID, "acknowledge"), now=T0 + 71 * S, start=at)
    assert paged(run(at, 600)) == []


@pytest.mark.parametrize(
    ("without", "calls"),
    [
        (("nina",), [("dora", 0), ("chief", 120), ("", 120)]),
        (("nina", "dora"), [("chief", 0), ("", 0)]),
        (("nina", "dora", "chief"), [("", 0)]),
    ],
)
def test_who_cannot_be_reached_is_passed_over_at_once(without: tuple[str, ...], calls: list[tuple[str, int]]) -> None:
    phones = {name: way for name, way in PHONES.items() if name not in without}
    assert paged(run(begun(Book(BOOK.site, BOOK.ladders, BOOK.schedules, phones)), 130)) == calls


def test_a_page_that_nobody_got_lets_the_next_be_called_at_once() -> None:
    at = begun()
    desk(Receipt(at.pages[0].id, ID, "failed", "webhook", "nina", T0, T0 + 5 * S, "refused"), now=T0 + 5 * S, start=at)
    assert paged(run(at, 10)) == [("nina", 0), ("dora", 5)]


def test_two_steps_whose_pages_fail_give_way_to_the_third_as_soon_as_they_have() -> None:
    at = begun()
    for seconds, person in ((5, "nina"), (8, "dora")):
        failed = next(page for page in at.pages if page.person == person)
        desk(Receipt(failed.id, ID, "failed", "webhook", person, T0, T0 + seconds * S, "refused"), now=T0 + seconds * S, start=at)
        run(at, seconds)
    assert paged(at) == [("nina", 0), ("dora", 5), ("chief", 8), ("", 8)]


def test_a_delivered_page_leaves_its_person_the_time_of_the_rung() -> None:
    at = begun()
    desk(Receipt(at.pages[0].id, ID, "delivered", "webhook", "nina", T0, T0 + 5 * S), now=T0 + 5 * S, start=at)
    assert paged(run(at, 59)) == [("nina", 0)]


def test_escalating_calls_the_next_rung_now() -> None:
    at = begun()
    desk(command(ID, "escalate"), now=T0 + 3 * S, start=at)
    assert paged(run(at, 5)) == [("nina", 0), ("dora", 3)]


def test_an_accepted_handover_moves_the_pager() -> None:
    book = Book(BOOK.site, BOOK.ladders, BOOK.schedules, PHONES | {"eva": (Contact("webhook", "eva"),)}, {"doctors": "eva"})
    assert paged(run(begun(book), 61)) == [("nina", 0), ("eva", 60)]


def test_a_wards_own_ladder_goes_before_that_of_any_ward() -> None:
    everywhere = Ladder("a-all", None, HIGH, (Rung(("person:chief",), S),))
    assert call(Book((), (everywhere, *BOOK.ladders), {}, PHONES), "north", "high", 0, T0).recipients[0].person == "nina"


def test_without_anybody_the_alert_is_looked_at_again_each_minute() -> None:
    at = desk(finding(), now=T0, book=Book())
    assert (at.pages, only(at).memory.due_at, at.counts["nobody"]) == ([], T0 + 60 * S, 1)


def test_the_second_way_of_a_person_is_kept_for_when_the_first_fails() -> None:
    assert begun().pages[0].fallback == (Contact("smtp", "nina@x"),)


def test_what_joined_anothers_page_pages_by_itself_if_nobody_answers() -> None:
    at = desk(finding(), finding(subject="spo2"), now=T0)
    second = finding(subject="spo2").id
    desk(command(ID, "acknowledge"), now=T0 + S, start=at)
    at.pages = []
    assert [(p.alert, p.created_at) for p in run(at, GROUP_MS // S).pages] == [(second, T0 + GROUP_MS)]


@pytest.mark.parametrize(
    "ladders", [BOOK.ladders, (Ladder("all", None, HIGH, RUNGS),), (Ladder("canary", WARD, HIGH, (Rung(("person:x",), S),)),)]
)
def test_nobody_but_its_own_pager_is_called_for_the_canary(ladders: tuple[Ladder, ...]) -> None:
    assert call(Book(BOOK.site, ladders, BOOK.schedules, PHONES), WARD, "high", 0, T0).recipients == ()
