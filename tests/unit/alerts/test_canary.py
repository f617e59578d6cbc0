"""The canary on a clock moved by hand: each illness is watched once, and its missing page is said once."""

from alerts import canary
from alerts.canary import ILL, Plan, Watch

PLAN = Plan(every_ms=600_000, ill_ms=180_000, limit_ms=240_000)
ILL_AT = 420_000


def story(seconds: int, pages: set[int]) -> list[tuple[int, str]]:
    """(second, what happened): pages come at those seconds; operations take every call."""
    watch, told = Watch(), list[tuple[int, str]]()
    for now in range(0, seconds * 1000, 1000):
        after = canary.watched(watch, PLAN, 0, now)
        if after.since != watch.since:
            told.append((now // 1000, "watching"))
        watch = after
        if now // 1000 in pages:
            watch = canary.paged(watch)
        if canary.overdue(watch, PLAN, now):
            told.append((now // 1000, "silent"))
            watch = Watch(watch.since, said=True)
    return told


def test_it_is_well_first_and_ill_at_the_end_of_each_turn() -> None:
    assert [canary.ill(PLAN, 0, t) for t in (0, ILL_AT - 1, ILL_AT, 599_999, 600_000)] == [False, False, True, True, False]


def test_each_illness_whose_page_comes_is_watched_once_and_nobody_is_called() -> None:
    assert story(1_800, {430, 1_035, 1_640}) == [(420, "watching"), (1_020, "watching"), (1_620, "watching")]


def test_a_page_that_does_not_come_is_said_once() -> None:
    assert story(1_300, set()) == [(420, "watching"), (660, "silent"), (1_020, "watching"), (1_260, "silent")]


def test_a_page_that_comes_late_but_in_time_is_enough() -> None:
    assert story(1_000, {659}) == [(420, "watching")]


def test_the_watch_knows_of_an_illness_before_its_device_speaks_of_it() -> None:
    told = list[str]()
    canary.turn(PLAN, 0, ILL_AT, lambda _now: told.append("watch"), lambda _sample: told.append("device"))
    assert told == ["watch", "device"]


def test_its_device_says_so() -> None:
    assert canary.sample(PLAN, 0, ILL_AT) == {"seq": ILL_AT, "observed_at": ILL_AT, "vitals": dict(ILL)}
