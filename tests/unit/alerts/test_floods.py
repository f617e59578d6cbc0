"""Floods, flapping, pauses and quiet hours on a clock moved by hand: few pages, none lost, a new high within its second."""

from collections import Counter
from collections.abc import Callable

import msgspec
import pytest

from alerts.clockwork import Receipt, Tick
from alerts.desk import Desk, Page
from alerts.findings import take
from alerts.pipeline import FLAP_HOLD_MS, FLAPS, PATIENT_PAGES_A_DAY, WARD_PAGES_A_MINUTE, Pause, Scene, flap, quiet_until
from tests.unit.alerts.stories import SITE, T0, command, desk, finding, only
from vitals.finding import Finding, Phase, Priority

S, MINUTE, HOUR = 1_000, 60_000, 3_600_000
NIGHT = T0 - T0 % (24 * HOUR) + 23 * HOUR


def later(at: Desk, start: int, end: int) -> Desk:
    """The clock from start to end in steps of 200 ms as the worker ticks; what a ward was paged is forgotten after a minute."""
    for now in range(start, end, 200):
        due = [c.alert.id for c in at.cases.values() if c.memory.due_at is not None and c.memory.due_at <= now]
        at.bundles.clear()
        at.paged = Counter({"north": sum(p.created_at > now - MINUTE for p in at.pages)})
        for alert in due:
            desk(Tick(alert), now=now, start=at)
    return at


def flood(patients: int, priority: Priority = "high", **more: object) -> Desk:
    """As many patients' alerts within one second."""
    at = Desk(SITE)
    for n in range(patients):
        take(at, finding(patient=f"p{n}", priority=priority, start=T0 + n % S, **more), T0 + n % S)
    return at


@pytest.mark.parametrize("priority", ["high", "medium", "low"])
def test_five_hundred_patients_in_a_second_are_as_many_pages_as_the_budget_and_one_for_all_others(priority: Priority) -> None:
    at = later(flood(500, priority), T0 + S, T0 + MINUTE + 2 * S)
    most = WARD_PAGES_A_MINUTE[priority]
    assert (len(at.pages), at.pages[-1].count) == (most + 1, 500 - most)


def test_a_high_one_in_a_flood_is_paged_within_a_second_and_a_tick() -> None:
    at = later(flood(500), T0 + S, T0 + 3 * S)
    assert max(page.created_at for page in at.pages) - (T0 + S) <= 1_200


def test_every_alert_of_a_flood_is_paged_joined_or_due() -> None:
    at = later(flood(500, "medium"), T0 + S, T0 + 2 * MINUTE)
    assert all(c.memory.pages or c.memory.joined or c.memory.due_at for c in at.cases.values())


def test_the_end_of_a_flood_pages_nobody() -> None:
    at = later(flood(500, "medium"), T0 + S, T0 + 2 * MINUTE)
    before = len(at.pages)
    for n in range(500):
        take(at, finding(patient=f"p{n}", priority="medium", start=T0 + n % S, phase="end", at=T0 + 3 * MINUTE), T0 + 3 * MINUTE)
    later(at, T0 + 3 * MINUTE, T0 + 4 * MINUTE)
    assert ({c.alert.state for c in at.cases.values()}, len(at.pages) <= before) == ({"closed"}, True)


def test_forty_devices_lost_with_one_gateway_are_one_page() -> None:
    at = Desk(SITE, gateways={f"d{n}": "g1" for n in range(40)})
    for n in range(40):
        take(at, finding("silence", patient=f"p{n}", subject=f"d{n}", priority="medium", alert_class="technical"), T0 + n)
    assert (len(at.cases), [page.count for page in at.pages]) == (40, [40])


def lost(n: int, phase: Phase = "start") -> Finding:
    """The silence of device n, or its end."""
    return finding("silence", phase, "medium", patient=f"p{n}", subject=f"d{n}", alert_class="technical")


@pytest.mark.parametrize("joins", [0, 1])
def test_a_gateways_loss_is_paged_though_the_first_of_its_devices_is_heard_again(joins: int) -> None:
    at = Desk(SITE, gateways={f"d{n}": "g1" for n in range(3)})
    for one in (lost(0), *(lost(1 + n) for n in range(joins)), lost(0, "end"), lost(2)):
        take(at, one, T0 + 9)
    assert [page.count for page in at.pages] == [1 + 2 * joins]


