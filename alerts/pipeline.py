"""What stands between an alert that became active and a page: a literal list of stages, each returning its reason.

In: the candidate and the scene (what else is open for the patient, pauses, how much the ward was paged lately, the time).
Out: the verdict of the first stage that does not let it pass, and every stage's reason, which the timeline shows.
Promise: nothing is lost here: what is held or joined has a time at which it is looked at again; what is suppressed is released
when its cover is gone. A new high passes every pause and all quiet hours, and waits for a throttle at most a second.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from alerts.case import Case
from alerts.lifecycle import RANK
from alerts.same import same_as
from vitals.finding import Priority
from vitals.rota import instant

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
GROUP_MS = 10 * MINUTE_MS
# A condition of a patient whom nobody monitors (looked at less often than every `SPOT_S`, or only once so far) moves in hours: a high that
# was paged speaks for the patient's next highs for a shift (the longest pause that NEWS2 allows between observations, RCP 2017), and for
# what is milder while it is open.
SPOT_S = 120.0
SHIFT_MS = 12 * HOUR_MS
FLAP_MS = 15 * MINUTE_MS
FLAPS = 4
QUIET_FROM, QUIET_TO = 22, 7
# The three tables are this project's choice (unchecked).
# Pages a ward may get a minute; what is more waits for the next full `HOLD_MS` and comes as one page.
WARD_PAGES_A_MINUTE: Mapping[Priority, int] = {"high": 10, "medium": 6, "low": 3}
HOLD_MS: Mapping[Priority, int] = {"high": 1_000, "medium": MINUTE_MS, "low": MINUTE_MS}
# What a patient may be paged for in a day, and a ward in an hour, before low priority becomes a digest at the full hour.
PATIENT_PAGES_A_DAY = 20
WARD_PAGES_AN_HOUR = 30
# How long a condition that comes and goes is not paged again.
FLAP_HOLD_MS: Mapping[Priority, int] = {"high": 2 * MINUTE_MS, "medium": 10 * MINUTE_MS, "low": 30 * MINUTE_MS}

# A rule -> the rules that its alert covers for the same patient.
COVERS: Mapping[str, tuple[str, ...]] = {
    "sepsis": ("limits", "baseline", "news2", "news2-single"),
    "news2": ("baseline", "news2-single", "combination"),
    "news2-single": ("baseline",),
    "ecg_asystole": ("ecg_bradycardia", "ecg_fibrillation", "ecg_poor_signal"),
    "silence": ("signal", "battery", "ecg_poor_signal"),
    "gateway": ("silence", "signal", "battery", "ecg_poor_signal"),
}

# What is asked again, not news: neither grouped with others' pages nor held as flapping.
ASKED_AGAIN = frozenset({"unanswered", "joined_page", "waited", "escalated", "step_overdue"})
Go = Literal["pass", "merge", "join", "suppress", "hold", "page"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a stage says. `by`: the alert or pause it is because of. `until`: ms, when to look again."""

    go: Go
    reason: str
    by: str | None = None
    until: int | None = None


@dataclass(frozen=True, slots=True)
class Pause:
    """A procedure or maintenance: no pages for this patient (or ward) until `until` (ms), but for high ones."""

    id: str
    patient: str | None
    ward: str | None
    until: int
    reason: str


@dataclass(frozen=True, slots=True)
class Scene:
    """What the stages may look at.

    Attributes:
        others: the patient's open cases but the candidate.
        paged: the ward's pages of the last minute. hour: of the last hour. day: the patient's of the last day.
        starts: how often this condition began in the last `FLAP_MS`.
        spoken: the alert that was paged lately for the same cause of several patients (a gateway's loss).
        fresh: the condition just began (again); else it is asked again about it (unanswered, escalated, waited).
        released: what covered or paused the candidate is gone.
        waited: the candidate was held before; it is paged now, with the others that waited: `bundle` is the one that speaks for them.
        quiet_until: the end of the ward's quiet hours, where it is in them.
        wait_ms: how long the step that would be called has before the next is; None: nobody else is.
    """

    others: Sequence[Case]
    now: int
    pauses: Sequence[Pause] = ()
    paged: int = 0
    hour: int = 0
    day: int = 0
    starts: int = 0
    spoken: str | None = None
    fresh: bool = True
    released: bool = False
    waited: bool = False
    bundle: str | None = None
    quiet_until: int | None = None
    wait_ms: int | None = None
    reachable: str = ""


