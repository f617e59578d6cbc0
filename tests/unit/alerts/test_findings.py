"""What a finding does to the patient's alerts."""

from typing import Any

import msgspec
import pytest

from alerts.case import with_memory
from alerts.findings import take
from tests.unit.alerts.stories import T0, command, desk, finding, only
from vitals.canary import WARD
from vitals.finding import TOLD_AS, Finding, Priority

HOUR = 3_600_000


def test_a_new_finding_raises_one_active_alert_with_its_own_id_and_pages() -> None:
    made = desk(finding())
    assert (only(made).alert.id, only(made).alert.state, len(made.pages)) == (finding().id, "active", 1)


def test_an_alert_has_its_first_four_times() -> None:
    delays = only(desk(finding())).alert.delays
    assert (delays.sensor, delays.received, delays.detected, delays.raised) == (T0, T0 + 10, T0 + 20, T0 + 100)


def test_a_repeat_changes_nothing() -> None:
    once = desk(finding())
    before = (dict(once.cases), len(once.changes), len(once.pages))
    take(once, finding(), T0 + 500)
    assert (dict(once.cases), len(once.changes), len(once.pages)) == before


def test_a_retrospective_finding_makes_a_closed_alert_that_never_pages() -> None:
    made = desk(finding(retrospective=True, ended_at=T0 + 5))
    assert (only(made).alert.state, only(made).alert.retrospective, made.pages) == ("closed", True, [])


def test_an_end_never_heard_of_is_history() -> None:
    made = desk(finding(phase="end", at=T0 + 9, ended_at=T0 + 9))
    assert (only(made).alert.state, only(made).alert.ended_at, made.pages) == ("closed", T0 + 9, [])


def test_a_high_alert_waits_for_a_person_after_its_condition_is_over() -> None:
    made = desk(finding(), finding(phase="end", at=T0 + 9, ended_at=T0 + 9))
    assert (only(made).alert.state, only(made).alert.ended_at) == ("returned", T0 + 9)


def test_a_low_alert_closes_with_its_condition() -> None:
    assert only(desk(finding(priority="low"), finding(priority="low", phase="end", at=T0 + 9))).alert.state == "closed"


def test_a_technical_alert_never_latches() -> None:
    fault = finding("silence", priority="high", alert_class="technical")
    assert only(desk(fault, msgspec.structs.replace(fault, phase="end", at=T0 + 9))).alert.state == "closed"


def test_the_same_condition_again_goes_into_the_open_alert() -> None:
    made = desk(finding(), finding(start=T0 + 60_000))
    assert (len(made.cases), [c.kind for c in made.changes]) == (1, ["raised", "deduplicated"])


def test_an_alert_with_two_findings_ends_with_the_last_of_them() -> None:
    first, second = finding(), finding(start=T0 + 60_000)
    ends = [msgspec.structs.replace(f, phase="end", at=T0 + 90_000) for f in (first, second)]
    made = desk(first, second, ends[0])
    assert only(made).alert.state == "active"
    assert only(desk(ends[1], start=made)).alert.state == "returned"


def test_what_recurs_in_a_returned_alert_makes_it_active_and_pages_again() -> None:
    made = desk(finding(), finding(phase="end", at=T0 + 9), finding(start=T0 + HOUR), now=T0 + HOUR)
    assert (only(made).alert.state, len(made.pages)) == ("active", 2)


def test_what_gets_worse_after_it_was_acknowledged_pages_again_with_another_key() -> None:
    made = desk(finding(priority="medium"), command(finding().id, "acknowledge"))
    desk(finding(phase="update", at=T0 + 5), start=made)
    assert (only(made).alert.state, only(made).alert.priority, len(made.pages)) == ("active", "high", 1)


def test_a_milder_update_keeps_the_highest_priority() -> None:
    assert only(desk(finding(), finding(phase="update", priority="low", at=T0 + 5))).alert.priority == "high"


def milder(**more: Any) -> Finding:
    """Told as high, it was not."""
    return finding(phase="update", priority="medium", at=T0 + 5, evidence={TOLD_AS: "high"}, **more)


