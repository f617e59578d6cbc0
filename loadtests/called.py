"""What of the findings reaches a person: the alerts service's own desk over findings, for benchmarks.

In: findings in the order of time. Out: `Reach`: of each patient the moments at which somebody was called, and the alerts that did so,
by rule and priority. Whoever is called acknowledges at once and looks after it: what is asked again because nobody answers (that hangs
on people, not on the rules) is not counted, and time alone calls nobody.
"""

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from alerts import commands, findings
from alerts.desk import Desk
from alerts.escalation import Book, Contact
from alerts.pipeline import FLAP_MS, HOUR_MS, MINUTE_MS
from vitals.alert import Command
from vitals.finding import Finding

_BOOK = Book(site=(Contact("webhook"),))
_DAY_MS = 24 * HOUR_MS


@dataclass(frozen=True, slots=True)
class Reach:
    """calls: patient -> ms at which a page went out, ascending. alerts: (rule, priority at its first page) -> alerts that paged at all.

    pages: all pages, those for an alert that grew worse among them. raised: patient -> ms of the first page of each alert.
    """

    calls: Mapping[str, list[int]]
    alerts: Mapping[tuple[str, str], int]
    pages: int
    raised: Mapping[str, list[int]]

    @property
    def total(self) -> int:
        """Alerts that called somebody."""
        return sum(self.alerts.values())


def called(told: Iterable[Finding]) -> Reach:
    """What the desk makes of them."""
    desk, windows = Desk(_BOOK), _Windows()
    calls: dict[str, list[int]] = defaultdict(list)
    raised: dict[str, list[int]] = defaultdict(list)
    alerts: Counter[tuple[str, str]] = Counter()
    before: set[str] = set()
    pages = 0
    for finding in told:
        windows.onto(desk, finding)
        findings.take(desk, finding, finding.at)
        for page in desk.pages:
            case = desk.cases[page.alert]
            windows.paged(page.ward, finding)
            calls[finding.patient].append(finding.at)
            pages += 1
            if page.alert not in before:
                before.add(page.alert)
                raised[finding.patient].append(finding.at)
                alerts[case.alert.rule, page.priority] += 1
            _answer(desk, page.alert, finding)
        desk.pages, desk.changes, desk.answers = [], [], []
        desk.adopted.clear()
        _forget(desk, finding.patient)
    return Reach(calls, alerts, pages, raised)


def _answer(desk: Desk, alert: str, finding: Finding) -> None:
    order = Command(
        id=f"{alert}:{finding.at}", alert=alert, patient=finding.patient, action="acknowledge", actor="nurse", role="nurse", at=finding.at
    )
    commands.take(desk, order, finding.at)


def _forget(desk: Desk, patient: str) -> None:
    """Closed alerts are not the desk's concern, as they are not the database's."""
    for alert in [a for a in desk.of_patient.get(patient, ()) if desk.cases[a].alert.state == "closed"]:
        del desk.of_patient[patient][alert]


class _Windows:
    """The desk's counts of what was lately, as the service reads them from its tables."""

    def __init__(self) -> None:
        self._pages: deque[tuple[int, str, str]] = deque()
        self._starts: deque[tuple[int, tuple[str, str, str]]] = deque()

    def onto(self, desk: Desk, finding: Finding) -> None:
        """Sets the desk's counts as of this finding."""
        now = finding.at
        while self._pages and self._pages[0][0] < now - _DAY_MS:
            self._pages.popleft()
        while self._starts and self._starts[0][0] < now - FLAP_MS:
            self._starts.popleft()
        desk.starts = Counter(key for _, key in self._starts)
        desk.paged = Counter(ward for at, ward, _ in self._pages if at > now - MINUTE_MS)
        desk.hour = Counter(ward for at, ward, _ in self._pages if at > now - HOUR_MS)
        desk.day = Counter(patient for _, _, patient in self._pages)
        if finding.phase == "start":
            self._starts.append((now, (finding.patient, finding.rule, finding.subject)))

    def paged(self, ward: str, finding: Finding) -> None:
        """Notes a page."""
        self._pages.append((finding.at, ward, finding.patient))