def test_a_page_for_several_patients_goes_out_though_the_one_that_carries_it_is_answered() -> None:
    at = desk(*(lost(n) for n in range(4)), start=Desk(SITE, gateways={f"d{n}": "g1" for n in range(4)}))
    desk(command(lost(0).id, "acknowledge", patient="p0"), start=at)
    assert [page.count for page in at.pages] == [4]


def test_devices_of_two_gateways_are_two_pages() -> None:
    at = Desk(SITE, gateways={"d0": "g1", "d1": "g2"})
    for n in range(2):
        take(at, finding("silence", patient=f"p{n}", subject=f"d{n}", priority="medium", alert_class="technical"), T0 + n)
    assert len(at.pages) == 2


def flapping(priority: Priority) -> Desk:
    """A condition that begins and ends ten times within ten minutes."""
    at = Desk(SITE)
    for n in range(10):
        now = T0 + n * MINUTE
        take(at, finding(priority=priority, start=now), now)
        take(at, finding(priority=priority, start=now, phase="end", at=now + 30 * S, ended_at=now + 30 * S), now + 30 * S)
        at.paged.clear()
    return at


@pytest.mark.parametrize("priority", ["medium", "low"])
def test_what_comes_and_goes_is_held_after_a_few_times(priority: Priority) -> None:
    assert flapping(priority).counts["page"] <= FLAPS


NOISE = finding("ecg_asystole", subject="")
SLOW = finding("ecg_bradycardia", subject="")


def noise(now: int) -> list[object]:
    """What is found at this time: a bradycardia, and over it for 20 s of every minute an asystole that is none."""
    minute, second = (now - T0) // MINUTE, (now - T0) % MINUTE
    one = finding("ecg_asystole", subject="", start=T0 + minute * MINUTE + 5 * S)
    over = msgspec.structs.replace(one, phase="end", at=now, ended_at=now)
    return [SLOW] if now == T0 else [one] if second == 5 * S else [over] if second == 25 * S else []


def called(minutes: int, arrives: Callable[[Page], bool]) -> list[Page]:
    """Who is called while a cover comes and goes, each second a transaction of its own."""
    at, sent = Desk(SITE), list[Page]()
    for now in range(T0, T0 + minutes * MINUTE, S):
        due = [Tick(c.alert.id) for c in at.cases.values() if c.memory.due_at is not None and c.memory.due_at <= now]
        desk(*noise(now), *due, now=now, start=at)
        sent += at.pages
        became = {p: "delivered" if arrives(p) else "cancelled" for p in at.pages}
        got = [Receipt(p.id, p.alert, state, p.channel, p.person, now, now) for p, state in became.items()]
        at = Desk(SITE, cases=at.cases, of_patient=at.of_patient, owner=at.owner, seen=at.seen)
        desk(*got, now=now, start=at)
    return sent


def test_what_a_cover_that_comes_and_goes_releases_is_paged_no_oftener_than_what_flaps() -> None:
    pages = Counter(page.alert for page in called(10, lambda _: True))
    assert pages[SLOW.id] <= 1 + 10 * MINUTE // FLAP_HOLD_MS["high"]


def test_what_was_paged_but_reached_nobody_is_paged_once_its_cover_is_gone() -> None:
    pages = called(1, lambda page: page.alert != SLOW.id)
    assert [page.created_at - T0 for page in pages if page.alert == SLOW.id] == [0, 25 * S]


MILD, WORSE = msgspec.structs.replace(SLOW, priority="medium"), msgspec.structs.replace(SLOW, phase="update", at=T0 + 2)
REACHED = Receipt("page", MILD.id, "delivered", "webhook", "", T0, T0 + S)


@pytest.mark.parametrize("told", [(REACHED, NOISE, WORSE), (NOISE, WORSE, REACHED)], ids=["known before", "known after"])
def test_what_became_high_under_its_cover_is_paged_at_once_whoever_was_reached_before(told: tuple[Receipt | Finding, ...]) -> None:
    mild = MILD
    at = desk(mild, now=T0)
    desk(*told, now=T0 + S, start=at)
    at.pages = []
    desk(msgspec.structs.replace(NOISE, phase="end", at=T0 + 3), now=T0 + 2 * S, start=at)
    assert [page.alert for page in at.pages] == [mild.id]