@pytest.mark.parametrize("over_at", [None, T0 + 4], ids=["while it is on", "once it is over"])
def test_what_was_told_as_graver_than_it_was_is_as_grave_as_it_was(over_at: int | None) -> None:
    ended = [] if over_at is None else [over(at=over_at)]
    assert only(desk(finding(), *ended, milder(ended_at=over_at))).alert.priority == "medium"


def test_and_what_happened_says_why() -> None:
    assert reason(finding(), milder()) == "what came late shows that it was milder"


def was_graver() -> tuple[Finding, ...]:
    """Told as low, over, and then found to have been high."""
    graver = finding(phase="update", at=T0 + 5, retrospective=True, ended_at=T0 + 4, evidence={TOLD_AS: "low"})
    return finding(priority="low"), over(at=T0 + 4, priority="low"), graver


def test_that_what_is_over_was_graver_is_noted_and_calls_nobody() -> None:
    made = desk(*was_graver())
    assert (only(made).alert.state, only(made).alert.priority, [page.priority for page in made.pages]) == ("closed", "high", [])


def test_of_that_too_what_happened_says_why() -> None:
    assert reason(*was_graver()) == "what came late shows that it was graver"


def test_once_it_is_graver_after_all_it_pages_again() -> None:
    made = desk(finding(), command(finding().id, "acknowledge"), milder(), finding(phase="update", at=T0 + 9))
    assert (only(made).alert.state, [(page.kind, page.priority) for page in made.pages]) == ("active", [("worsened", "high")])


def test_what_came_out_milder_and_is_over_waits_for_nobody() -> None:
    made = desk(finding(), milder(), over(priority="medium"))
    assert only(made).alert.state == "closed"


@pytest.mark.parametrize("first_is_over", [False, True])
def test_beside_another_finding_of_the_alert_it_stays_as_grave_as_that_may_be(first_is_over: bool) -> None:
    more = finding(start=T0 + 4)
    ended = [over(at=T0 + 6)] if first_is_over else []
    later = msgspec.structs.replace(milder(), id=more.id, started_at=more.started_at, at=T0 + 7)
    assert only(desk(finding(), more, *ended, later)).alert.priority == "high"


def test_beside_a_milder_finding_of_the_alert_it_is_as_grave_as_that() -> None:
    more = finding(start=T0 + 4, priority="low")
    assert only(desk(finding(), more, milder())).alert.priority == "medium"


def test_what_was_withdrawn_leaves_the_alert_as_grave_as_what_was() -> None:
    more = finding(start=T0 + 4, priority="low")
    assert only(desk(finding(), more, over(at=T0))).alert.priority == "low"


@pytest.mark.parametrize("more", [{}, {"phase": "end", "at": T0 + 6, "ended_at": T0 + 5}], ids=["that is on", "that is over"])
def test_what_is_withdrawn_once_it_is_over_leaves_the_begin_and_the_gravity_of_what_was(more: dict[str, Any]) -> None:
    other = finding(start=T0 + 4, priority="low")
    never = finding(phase="update", at=T0 + 7, ended_at=T0)
    alert = only(desk(finding(), over(at=T0 + 4), other, *([msgspec.structs.replace(other, **more)] if more else []), never)).alert
    assert (alert.started_at, alert.ended_at, alert.priority) == (T0 + 4, more.get("ended_at"), "low")


def test_and_waits_for_nobody_once_that_is_over() -> None:
    more = finding(start=T0 + 4, priority="low")
    assert only(desk(finding(), more, over(at=T0), over(T0 + 4, T0 + 9, priority="low"))).alert.state == "closed"


@pytest.mark.parametrize(("more", "priority"), [(6, "medium"), (7, "high"), (8, "high")])
def test_of_more_findings_than_are_surely_remembered_it_stays_as_grave_as_it_was(more: int, priority: Priority) -> None:
    others = [finding(start=T0 + n, priority="low") for n in range(1, more + 1)]
    assert only(desk(finding(), *others, milder())).alert.priority == priority


def test_nor_is_it_milder_where_it_is_not_known_how_grave_the_others_were() -> None:
    """As in an alert that was open when Vigil was renewed."""
    made = desk(finding(), finding(start=T0 + 4))
    made.keep(with_memory(only(made), grave={}))
    assert only(desk(milder(), start=made)).alert.priority == "high"


