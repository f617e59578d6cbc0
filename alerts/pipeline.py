"""What stands between an alert that became active and a page: a literal list of stages, each returning its reason.

In: the candidate and the scene (what else is open for the patient, pauses, how much the ward was paged lately, the time).
Out: the verdict of the first stage that does not let it pass, and every stage's reason, which the timeline shows.
Promise: nothing is lost here: what is held or joined has a time at which it is looked at again; what is suppressed is released
when its cover is gone. A new high passes every pause and every throttle.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from alerts.case import Case
from alerts.lifecycle import RANK
from vitals.finding import Priority

MINUTE_MS = 60_000
GROUP_MS = 10 * MINUTE_MS
HOLD_MS = MINUTE_MS
# Pages a ward may get a minute before milder ones wait and come as one. This project's choice (unchecked).
WARD_PAGES_A_MINUTE: Mapping[Priority, int | None] = {"high": None, "medium": 6, "low": 3}

# A rule -> the rules that its alert covers for the same patient.
COVERS: Mapping[str, tuple[str, ...]] = {
    "sepsis": ("limits", "baseline", "news2", "news2-single"),
    "news2": ("baseline", "news2-single"),
    "news2-single": ("baseline",),
    "ecg_asystole": ("ecg_bradycardia", "ecg_fibrillation", "ecg_poor_signal"),
    "silence": ("signal", "battery", "ecg_poor_signal"),
    "gateway": ("silence", "signal", "battery", "ecg_poor_signal"),
}

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
    """What the stages may look at. `others`: the patient's open cases but the candidate. `paged`: the ward's pages of the last minute."""

    others: Sequence[Case]
    pauses: Sequence[Pause]
    paged: int
    reachable: str
    now: int


Stage = Callable[[Case, Scene], Verdict]


def deduplicate(case: Case, scene: Scene) -> Verdict:
    """The same condition of the same patient is already open."""
    key = (case.alert.rule, case.alert.subject)
    same = next((o for o in scene.others if (o.alert.rule, o.alert.subject) == key and o.alert.id != case.alert.id), None)
    return Verdict("pass", "new condition") if same is None else Verdict("merge", f"already open as {same.alert.id}", same.alert.id)


def inhibit(case: Case, scene: Scene) -> Verdict:
    """An open alert of the patient covers this one and is no milder."""
    cover = next((o for o in scene.others if covers(o, case)), None)
    return Verdict("pass", "not covered") if cover is None else Verdict("suppress", f"covered by {cover.alert.rule}", cover.alert.id)


def group(case: Case, scene: Scene) -> Verdict:
    """One patient, one cause, one page: somebody was just called for the same cause, for something no milder."""
    spoken = next((o for o in scene.others if _speaks_for(o, case, scene.now)), None)
    if spoken is None:
        return Verdict("pass", "first of its cause")
    return Verdict("join", f"same cause as {spoken.alert.rule}, paged already", spoken.alert.id, scene.now + GROUP_MS)


def shelve(case: Case, scene: Scene) -> Verdict:
    """A pause of the patient or ward; a high breaks through."""
    alert = case.alert
    pause = next((p for p in scene.pauses if p.until > scene.now and (p.patient == alert.patient or p.ward == alert.ward)), None)
    if pause is None:
        return Verdict("pass", "no pause")
    if alert.priority == "high":
        return Verdict("pass", "high breaks through the pause")
    return Verdict("suppress", f"pause: {pause.reason}", f"pause:{pause.id}", pause.until)


def throttle(case: Case, scene: Scene) -> Verdict:
    """The ward has had enough milder pages this minute: they wait and come as one."""
    most = WARD_PAGES_A_MINUTE[case.alert.priority]
    if most is None or scene.paged < most:
        return Verdict("pass", "within the ward's budget")
    return Verdict("hold", f"{scene.paged} pages in the ward this minute", None, scene.now + HOLD_MS)


def route(case: Case, scene: Scene) -> Verdict:  # noqa: ARG001  every stage has the same form
    """Page, by the ladder that the escalation names."""
    return Verdict("page", scene.reachable)


STAGES: tuple[tuple[str, Stage], ...] = (
    ("deduplicate", deduplicate),
    ("inhibit", inhibit),
    ("group", group),
    ("shelve", shelve),
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
    same = other.memory.cause == case.memory.cause and other.alert.state == "active" and other.alert.id != case.alert.id
    lately = other.memory.paged_at is not None and now - other.memory.paged_at < GROUP_MS
    return same and lately and RANK[other.alert.priority] >= RANK[case.alert.priority]
