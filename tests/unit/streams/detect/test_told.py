"""What is told besides when something that came late shows that a condition began or ended otherwise."""

import msgspec
import pytest

from streams.detect.told import FORGOTTEN_MS, LONGEST_MS, Place, Told
from streams.detect.waveform import marks
from streams.detect.waveform.hearing import Hearing
from streams.detect.waveform.watch import Timer, Watch
from vitals.finding import TOLD_AS, Finding, Phase, Priority, finding_id

SUBJECT, RULE = "d/ecg_ii", "ecg_asystole"


def finding(started: int, phase: Phase = "start", ended: int | None = None, rule: str = RULE, *, retrospective: bool = False) -> Finding:
    return Finding(
        id=finding_id("p", rule, SUBJECT, started),
        phase=phase,
        patient="p",
        ward="",
        rule=rule,
        rule_version=1,
        alert_class="physiological",
        priority="high",
        title="",
        subject=SUBJECT,
        started_at=started,
        at=started if ended is None else ended,
        received_at=0,
        detected_at=0,
        ended_at=ended,
        retrospective=retrospective,
    )


NONE_ON: frozenset[str] = frozenset()


def place(ms: int) -> Place:
    return ms, "d", "ecg_ii", 0


def span(started: int, ended: int | None = None, rule: str = RULE) -> list[tuple[Place, Finding]]:
    """A condition as the watch finds it: that it began, and, if it did, that it ended."""
    found = [(place(started), finding(started, rule=rule))]
    return found if ended is None else [*found, (place(ended), finding(started, "end", ended, rule))]


def short(found: list[Finding]) -> list[tuple[str, int, int | None, bool]]:
    """Phase, begin, end, and whether it is told under the id of a condition that began at 100."""
    return [(f.phase, f.started_at, f.ended_at, f.id == finding_id("p", f.rule, SUBJECT, 100)) for f in found]


def after(*first: tuple[Place, Finding]) -> Told:
    told = Told()
    told.news(first)
    return told


def test_what_was_told_is_not_told_again() -> None:
    assert after(*span(100, 200)).again(span(100, 200), place(50)) == []


def test_what_was_hidden_is_told() -> None:
    assert short(Told().again(span(100, 200), place(50))) == [("start", 100, None, True), ("end", 100, 200, True)]


def test_another_begin_is_an_update_of_what_was_told() -> None:
    assert short(after(*span(100)).again(span(90), place(50))) == [("update", 90, None, True)]


def test_what_began_otherwise_ends_as_it_was_told() -> None:
    told = after(*span(100))
    told.again(span(90), place(50))
    assert short(told.news(span(90, 200)[1:])) == [("end", 90, 200, True)]


def test_another_end_is_an_update() -> None:
    assert short(after(*span(100, 200)).again(span(100, 250), place(50))) == [("update", 100, 250, True)]


def test_another_span_is_told_in_updates_that_can_be_told_apart() -> None:
    found = after(*span(100, 200)).again(span(90, 250), place(50))
    assert (short(found)[-1], len({f.at for f in found})) == (("update", 90, 250, True), len(found))


def test_an_update_is_as_new_as_what_it_says() -> None:
    assert after(*span(100, 200)).again(span(100, 250), place(50))[0].at == 250


def test_two_updates_of_one_moment_are_told_apart() -> None:
    told = after(*span(100, 200))
    at = [told.again(span(begin, 200), place(50))[0].at for begin in (90, 80)]
    assert (at, short(told.again(span(70, 200), place(50)))) == ([90, 91], [("update", 70, 200, True)])


@pytest.mark.parametrize(("begin", "end"), [(200, 300), (50, 100)])
def test_what_touches_is_the_same(begin: int, end: int) -> None:
    assert short(after(*span(100, 200)).again(span(begin, end), place(10)))[0] == ("update", begin, 200, True)


def test_what_the_first_chunk_that_is_heard_again_had_shown_is_doubted() -> None:
    told = after(*span(100))
    told.again([], place(100))
    assert len(told.doubted()) == 1


def test_what_is_over_after_all_ends() -> None:
    assert short(after(*span(100)).again(span(100, 150), place(50))) == [("end", 100, 150, True)]


def test_what_was_told_as_over_and_is_on_is_told_anew() -> None:
    assert short(after(*span(100, 200)).again(span(90), place(50))) == [("start", 90, None, False)]