Stage = Callable[[Case, Scene], Verdict]


def deduplicate(case: Case, scene: Scene) -> Verdict:
    """The same condition of the same patient is already open."""
    same = next(iter(same_as(case, scene.others)), None)
    return Verdict("pass", "new condition") if same is None else Verdict("merge", f"already open as {same.alert.id}", same.alert.id)


def inhibit(case: Case, scene: Scene) -> Verdict:
    """An open alert of the patient covers this one and is no milder."""
    cover = next((o for o in scene.others if covers(o, case)), None)
    return Verdict("pass", "not covered") if cover is None else Verdict("suppress", f"covered by {cover.alert.rule}", cover.alert.id)


def group(case: Case, scene: Scene) -> Verdict:
    """One patient, one cause, one page: somebody was just called for the same cause, for something no milder that stays open."""
    if not scene.fresh:
        return Verdict("pass", "nobody answered for its cause")
    spoken = next((o for o in scene.others if _speaks_for(o, case, scene.now)), None)
    if scene.spoken is not None:
        return Verdict("join", f"same cause as {scene.spoken}: {case.memory.cause}", scene.spoken, scene.now + GROUP_MS)
    if spoken is None:
        return Verdict("pass", "first of its cause")
    again = scene.now + (SHIFT_MS if _by_spot_checks(case) else GROUP_MS)
    return Verdict("join", f"same cause as {spoken.alert.rule}, paged already", spoken.alert.id, again)


def shelve(case: Case, scene: Scene) -> Verdict:
    """A pause of the patient or ward; a high breaks through."""
    alert = case.alert
    pause = next((p for p in scene.pauses if p.until > scene.now and (p.patient == alert.patient or p.ward == alert.ward)), None)
    if pause is None:
        return Verdict("pass", "no pause")
    if alert.priority == "high":
        return Verdict("pass", "high breaks through the pause")
    return Verdict("suppress", f"pause: {pause.reason}", f"pause:{pause.id}", pause.until)


def flap(case: Case, scene: Scene) -> Verdict:
    """The condition comes and goes, or its cover does: it was paged (to somebody whom it reached), and is not again so soon."""
    hold, reached = FLAP_HOLD_MS[case.alert.priority], case.memory.reached_at
    patience = hold if scene.wait_ms is None else min(hold, scene.wait_ms)  # never longer than the ladder would have waited
    if scene.released and reached is not None and scene.now < reached + patience:
        return Verdict("hold", "released, and somebody was called just before", None, reached + patience)
    lately = case.memory.paged_at is not None or scene.starts > FLAPS
    if not scene.fresh or scene.starts < FLAPS or not lately:
        return Verdict("pass", "not flapping")
    return Verdict("hold", f"flapping: began {scene.starts} times in 15 min", None, scene.now + hold)


def quiet(case: Case, scene: Scene) -> Verdict:
    """Low priority waits for the end of the ward's quiet hours."""
    if scene.quiet_until is None or case.alert.priority != "low":
        return Verdict("pass", "no quiet hours")
    return Verdict("hold", "quiet hours", None, scene.quiet_until)


