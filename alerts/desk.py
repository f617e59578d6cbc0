"""The desk: where what comes in meets the patient's open alerts. It gathers what is to be written; it writes nothing.

In: the cases of the patients concerned as the database has them, the escalation book, and then findings, commands, receipts and
ticks through `alerts.findings`, `alerts.commands`, `alerts.clockwork`. Out: changes (in order), pages, answers, counts.
Promise: deterministic; what was taken once (same cause) is not taken again; every change is of a case at its newest version.
"""

import uuid
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from alerts.case import Case, Change, change, with_alert, with_memory
from alerts.escalation import Book, Call, Contact, call
from alerts.pipeline import ASKED_AGAIN, HOLD_MS, Pause, Scene, covers, quiet_until, run
from alerts.standing import awake, settled, timed
from vitals.alert import State
from vitals.finding import Priority

MINUTE_MS = 60_000
RETRY_MS = MINUTE_MS
PAGE_LIFE_MS = 60 * MINUTE_MS
SILENT: frozenset[State] = frozenset({"acknowledged", "shelved", "suppressed", "closed"})
# What covers nothing any more: its condition is over, or it was put away alone. One that is covered itself hands its cover on.
GONE: frozenset[State] = frozenset({"returned", "shelved", "closed"})
_NAMESPACE = uuid.UUID("0d2f6a52-6c5c-4b35-9d0c-0a6e0f7b1b66")