def test_what_was_told_as_over_and_still_is_on_begins_once_more_when_nothing_late_can_end_it() -> None:
    told = after(*span(100, 200))
    early, found = (told.settled(until, 500, {finding(100).id}) for until in (199, 200))
    ended = told.news(span(100, 300)[1:])
    assert (early, short(found), found[0].id == ended[0].id, ended[0].phase) == ([], [("start", 100, None, False)], True, "end")


def reopened() -> Told:
    """Told as over from 100 to 200, and then that it is on."""
    told = after(*span(100, 200))
    told.again(span(100), place(0))
    told.reopened(300, {finding(100).id})
    return told


def test_what_was_told_as_over_and_on_and_comes_out_not_at_all_is_withdrawn_under_both_ids() -> None:
    told = reopened()
    told.again([], place(0))
    assert sorted(short(told.settled(1_000, 1_000, NONE_ON))) == [("end", 100, 100, False), ("update", 100, 100, True)]


def test_nor_does_it_begin_again_under_either() -> None:
    told = reopened()
    told.again([], place(0))
    told.settled(1_000, 1_000, NONE_ON)
    assert short(told.again(span(100), place(0))) == [("start", 100, None, False)]


def test_what_began_otherwise_after_all_is_told_under_the_last_of_its_ids_alone() -> None:
    assert short(reopened().again(span(150), place(0))) == [("update", 150, None, False), ("update", 100, 100, True)]


def test_what_is_known_takes_no_others_id() -> None:
    told = after(*span(90), *span(100))
    assert (told.again(span(100), place(50)), len(told.doubted())) == ([], 1)


def test_what_would_go_by_the_id_of_another_goes_by_one_of_its_own() -> None:
    told = after(*span(100))
    told.again(span(90, 150), place(50))
    found = told.news(span(100, 200))
    assert (short(found), found[0].id == found[1].id) == ([("start", 100, None, False), ("end", 100, 200, False)], True)


def test_of_another_time_it_is_another() -> None:
    assert short(after(*span(100, 200)).again(span(300, 400), place(50))) == [("start", 300, None, False), ("end", 300, 400, False)]


def test_another_rule_takes_no_ones_place() -> None:
    found = after(*span(100)).again(span(90, rule="ecg_bradycardia"), place(50))
    assert [(f.phase, f.rule) for f in found] == [("start", "ecg_bradycardia")]


def test_of_two_that_were_told_the_nearer_is_the_same() -> None:
    told = after(*span(100), *span(40))
    assert short(told.again(span(90), place(10))) == [("update", 90, None, True)]


def test_what_began_before_is_left_alone() -> None:
    told = after(*span(100))
    assert (told.again([], place(150)), told.doubted()) == ([], [])


def test_what_is_shown_by_an_earlier_chunk_began_before_what_follows_that() -> None:
    told = after((place(100), finding(90)))
    told.again([(place(95), finding(90))], place(50))
    assert (told.again([], place(98)), told.doubted()) == ([], [])


def test_what_nothing_shows_is_doubted_as_long_as_something_late_may_show_it() -> None:
    told = after(*span(100))
    assert (told.again([], place(50)), told.settled(99, 500, NONE_ON), short(told.doubted())) == ([], [], [("start", 100, None, True)])


def test_what_is_doubted_and_shown_again_goes_on() -> None:
    told = after(*span(100))
    told.again([], place(50))
    assert (told.again(span(100), place(50)), told.settled(100, 500, NONE_ON)) == ([], [])


def at(started: int, told: int, *, retrospective: bool = False) -> list[tuple[Place, Finding]]:
    """A condition that began and was told then."""
    return [(place(told), msgspec.structs.replace(finding(started, retrospective=retrospective), at=told))]


def doubted() -> Told:
    told = after(*span(100))
    told.again([], place(50))
    return told


@pytest.mark.parametrize("found", [at(90, 100), at(99, 130)])
def test_what_is_doubted_and_then_seen_to_have_begun_sooner_is_the_same(found: list[tuple[Place, Finding]]) -> None:
    told = doubted()
    assert (short(told.news(found)), told.doubted()) == ([("update", found[0][1].started_at, None, True)], [])