def test_an_alert_follows_its_patient_to_another_ward_and_bed() -> None:
    made = desk(finding(priority="medium"))
    made.beds = {"p1": "9"}
    desk(finding(phase="update", at=T0 + 5, ward="south"), start=made)
    assert (only(made).alert.ward, made.pages[-1].ward, made.pages[-1].bed) == ("south", "south", "9")


def test_two_conditions_of_one_patient_page_once() -> None:
    made = desk(finding(), finding("limits", subject="spo2"))
    assert (len(made.cases), len(made.pages)) == (2, 1)


def test_a_high_one_pages_though_a_medium_one_just_did() -> None:
    assert len(desk(finding(priority="medium"), finding("limits", subject="spo2")).pages) == 2


def test_sepsis_covers_its_parts_and_frees_them_when_it_is_gone() -> None:
    part, whole = finding(), finding("sepsis", subject="")
    made = desk(part, whole)
    assert made.cases[part.id].alert.state == "suppressed"
    desk(command(whole.id, "resolve", outcome="treated"), start=made)
    assert made.cases[part.id].alert.state == "active"


@pytest.mark.parametrize(
    ("covered", "cover", "priority"), [("ecg_bradycardia", "ecg_asystole", "high"), ("combination", "news2", "medium")]
)
def test_what_covers_an_alert_that_was_just_paged_pages_itself(covered: str, cover: str, priority: Priority) -> None:
    first, over = finding(covered, priority=priority), finding(cover, priority=priority, start=T0 + 50)
    made = desk(first, over)
    assert ([page.alert for page in made.pages], made.cases[over.id].memory.joined) == ([over.id], None)


def test_what_is_over_though_nobody_answered_for_it_covers_nothing_any_more() -> None:
    cover, under = finding("ecg_asystole", subject=""), finding("ecg_bradycardia", subject="")
    made = desk(cover, under, msgspec.structs.replace(cover, phase="end", at=T0 + 20_000, ended_at=T0 + 20_000), now=T0 + 20_000)
    states = [made.cases[one.id].alert.state for one in (cover, under)]
    assert (states, made.cases[under.id].memory.pages) == (["returned", "active"], 1)


def test_a_shelf_hides_only_what_was_put_on_it() -> None:
    cover, under = finding("sepsis", subject=""), finding()
    made = desk(cover, under, command(cover.id, "shelve", until=T0 + HOUR))
    assert (made.cases[under.id].alert.state, [page.alert for page in made.pages]) == ("active", [under.id])


def test_the_timeline_says_why_it_paged() -> None:
    assert [name for name, _ in desk(finding()).changes[0].body["stages"]] == [
        "deduplicate", "inhibit", "group", "shelve", "flap", "quiet", "budget", "throttle", "route",
    ]  # fmt: skip


@pytest.mark.parametrize(("ward", "state"), [("north", "returned"), (WARD, "closed")])
def test_a_high_alert_waits_for_a_person_but_the_canarys(ward: str, state: str) -> None:
    over = finding(phase="end", at=T0 + 9, ended_at=T0 + 9, ward=ward)
    assert only(desk(finding(ward=ward), over)).alert.state == state


def test_an_outage_told_by_two_workers_is_one_page_that_names_all_beds() -> None:
    def part(start: int, *beds: str) -> Finding:
        evidence = {"cause": "pipeline", "devices": len(beds), "patients": list(beds), "beds": list(beds)}
        title = f"No data from {len(beds)} patients: the broker or Vigil's own intake"
        return finding(
            "outage", patient="site", subject="house", start=start, alert_class="technical", title=title, ward="", evidence=evidence
        )

    made = desk(part(T0, "1", "3"), part(T0 + 1, "2"))
    alert = only(made).alert
    said = (alert.title, alert.evidence["beds"], alert.evidence["devices"], len(made.pages))
    assert said == ("No data from 3 patients: the broker or Vigil's own intake", ["1", "2", "3"], 3, 1)