@pytest.mark.parametrize(("wait_ms", "until"), [(30 * S, 30 * S), (HOUR, FLAP_HOLD_MS["high"]), (None, FLAP_HOLD_MS["high"])])
def test_what_its_cover_releases_waits_no_longer_than_the_ladder_would(wait_ms: int | None, until: int) -> None:
    case = only(desk(SLOW, now=T0))
    case = msgspec.structs.replace(case, memory=msgspec.structs.replace(case.memory, reached_at=T0))
    scenes = [Scene([], T0 + until - early, released=True, wait_ms=wait_ms) for early in (1, 0)]
    assert [flap(case, scene).until for scene in scenes] == [T0 + until, None]


def test_a_new_high_breaks_through_a_pause_and_a_milder_one_does_not() -> None:
    pause = Pause("c1", "p1", None, T0 + HOUR, "line change")
    mild, new = finding(priority="medium"), finding(subject="spo2")
    at = Desk(SITE, pauses=(pause,))
    take(at, mild, T0)
    take(at, new, T0)
    assert (at.cases[mild.id].alert.state, at.cases[new.id].alert.state, len(at.pages)) == ("suppressed", "active", 1)


def test_what_a_pause_suppressed_is_active_when_it_ends() -> None:
    at = Desk(SITE, pauses=(Pause("c1", None, "north", T0 + HOUR, "test of the lines"),))
    take(at, finding(priority="medium"), T0)
    desk(Tick(finding().id), now=T0 + HOUR, start=at)
    assert (at.cases[finding().id].alert.state, len(at.pages)) == ("active", 1)


def test_low_priority_waits_for_the_morning_and_comes_as_one_page() -> None:
    at = Desk(SITE)
    for n in range(5):
        take(at, finding(patient=f"p{n}", priority="low", start=NIGHT), NIGHT)
    assert at.pages == []
    later(at, NIGHT + 8 * HOUR - S, NIGHT + 8 * HOUR + S)
    assert [(page.count, page.created_at) for page in at.pages] == [(5, NIGHT + 8 * HOUR)]


def test_what_another_worker_pages_for_the_ward_speaks_for_this_ones_too() -> None:
    at = desk(finding(priority="low", start=NIGHT), now=NIGHT)
    at.bundles[("north", "low")] = "another's"
    later_ = desk(Tick(finding(start=NIGHT).id), now=NIGHT + 8 * HOUR, start=at)
    assert (later_.pages, later_.joined, only(later_).memory.joined) == ([], Counter({"another's": 1}), "another's")


def test_quiet_hours_are_the_wards_own() -> None:
    ends = [quiet_until(zone, NIGHT) for zone in ("UTC", "America/New_York", "Nowhere/X")]
    assert ends == [NIGHT + 8 * HOUR, None, None]


def test_high_and_medium_know_no_quiet_hours() -> None:
    assert len(desk(finding(priority="medium", start=NIGHT), now=NIGHT).pages) == 1


def test_two_alerts_of_one_cause_never_keep_each_other_from_being_escalated() -> None:
    at = desk(finding(), now=T0)
    take(at, finding(subject="spo2", start=T0 + 11 * MINUTE), T0 + 11 * MINUTE)
    later(at, T0 + S, T0 + 40 * MINUTE)
    assert {alert: n >= 2 for alert, n in Counter(p.alert for p in at.pages).items()} == dict.fromkeys(at.cases, True)


def test_a_flapping_alert_that_nobody_answers_still_climbs_its_ladder() -> None:
    at = Desk(SITE)
    for n in range(FLAPS + 2):
        take(at, finding(start=T0 + n * S), T0 + n * S)
    later(at, T0 + 10 * S, T0 + 10 * MINUTE)
    assert len(at.pages) >= 4


def test_acknowledging_in_a_flood_stops_what_waited() -> None:
    at = flood(30)
    held = next(c for c in at.cases.values() if c.memory.due_for == "wait")
    desk(command(held.alert.id, "acknowledge", patient=held.alert.patient), now=T0 + S, start=at)
    assert held.alert.id not in {page.alert for page in later(at, T0 + S, T0 + 5 * S).pages}


@pytest.mark.parametrize(("priority", "pages"), [("low", 0), ("medium", 1), ("high", 1)])
def test_above_the_alarm_budget_low_priority_waits_for_the_digest_at_the_full_hour(priority: Priority, pages: int) -> None:
    at = Desk(SITE, day=Counter({"p1": PATIENT_PAGES_A_DAY}))
    take(at, finding(priority=priority), T0 + MINUTE)
    assert len(at.pages) == pages
    later(at, T0 + HOUR - S, T0 + HOUR + S)
    assert {page.created_at for page in at.pages if page.kind == "waited"} == (set() if pages else {T0 + HOUR})