@pytest.mark.parametrize(
    "found", [at(101, 130), at(80, 99), at(90, 130, retrospective=True)], ids=["begins later", "was told before", "of the past"]
)
def test_beside_what_is_doubted_what_begins_at_another_time_is_told(found: list[tuple[Place, Finding]]) -> None:
    told = doubted()
    assert ([f.phase for f in told.news(found)], len(told.doubted())) == (["start"], 1)


def test_of_several_that_are_doubted_the_one_that_is_it_goes_on() -> None:
    told = after(*span(100), *span(300))
    told.again([], place(50))
    assert (short(told.news(at(90, 130))), len(told.doubted())) == ([("update", 90, None, True)], 1)


def test_what_is_not_doubted_takes_no_others_place() -> None:
    told = after(*span(100))
    assert [f.phase for f in told.news(at(90, 130))] == ["start"]


def test_what_nothing_can_show_any_more_ends_as_if_it_had_not_been() -> None:
    told = after(*span(100))
    told.again([], place(50))
    assert (short(told.settled(100, 500, NONE_ON)), told.doubted()) == ([("end", 100, 100, True)], [])


def test_what_was_over_and_nothing_shows_is_updated_to_have_no_length() -> None:
    told = after(*span(100, 200))
    told.again([], place(50))
    assert (short(told.settled(100, 500, NONE_ON)), told.spans) == ([("update", 100, 100, True)], {})


def test_history_with_another_begin_is_an_update() -> None:
    told = after((place(100), finding(100, ended=200, retrospective=True)))
    found = told.again([(place(90), finding(90, ended=200, retrospective=True))], place(50))
    assert (short(found), found[0].retrospective) == ([("update", 90, 200, True)], False)


def test_what_was_over_long_ago_is_forgotten() -> None:
    told = after(*span(100, 200), *span(300))
    told.settled(0, 200 + FORGOTTEN_MS, NONE_ON)
    both = list(told.spans)
    told.settled(0, 201 + FORGOTTEN_MS, NONE_ON)
    assert (len(both), list(told.spans)) == (2, [finding(300).id])


@pytest.mark.parametrize(("later", "left"), [(0, 1), (1, 0)])
def test_what_was_shown_to_be_over_long_after_it_was_is_remembered_from_then_on(later: int, left: int) -> None:
    told = after(*span(100), (place(200), msgspec.structs.replace(finding(100, "end", 200), detected_at=70_000)))
    told.settled(0, 70_000 + FORGOTTEN_MS + later, NONE_ON)
    assert len(told.spans) == left


@pytest.mark.parametrize(("later", "left"), [(0, 1), (1, 0)])
def test_what_time_alone_showed_to_be_over_is_remembered_from_then_on(later: int, left: int) -> None:
    told = after(*span(100), (place(70_000), finding(100, "end", 200)))
    told.again(span(100, 200), place(50))
    told.settled(0, 70_000 + FORGOTTEN_MS + later, NONE_ON)
    assert len(told.spans) == left


def on(started: int) -> Watch:
    return Watch(timers={f"{SUBJECT}/{RULE}": Timer(started, None, started, True)})


def test_after_a_restart_it_ends_under_the_id_by_which_it_was_told() -> None:
    told = after(*span(100))
    told.again(span(90), place(50))
    again = marks.decode("p", marks.encode(marks.marks("p", Hearing(on(90), told=told))))
    kept = marks.encode(marks.marks("p", again))
    assert short(marks.decode("p", kept).told.news(span(90, 200)[1:])) == [("end", 90, 200, True)]


def test_what_is_doubted_is_on_after_a_restart() -> None:
    told = after(*span(100))
    told.again([], place(50))
    again = marks.decode("p", marks.encode(marks.marks("p", Hearing(told=told))))
    assert again.watch.timers == on(100).timers


def test_marks_of_before_there_were_names_are_read() -> None:
    again = marks.decode("p", msgspec.msgpack.encode({f"{SUBJECT}/{RULE}": (100, 100, True)}))
    assert (again.watch.timers, again.told.names) == (on(100).timers, {})


def graver(at: int, priority: Priority = "high", started: int = 100) -> tuple[Place, Finding]:
    f = msgspec.structs.replace(finding(started, "update"), priority=priority, at=at)
    return place(at), f


def mild(started: int) -> tuple[Place, Finding]:
    return place(started), msgspec.structs.replace(finding(started), priority="low")


def test_what_grows_worse_is_told_when_it_does() -> None:
    assert [(f.phase, f.priority, f.at) for f in after(mild(100)).news([graver(150)])] == [("update", "high", 150)]