@dataclass(frozen=True, slots=True)
class Page:
    """One notification to one person over one channel. `id` is its idempotency key. Times ms."""

    id: str
    alert: str
    partition: int
    kind: str
    ward: str
    bed: str
    priority: Priority
    person: str
    channel: str
    address: str
    fallback: tuple[Contact, ...]
    created_at: int
    expires_at: int
    cause: str = ""
    count: int = 1


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a command."""

    command: str
    alert: str
    accepted: bool
    reason: str = ""


@dataclass(slots=True)
class Desk:
    """See the module. `owner`: finding -> alert. `seen`: causes taken before. `beds`: patient -> bed.

    `paged`, `hour`: ward -> pages of the last minute, hour. `day`: patient -> of the last day.
    `paging`: whose pages are in `pages`. `silenced`: whose waiting pages are no longer wanted.
    `starts`: (patient, rule, subject) -> how often it began lately.
    `gateways`: device -> its gateway. `spoken`: a gateway's loss -> the alert paged for it.
    `zones`: ward -> time zone. `bundles`: (ward, priority) -> the alert that speaks for those that waited, in this batch or, lately,
    in another's. `joined`: an alert whose page is written already -> for how many more it speaks.
    """

    book: Book
    cases: dict[str, Case] = field(default_factory=dict)
    of_patient: dict[str, dict[str, None]] = field(default_factory=dict)
    owner: dict[str, str] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    answered: set[str] = field(default_factory=set)
    beds: Mapping[str, str] = field(default_factory=dict)
    pauses: tuple[Pause, ...] = ()
    paged: Counter[str] = field(default_factory=Counter)
    hour: Counter[str] = field(default_factory=Counter)
    day: Counter[str] = field(default_factory=Counter)
    starts: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    gateways: Mapping[str, str] = field(default_factory=dict)
    spoken: dict[str, str] = field(default_factory=dict)
    zones: Mapping[str, str] = field(default_factory=dict)
    joined: Counter[str] = field(default_factory=Counter)
    bundles: dict[tuple[str, Priority], str] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    pages: list[Page] = field(default_factory=list)
    paging: set[str] = field(default_factory=set)
    answers: list[Answer] = field(default_factory=list)
    adopted: dict[str, str] = field(default_factory=dict)
    silenced: set[str] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)

    def of(self, patient: str) -> list[Case]:
        """The patient's cases."""
        return [self.cases[alert] for alert in self.of_patient.get(patient, ())]

    def open_of(self, patient: str) -> list[Case]:
        """The patient's cases that are not closed."""
        return [case for case in self.of(patient) if case.alert.state != "closed"]

    def keep(self, case: Case) -> None:
        """Knows this version of a case."""
        self.cases[case.alert.id] = case
        self.of_patient.setdefault(case.alert.patient, {})[case.alert.id] = None

    def adopt(self, finding: str, alert: str) -> None:
        """From now on this finding belongs to this alert."""
        self.owner[finding] = alert
        self.adopted[finding] = alert

    def put(
        self, before: Case | None, after: Case, note: Mapping[str, Any], *, kind: str, at: int, cause: str | None, actor: str | None = None
    ) -> Case:
        """Takes a case's new version; sets when time changes it next; frees what it covered once it covers nothing."""
        made = change(before, timed(before, after, at), note, kind=kind, at=at, cause=cause, actor=actor)
        self.keep(made.case)
        self.changes.append(made)
        if cause is not None:
            self.seen.add(cause)
        if made.case.alert.state in SILENT:
            self._silence(made.case.alert.id)
        if made.case.alert.state in GONE:
            self._uncover(made.case, at)
        return made.case

    def activate(
        self, before: Case | None, after: Case, *, kind: str, at: int, cause: str | None, actor: str | None = None, rung: int = 0
    ) -> Case:
        """Takes a case that became active through the pipeline: it pages, joins, waits or is suppressed, and says why."""
        plan = self._call(after, rung, at)
        verdict, stages = run(after, self._scene(after, plan, at, kind))
        if verdict.go == "page":
            after = self.page(after, plan, kind, at)
            self._speaks(after, kind)
        elif verdict.go == "join" and verdict.by is not None:
            self._spoken_for(verdict.by, after)
        note = {"reason": stages[-1][1], "stages": stages}
        case = self.put(before, settled(after, verdict), note, kind=kind, at=at, cause=cause, actor=actor)
        if case.alert.state == "active":
            self._cover(case, at)
        return case

    def page(self, case: Case, plan: Call, kind: str, at: int) -> Case:
        """Writes the pages of a call; one key for each (alert, round, rung, person, channel)."""
        memory, alert = case.memory, case.alert
        bed = self.beds.get(alert.patient, memory.bed)
        turn = memory.round + (0 if plan.rung > memory.rung else 1)
        for recipient in plan.recipients:
            first, *others = recipient.contacts
            key = "\0".join((alert.id, str(turn), str(plan.rung), recipient.person, first.channel, first.address))
            self.pages.append(
                Page(
                    str(uuid.uuid5(_NAMESPACE, key)), alert.id, memory.partition, kind, alert.ward, bed, alert.priority,
                    recipient.person, first.channel, first.address, tuple(others), at, at + PAGE_LIFE_MS,
                    shared_cause(case, kind, at),
                )
            )  # fmt: skip
        self.paging.add(alert.id)
        for spent, whose in ((self.paged, alert.ward), (self.hour, alert.ward), (self.day, alert.patient)):
            spent[whose] += len(plan.recipients)
        self.counts["page" if plan.recipients else "nobody"] += max(1, len(plan.recipients))
        wait = plan.wait_ms if plan.recipients else RETRY_MS
        due = {"due_at": None, "due_for": ""} if wait is None else {"due_at": at + wait, "due_for": "rung"}
        return with_memory(case, rung=plan.rung, round=turn, pages=memory.pages + len(plan.recipients), paged_at=at, joined=None, **due)

    def _silence(self, alert: str) -> None:
        """Its pages are no longer wanted, but for those that speak for others too; whose page is withdrawn speaks for nobody more."""
        self.silenced.add(alert)
        self.pages, before = [page for page in self.pages if page.alert != alert or page.count > 1], len(self.pages)
        if len(self.pages) < before:
            self.paging.discard(alert)
            self.spoken = {cause: one for cause, one in self.spoken.items() if one != alert}
            self.bundles = {waited: one for waited, one in self.bundles.items() if one != alert}

    def _call(self, case: Case, rung: int, at: int) -> Call:
        return call(self.book, case.alert.ward, case.alert.priority, rung, at)

    def _scene(self, case: Case, plan: Call, at: int, kind: str) -> Scene:
        alert, cause = case.alert, case.memory.cause
        spoken, bundle = self.spoken.get(cause), self.bundles.get((alert.ward, alert.priority))
        return Scene(
            others=[one for one in self.open_of(alert.patient) if one.alert.id != alert.id],
            now=at,
            pauses=self.pauses,
            paged=self.paged[alert.ward],
            hour=self.hour[alert.ward],
            day=self.day[alert.patient],
            starts=self.starts[(alert.patient, alert.rule, alert.subject)],
            spoken=None if spoken == alert.id else spoken,
            fresh=kind not in ASKED_AGAIN,
            waited=kind == "waited",
            released=kind == "released",
            bundle=None if bundle == alert.id else bundle,
            quiet_until=quiet_until(self.zones.get(alert.ward, "UTC"), at) if alert.priority == "low" else None,
            wait_ms=plan.wait_ms,
            reachable=plan.why,
        )

    def _speaks(self, case: Case, kind: str) -> None:
        if case.memory.cause.startswith("gateway:"):
            self.spoken[case.memory.cause] = case.alert.id
        if kind == "waited":
            self.bundles[(case.alert.ward, case.alert.priority)] = case.alert.id

    def _spoken_for(self, speaker: str, case: Case) -> None:
        if speaker not in self.paging and not answered(self.cases.get(speaker), case):
            self.joined[speaker] += 1
        self.pages = [replace(page, count=page.count + 1) if page.alert == speaker else page for page in self.pages]

    def _cover(self, cover: Case, at: int) -> None:
        for case in self.open_of(cover.alert.patient):
            if case.alert.state == "active" and covers(cover, case):
                after = with_memory(with_alert(case, state="suppressed"), covered_by=cover.alert.id)
                self.put(case, after, {"reason": f"covered by {cover.alert.rule}"}, kind="suppressed", at=at, cause=None)

    def _uncover(self, gone: Case, at: int) -> None:
        for case in self.open_of(gone.alert.patient):
            if case.alert.state != "suppressed" or case.memory.covered_by != gone.alert.id:
                continue
            if answered_for(gone):
                after = with_memory(with_alert(case, state="acknowledged", acknowledged_by=gone.alert.acknowledged_by), covered_by=None)
                self.put(case, after, {"reason": f"answered with {gone.alert.rule}, which covered it"}, kind="released", at=at, cause=None)
            else:
                self.activate(case, awake(case), kind="released", at=at, cause=None)