def test_an_outage_is_over_when_the_last_workers_share_is() -> None:
    def part(start: int, **more: Any) -> Finding:
        return finding("outage", patient="site", subject="house", start=start, alert_class="technical", ward="", **more)

    ends = [part(start, phase="end", at=T0 + 60_000 + start, ended_at=T0 + 60_000 + start) for start in (T0, T0 + 1)]
    states = [only(desk(part(T0), part(T0 + 1), *ends[:n])).alert.state for n in range(3)]
    assert states == ["active", "active", "closed"]


def test_an_update_that_knows_a_begin_better_moves_the_alerts() -> None:
    earlier = desk(finding(), finding(phase="update", at=T0 + 9, started_at=T0 - 4_000, id=finding().id))
    assert only(earlier).alert.started_at == T0 - 4_000


def test_an_update_moves_the_begin_later_too_where_the_alert_is_of_one_finding() -> None:
    later = desk(finding(), finding(phase="update", at=T0 + 9, started_at=T0 + 4_000, id=finding().id))
    assert only(later).alert.started_at == T0 + 4_000


def test_an_alert_of_several_findings_began_when_the_first_of_them_did() -> None:
    assert only(desk(finding(), finding(start=T0 - 9_000, at=T0 + 9))).alert.started_at == T0 - 9_000


def test_a_begin_known_better_of_a_later_finding_leaves_the_alerts_where_it_was() -> None:
    more = finding(start=T0 + 60_000)
    assert only(desk(finding(), more, finding(phase="update", at=T0 + 70_000, started_at=T0 + 50_000, id=more.id))).alert.started_at == T0


def test_a_begin_known_better_of_the_first_of_several_leaves_that_of_the_next() -> None:
    first = finding(start=T0 - 9_000)
    later = finding(phase="update", at=T0 + 9_000, started_at=T0 + 4_000, id=first.id)
    assert only(desk(finding(), first, later)).alert.started_at == T0


def over(start: int = T0, at: int = T0 + 5_000, **more: Any) -> Finding:
    return finding(phase="end", start=start, at=at, ended_at=at, **more)


@pytest.mark.parametrize("ended", [T0 + 3_000, T0 + 8_000])
def test_an_update_that_knows_an_end_better_moves_the_alerts(ended: int) -> None:
    made = desk(finding(), over(), finding(phase="update", at=T0 + 9_000, ended_at=ended))
    assert (only(made).alert.ended_at, only(made).alert.state, len(made.pages)) == (ended, "returned", 1)


def reason(*steps: object) -> object:
    """Why, as the last event says."""
    return desk(*steps).changes[-1].body.get("reason")


def test_what_happened_says_that_something_came_late() -> None:
    assert (
        reason(finding(), finding(phase="update", at=T0 + 9, started_at=T0 - 4_000, id=finding().id)) == "what came late shows when it was"
    )


def test_what_happened_says_that_the_end_came_out_otherwise() -> None:
    assert reason(finding(), over(), finding(phase="update", at=T0 + 9_000, ended_at=T0 + 8_000)) == "what came late shows when it was"


def test_what_happened_says_that_it_was_not_so() -> None:
    assert reason(finding(), over(at=T0)) == "what came late does not show it"


def test_an_end_as_it_is_usual_needs_no_reason() -> None:
    assert [reason(finding(), over()), reason(finding(), finding(phase="update", at=T0 + 9))] == [None, None]


def test_an_alert_of_several_findings_is_over_when_the_last_of_them_is() -> None:
    more = finding(start=T0 + 60_000)
    updated = finding(phase="update", at=T0 + 80_000, ended_at=T0 + 7_000)
    assert only(desk(finding(), over(), more, over(T0 + 60_000, T0 + 70_000), updated)).alert.ended_at == T0 + 70_000


def test_an_end_known_better_of_one_finding_ends_no_other() -> None:
    updated = finding(phase="update", at=T0 + 80_000, ended_at=T0 + 7_000)
    assert only(desk(finding(), over(), finding(start=T0 + 60_000), updated)).alert.ended_at is None


def test_what_was_withdrawn_leaves_the_end_of_what_was() -> None:
    more = finding(start=T0 + 4_000)
    assert only(desk(finding(), more, over(at=T0 + 5_000), over(T0 + 4_000, T0 + 4_000))).alert.ended_at == T0 + 5_000