def test_what_was_told_to_be_worse_is_not_told_so_again() -> None:
    told = after(mild(100), graver(150))
    assert told.again([mild(100), graver(140)], place(50)) == []


def test_what_is_worse_than_was_told_is_told() -> None:
    told = after(mild(100), graver(150, "medium"))
    assert [f.priority for f in told.again([mild(100), graver(140)], place(50))] == ["high"]


def test_what_begins_worse_than_was_told_is_told() -> None:
    assert [(f.phase, f.priority) for f in after(mild(100)).again(span(100), place(50))] == [("update", "high")]


def grave(found: list[Finding]) -> list[tuple[str, str, str | None]]:
    """Phase, priority, and as what it had been told, if it was not so."""
    return [(f.phase, f.priority, f.evidence.get(TOLD_AS)) for f in found]


LATER = 1_000


def put_right(told: Told, *found: tuple[Place, Finding], since: int = 50) -> list[tuple[str, str, str | None]]:
    """What is told once nothing late can change what was found."""
    told.again(found, place(since))
    return grave(told.settled(LATER, LATER, frozenset({finding(100).id})))


def test_what_comes_out_milder_than_it_was_told_is_put_right() -> None:
    assert put_right(after(*span(100)), mild(100)) == [("update", "low", "high")]


def test_so_is_what_was_told_to_grow_worse_and_did_not() -> None:
    assert put_right(after(mild(100), graver(150)), mild(100), graver(140, "medium")) == [("update", "medium", "high")]


@pytest.mark.parametrize(("detected_at", "shown_at"), [(0, 501), (501, 0), (501, 100)])
def test_not_as_long_as_something_late_may_show_it_after_all(detected_at: int, shown_at: int) -> None:
    told = after(*span(100))
    told.again([(place(shown_at), msgspec.structs.replace(mild(100)[1], detected_at=detected_at))], place(50))
    assert [len(told.settled(until, until, NONE_ON)) for until in (500, 501)] == [0, 1]


def test_that_is_told_once() -> None:
    told = after(*span(100))
    put_right(told, mild(100))
    assert put_right(told, mild(100)) == []


def test_after_that_it_grows_worse_like_any_other() -> None:
    told = after(*span(100))
    put_right(told, mild(100))
    assert grave(told.again([mild(100), graver(150)], place(50))) == [("update", "high", None)]


@pytest.mark.parametrize(
    ("priority", "left"), [("high", []), ("medium", [("update", "medium", "high")]), ("low", [("update", "low", "high")])]
)
def test_what_grows_worse_meanwhile_was_so(priority: Priority, left: list[tuple[str, str, str]]) -> None:
    told = after(*span(100))
    told.again([mild(100)], place(50))
    told.news([graver(150, priority)])
    assert grave(told.settled(LATER, LATER, NONE_ON)) == left


def numbered(*found: tuple[Place, Finding]) -> list[tuple[Place, Finding]]:
    """Each with its number in its evidence."""
    return [(at, msgspec.structs.replace(f, evidence={"n": n})) for n, (at, f) in enumerate(found)]


def test_what_is_said_of_it_is_what_first_showed_it_as_grave() -> None:
    told = after(*span(100))
    told.again(numbered(mild(100), graver(140, "medium"), graver(150, "medium")), place(50))
    assert told.settled(LATER, LATER, NONE_ON)[0].evidence["n"] == 1


def test_so_it_is_of_what_grows_worse_meanwhile() -> None:
    told = after(*span(100))
    told.again(numbered(mild(100)), place(50))
    told.news(numbered(mild(900), graver(140, "medium"), graver(150, "medium"))[1:])
    assert told.settled(LATER, LATER, NONE_ON)[0].evidence["n"] == 1


def test_what_begins_milder_and_is_as_grave_in_the_end_needs_no_word() -> None:
    assert put_right(after(*span(100)), mild(100), graver(140)) == []


def test_what_is_looked_at_once_more_and_was_as_grave_needs_none() -> None:
    told = after(*span(100))
    told.again([mild(100)], place(50))
    assert put_right(told, *span(100)) == []


def test_of_what_is_not_looked_at_from_its_begin_on_nothing_is_known_to_be_milder() -> None:
    assert put_right(after(mild(100), graver(150)), graver(160, "medium"), since=120) == []


