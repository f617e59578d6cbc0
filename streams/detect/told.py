"""What was told of one patient, held against what is known now that something came late: what is to be told besides.

In: the findings of a step, or of all steps that were taken again since a moment. Out: those that nobody was told yet, and what puts right
what was told: a condition that comes out with another begin or end goes on under the id by which it was told, with an update that says when
it was. What does not come out at all is doubted: it stays as it is for as long as something late may still show it, then it ends. What
comes out milder than it was told, or graver once it is over, stays so for as long too; then an update says how grave it was.
Promise: the alerts made of it are those of the order, with their spans and as grave; nobody is told anything twice.
Bounded: what is over is forgotten after two minutes.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace

import msgspec

from vitals.finding import TOLD_AS, Finding, Priority, finding_id

Place = tuple[int, str, str, int]
"""The place among a patient's of what showed a condition, a chunk or a sample: ms of its end, device, channel, number."""
FORGOTTEN_MS, LONGEST_MS = 120_000, 43_200_000
"""How long what is over is remembered, and what was withdrawn: so long after its begin a condition may be told at the latest."""
_RANK: dict[Priority, int] = {"low": 0, "medium": 1, "high": 2}


@dataclass(frozen=True, slots=True)
class Span:
    """What was told of one condition: that it began, under which id, and how it ended, if it did.

    place: of what showed it. over_ms: when its end was shown. updated_at: the newest `at` of its updates, by which they are told apart.
    worst: as grave as it was told. gravest: what came out otherwise than that, if it did.
    before: the same as it was told under other ids, as over, while it was on.
    """

    start: Finding
    place: Place
    end: Finding | None = None
    over_ms: int = 0
    doubted: bool = False
    updated_at: int = 0
    worst: Priority = "low"
    gravest: Finding | None = None
    before: "tuple[Span, ...]" = ()

    @property
    def told_as(self) -> Priority:
        """As how grave it was told."""
        return max(self.worst, self.start.priority, key=_RANK.__getitem__)

    def worse(self, f: Finding) -> bool:
        """Whether `f` says that it is graver than was told, while that calls anybody."""
        return self.end is None and _RANK[f.priority] > _RANK[self.told_as]

    def otherwise(self, f: Finding) -> bool:
        """Whether `f`, the gravest that is found, says that it was milder than was told; or graver, now that it is over."""
        return _RANK[f.priority] < _RANK[self.told_as] or (self.end is not None and f.priority != self.told_as)

    def judged(self, f: Finding) -> "Span":
        """Now that `f` is the gravest that is found of it."""
        return replace(self, gravest=f if self.otherwise(f) else None)

    def put_right(self, f: Finding) -> "tuple[Span, Finding]":
        """As grave as `f` says that it was, and the update that says so; of what is over it calls nobody."""
        ended_at = None if self.end is None else self.end.ended_at
        said = msgspec.structs.replace(f, ended_at=ended_at, evidence=f.evidence | {TOLD_AS: self.told_as})
        start = msgspec.structs.replace(self.start, priority=f.priority)
        span, update = replace(self, start=start, worst=f.priority, gravest=None).updated(said)
        return span, msgspec.structs.replace(update, retrospective=self.end is not None)

    def updated(self, f: Finding) -> "tuple[Span, Finding]":
        """With one update more, which `f` says."""
        at, worst = max(f.at, self.updated_at + 1), f.priority if self.worse(f) else self.worst
        update = msgspec.structs.replace(f, id=self.start.id, phase="update", at=at, retrospective=False)
        return replace(self, updated_at=at, worst=worst), update

    def withdrawn(self) -> Finding:
        """It was not so: over where it began."""
        never = over_where_it_began(self.start)
        return never if self.end is None else self.updated(never)[1]