def budget(case: Case, scene: Scene) -> Verdict:
    """Above the alarm budget of the patient's day or the ward's hour low priority becomes a digest at the full hour."""
    spent = scene.day >= PATIENT_PAGES_A_DAY or scene.hour >= WARD_PAGES_AN_HOUR
    if not spent or case.alert.priority != "low" or scene.waited:
        return Verdict("pass", "within the alarm budget" if not spent else "above the alarm budget, but not to be put off")
    return Verdict("hold", f"alarm budget spent: {scene.day} a day, {scene.hour} an hour", None, (scene.now // HOUR_MS + 1) * HOUR_MS)


def throttle(case: Case, scene: Scene) -> Verdict:
    """The ward has had enough pages this minute: what is more waits for a moment and comes as one."""
    if scene.waited and scene.bundle is not None:
        return Verdict("join", f"in one page with {scene.bundle}", scene.bundle, scene.now + GROUP_MS)
    if scene.waited:
        return Verdict("pass", "waited; speaks for those that waited too")
    if scene.paged < WARD_PAGES_A_MINUTE[case.alert.priority]:
        return Verdict("pass", "within the ward's budget")
    pause = HOLD_MS[case.alert.priority]
    return Verdict("hold", f"{scene.paged} pages in the ward this minute", None, (scene.now // pause + 1) * pause)


def route(case: Case, scene: Scene) -> Verdict:  # noqa: ARG001  every stage has the same form
    """Page, by the ladder that the escalation names."""
    return Verdict("page", scene.reachable)


STAGES: tuple[tuple[str, Stage], ...] = (
    ("deduplicate", deduplicate),
    ("inhibit", inhibit),
    ("group", group),
    ("shelve", shelve),
    ("flap", flap),
    ("quiet", quiet),
    ("budget", budget),
    ("throttle", throttle),
    ("route", route),
)


def run(case: Case, scene: Scene) -> tuple[Verdict, list[list[str]]]:
    """The deciding verdict, and [stage, reason] of every stage that was asked."""
    said: list[list[str]] = []
    for name, stage in STAGES:
        verdict = stage(case, scene)
        said.append([name, verdict.reason])
        if verdict.go != "pass":
            break
    return verdict, said


def covers(cover: Case, case: Case) -> bool:
    """Whether an open alert covers another of its patient: named by the table, no milder, not itself covered or shelved."""
    over, under = cover.alert, case.alert
    awake = over.state in ("active", "acknowledged") and over.id != under.id
    return under.rule in COVERS.get(over.rule, ()) and awake and RANK[over.priority] >= RANK[under.priority]


def _speaks_for(other: Case, case: Case, now: int) -> bool:
    same = other.memory.cause == case.memory.cause and other.alert.id != case.alert.id
    paged_at = other.memory.paged_at
    if other.alert.state == "active" and covers(case, other):  # then it is suppressed at once, and its page withdrawn
        return False
    if not same or paged_at is None or RANK[other.alert.priority] < RANK[case.alert.priority]:
        return False
    high, lately = case.alert.priority == "high", now - paged_at < GROUP_MS
    if other.alert.state == "acknowledged" and not _by_spot_checks(case):
        return lately and not high  # whoever answered just now sees it beside what they were called for
    if other.alert.state in ("active", "acknowledged") and _by_spot_checks(case):
        return not high or now - paged_at < SHIFT_MS
    return other.alert.state == "active" and lately


def _by_spot_checks(case: Case) -> bool:
    every_s = case.alert.evidence.get("every_s", 0.0)
    return case.alert.alert_class == "physiological" and (every_s is None or every_s >= SPOT_S)


def quiet_until(zone: str, now: int) -> int | None:
    """The end (ms) of the quiet hours, 22 to 7 local time, where it is in them. An unknown zone has none."""
    try:
        local = datetime.fromtimestamp(now / 1000, UTC).astimezone(ZoneInfo(zone))
    except (KeyError, ValueError):
        return None
    if QUIET_TO <= local.hour < QUIET_FROM:
        return None
    day = local.date() + timedelta(days=1 if local.hour >= QUIET_FROM else 0)
    return instant(day, time(QUIET_TO), ZoneInfo(zone))