def test_that_what_is_over_was_milder_is_told_with_its_end() -> None:
    told = after(*span(100, 200))
    told.again([mild(100), (place(200), finding(100, "end", 200))], place(50))
    found = told.settled(LATER, LATER + FORGOTTEN_MS, NONE_ON)
    assert (grave(found), found[0].ended_at, found[0].retrospective) == ([("update", "low", "high")], 200, True)


def test_that_what_is_over_was_graver_is_told_as_history_which_calls_nobody() -> None:
    over = (place(200), finding(100, "end", 200))
    told = after(mild(100), over)
    news = told.again([mild(100), graver(140), over], place(50))
    found = told.settled(LATER, LATER, NONE_ON)
    assert (news, grave(found), found[0].retrospective, found[0].ended_at) == ([], [("update", "high", "low")], True, 200)


def test_what_is_put_right_is_forgotten_like_any_other() -> None:
    told = after(*span(100, 200))
    told.again([mild(100), (place(200), finding(100, "end", 200))], place(50))
    told.settled(LATER, LATER, NONE_ON)
    told.settled(LATER, LATER + FORGOTTEN_MS, NONE_ON)
    assert told.spans == {}


def test_what_began_otherwise_and_milder_is_both() -> None:
    told = after(*span(100))
    found = [*told.again([mild(90)], place(50)), *told.settled(LATER, LATER, NONE_ON)]
    assert (short(found)[-1], grave(found)) == (("update", 90, None, True), [("update", "low", None), ("update", "low", "high")])


@pytest.mark.parametrize("begin", [90, 100])
def test_what_is_doubted_and_then_seen_to_be_milder_is_put_right(begin: int) -> None:
    told = doubted()
    told.news([(place(130), msgspec.structs.replace(mild(begin)[1], at=130))])
    assert grave(told.settled(LATER, LATER, NONE_ON)) == [("update", "low", "high")]


def test_what_is_doubted_is_withdrawn_whatever_it_was() -> None:
    told = after(*span(100))
    told.again([mild(100)], place(50))
    told.again([], place(50))
    assert short(told.settled(LATER, LATER, NONE_ON)) == [("end", 100, 100, True)]


def test_what_grows_worse_goes_by_the_id_by_which_it_was_told_before_a_restart() -> None:
    told = Told(names={finding(90).id: finding(100).id})
    ids = [told.news([one])[0].id for one in (graver(150, started=90), (place(200), finding(90, "end", 200)))]
    assert (ids, told.names) == ([finding(100).id] * 2, {})


def test_what_was_on_before_and_is_not_found_again_is_not_doubted() -> None:
    told = after(*span(100))
    told.again([], place(50), on=frozenset({finding(100).id}))
    assert told.doubted() == []


def test_an_end_that_is_found_makes_no_begin_of_it() -> None:
    told = after(*span(100))
    told.again([(place(200), finding(100, "end", 200))], place(50))
    assert told.spans[finding(100).id].doubted


def test_what_is_on_for_those_who_were_told_and_for_nobody_else_is_doubted() -> None:
    told = after(*span(100), *span(300), *span(500, 600))
    told.doubt(frozenset({finding(300).id}))
    assert short(told.doubted()) == [("start", 100, None, True)]


@pytest.mark.parametrize(("later", "its_own"), [(LONGEST_MS, True), (LONGEST_MS + 1, False)])
def test_what_was_withdrawn_and_begins_after_all_does_so_under_another_id_for_half_a_day(later: int, *, its_own: bool) -> None:
    told = after(*span(100))
    told.again([], place(50))
    told.settled(100, 500, NONE_ON)
    told.settled(100, 500 + later, NONE_ON)
    assert (told.news(span(100))[0].id != finding(100).id) is its_own


def test_a_restart_must_know_what_goes_by_another_id() -> None:
    told = after(*span(100), *span(300, 400), *span(500))
    told.again([*span(90), *span(290, 400), *span(500)], place(50))
    assert (told.lasting, told.renamed()) == (True, {finding(90).id: finding(100).id})


def test_a_restart_must_know_what_is_doubted_and_what_one_before_it_left() -> None:
    doubted = after(*span(100))
    doubted.again([], place(50))
    kept = Told(names={"a": "b"})
    assert (doubted.lasting, kept.lasting, kept.renamed(), after(*span(100)).lasting) == (True, True, {"a": "b"}, False)