def answered(speaker: Case | None, case: Case) -> bool:
    """Whoever answered for the patient sees this one too: it needs no page that was not sent yet."""
    return speaker is not None and speaker.alert.patient == case.alert.patient and speaker.alert.state == "acknowledged"


def answered_for(gone: Case) -> bool:
    """A person answered for this condition of the body, and it is over: what it covered is milder, was seen with it, and is no news."""
    return gone.alert.alert_class == "physiological" and gone.alert.acknowledged_by is not None and gone.alert.ended_at is not None


def shared_cause(case: Case, kind: str, at: int) -> str:
    """What a page says that it is about where it speaks for other patients too: by this other workers find it. Else ""."""
    if case.memory.cause.startswith("gateway:"):
        return case.memory.cause
    return waited_cause(case, at) if kind == "waited" else ""


def waited_cause(case: Case, at: int) -> str:
    """What waited in a ward and comes at the same moment is one page, whichever worker has the patient."""
    return f"waited:{case.alert.ward}:{case.alert.priority}:{at // HOLD_MS[case.alert.priority]}"


def fold(desk: Desk, steps: Iterable[Any], now: int, take: Mapping[type, Any]) -> Desk:
    """Takes each item by its type, in order."""
    for step in steps:
        take[type(step)](desk, step, now)
    return desk