@dataclass(slots=True)
class Told:
    """The spans told of one patient, by the id that the condition has by its begin. names: where a restart left it told under another.

    gone: id -> ms, those that were withdrawn. For whoever was told, they are over: what is to begin after all needs another.
    """

    spans: dict[str, Span] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    gone: dict[str, int] = field(default_factory=dict)

    def news(self, found: Iterable[tuple[Place, Finding]]) -> list[Finding]:
        """What of `found` is to be told."""
        return [f for place, one in found for f in (*self._after_all(place, one), *self._one(place, one))]

    def again(self, found: Sequence[tuple[Place, Finding]], since: Place, on: Set[str] = frozenset()) -> list[Finding]:
        """What is to be told now that all from `since` on was judged again, as `found`. on: ids, by their begins, of what was on before."""
        known = on | {f.id for _, f in found if f.phase == "start"}
        for i, span in self.spans.items():
            if span.doubted or span.place >= since:
                self.spans[i] = replace(span, doubted=i not in known)
        news = self._renamed(found) + self.news((place, f) for place, f in found if not self._was_told(f))
        self._judge(found)
        return news

    def doubt(self, on: Set[str]) -> None:
        """What was told as on and is not: `on` are the ids of what is, by their begins."""
        for i, span in self.spans.items():
            if span.end is None:
                self.spans[i] = replace(span, doubted=i not in on)

    def settled(self, until: int, newest: int, on: Set[str]) -> list[Finding]:
        """What was told by what was said up to `until` (ms), so that nothing late can change it, and is not so. on: ids of what is on.

        What is doubted ends at its begin. What was told as over and is on begins once more. What was over long before `newest` is dropped.
        """
        sure = [i for i, span in self.spans.items() if span.doubted and span.place[0] <= until]
        withdrawn = [f for i in sure for f in self._withdrawn(self.spans.pop(i), newest)]
        reopened = self.reopened(until, on) + self._put_right(until)
        for i in [i for i, span in self.spans.items() if _over(span, newest - FORGOTTEN_MS)]:
            del self.spans[i]
        self.gone = {i: at for i, at in self.gone.items() if at >= newest - LONGEST_MS}
        return withdrawn + reopened

    def _withdrawn(self, span: Span, newest: int) -> list[Finding]:
        every = (span, *span.before)
        self.gone |= {each.start.id: newest for each in every}
        return [each.withdrawn() for each in every]

    def doubted(self) -> list[Finding]:
        """What is on for those who were told, though nothing shows it now."""
        return [span.start for span in self.spans.values() if span.doubted and span.end is None]

    @property
    def lasting(self) -> bool:
        """Whether a restart must know anything of it."""
        return bool(self.names) or any(span.doubted or span.start.id != i for i, span in self.spans.items())

    def renamed(self) -> dict[str, str]:
        """By the id that a condition has by its begin, the one by which it was told, where that is another: what a restart must know."""
        open_ones = {i: span.start.id for i, span in self.spans.items() if span.end is None and span.start.id != i}
        return self.names | open_ones

    def name(self, known: str) -> str:
        """The id under which the condition was told."""
        span = self.spans.get(known)
        return self.names.get(known, known) if span is None else span.start.id

    def as_before(self, f: Finding) -> Finding:
        """Under the id by which it was told before a restart."""
        name = self.names.pop(f.id, f.id) if f.phase == "end" else self.names.get(f.id, f.id)
        return msgspec.structs.replace(f, id=name)

    def _after_all(self, place: Place, f: Finding) -> list[Finding]:
        """What was doubted, and now is seen to have begun before it was told: nobody is called once more. What begins later is another."""
        sooner = any(f.started_at <= span.start.started_at <= f.at for span in self.spans.values() if span.doubted)
        return self._renamed([(place, f)]) if sooner and not f.retrospective else []

    def _judge(self, found: Iterable[tuple[Place, Finding]]) -> None:
        """Notes of what comes out, from its begin on, whether it is as grave as it was told."""
        gravest = dict[str, Finding]()
        for _, f in found:
            if f.phase == "start" or (f.phase == "update" and f.id in gravest and _RANK[f.priority] > _RANK[gravest[f.id].priority]):
                gravest[f.id] = f
        for i, f in gravest.items():
            if i in self.spans:
                self.spans[i] = self.spans[i].judged(f)

    def _put_right(self, until: int) -> list[Finding]:
        """As how grave that was, which nothing late can change any more."""
        updates = list[Finding]()
        for i, span in self.spans.items():
            if span.gravest is not None and not span.doubted and max(span.place[0], span.gravest.detected_at) <= until:
                self.spans[i], update = span.put_right(span.gravest)
                updates.append(update)
        return updates

    def _one(self, place: Place, f: Finding) -> list[Finding]:
        known = self.spans.get(f.id)
        if f.phase == "start" and known is not None:
            self.spans[f.id] = replace(known, place=place, doubted=False).judged(f)
            return self._update(f) if known.worse(f) else []
        if f.phase == "start":
            start = self._named(f)
            self.spans[f.id] = Span(start, place, start if f.retrospective else None)
            return [start]
        if known is None:
            return [self.as_before(f)]
        if f.phase == "update":
            if known.gravest is not None and _RANK[f.priority] > _RANK[known.gravest.priority]:
                self.spans[f.id] = known.judged(f)
            return self._update(f)
        end = msgspec.structs.replace(f, id=known.start.id)
        self.spans[f.id] = replace(known, end=end, over_ms=max(known.over_ms, place[0], f.detected_at))
        if known.end is None or known.end.ended_at == f.ended_at:
            return [end] if known.end is None else []
        return self._update(f)

    def _update(self, f: Finding) -> list[Finding]:
        self.spans[f.id], update = self.spans[f.id].updated(f)
        return [update]

    def _was_told(self, f: Finding) -> bool:
        """Whether it says only how grave a condition is, and that was told."""
        known = self.spans.get(f.id)
        return f.phase == "update" and known is not None and not known.worse(f)

    def _renamed(self, found: Sequence[tuple[Place, Finding]]) -> list[Finding]:
        """What was told with another begin goes on under the id by which it was told; an update says when it began."""
        ends, updates = {f.id: f for _, f in found if f.phase == "end"}, list[Finding]()
        for place, f in found:
            old = None if f.phase != "start" or f.id in self.spans else self._doubted_as(f, ends)
            if old is not None:
                span = self.spans.pop(old)
                ended_at = None if span.end is None else span.end.ended_at
                start = msgspec.structs.replace(f, id=span.start.id)
                renamed = replace(span, start=start, worst=span.told_as, place=place, doubted=False, before=()).judged(f)
                self.spans[f.id], update = renamed.updated(msgspec.structs.replace(f, ended_at=ended_at))
                updates += [update, *(more for each in span.before for more in self._withdrawn(each, f.received_at))]
        return updates

    def reopened(self, until: int, on: Set[str]) -> list[Finding]:
        """What was told as over, by what was said up to `until`, and is on: under ids of their own, for those are over for who heard."""
        wrong = [(i, span, span.end.at) for i, span in self.spans.items() if i in on and span.end is not None and span.end.at <= until]
        for i, span, at in wrong:
            self.spans[i] = Span(_under_another(span.start, at), span.place, before=(*span.before, replace(span, before=())))
        return [self.spans[i].start for i, _, _ in wrong]

    def _named(self, f: Finding) -> Finding:
        """Under its own id, but where another goes by that."""
        taken = f.id in self.gone or any(span.start.id == f.id for span in self.spans.values())
        return _under_another(f, f.received_at) if taken else f

    def _doubted_as(self, start: Finding, ends: Mapping[str, Finding]) -> str | None:
        """The condition that was told and is the same, at the same time, with another begin: the nearest. Not one that was told as over of
        what is on: that has to be told."""
        end = start if start.retrospective else ends.get(start.id)
        alike = [
            i
            for i, span in self.spans.items()
            if span.doubted
            and _about(span.start) == _about(start)
            and (span.end is None or (end is not None and start.started_at <= (span.end.ended_at or 0)))
            and (end is None or span.start.started_at <= (end.ended_at or 0))
        ]
        return min(alike, key=lambda i: abs(self.spans[i].start.started_at - start.started_at), default=None)


def _over(span: Span, before: int) -> bool:
    return span.end is not None and not span.doubted and span.gravest is None and max(span.end.at, span.over_ms) < before


def over_where_it_began(start: Finding) -> Finding:
    """The end of what was told and was not so."""
    return msgspec.structs.replace(start, phase="end", ended_at=start.started_at, retrospective=False)


def _about(f: Finding) -> tuple[str, str, object]:
    return f.rule, f.subject, f.evidence.get("device")


def _under_another(f: Finding, by: int) -> Finding:
    """The same under an id of its own."""
    return msgspec.structs.replace(f, id=finding_id(f.patient, f.rule, f"{f.subject}\0{by}", f.started_at))
