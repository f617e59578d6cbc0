"""`./vigil bench alarms`: how many alerts, and what they find: naive limits against this system, on the same readings.

Recorded: the MIMIC-III demo with the limits that its nurses had charted; naive = every crossing of a charted limit. Simulated: a ward of
24 for seven days with scripted deteriorations and artefacts; naive = every crossing of the rules' own first limits, at once.
Vigil's are the alerts that call somebody: the findings of the rules that ship, through the alerts service's own desk (`called`); beside
them the conditions that the rules found, before anything was grouped. Technical ones are counted apart. A death counts as found with an
alert (naively a crossing) raised in its last 24 hours. Out: figures, and a picture, `alarms.svg` in VIGIL_BENCH_DIR (default artifacts).
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from loadtests.alarm_limits import T0, Chart, chart
from loadtests.alarm_picture import Row, svg
from loadtests.bench import Parts
from loadtests.called import Reach, called
from loadtests.charted import DATA, MINUTE_MS
from loadtests.figure import Figure
from loadtests.simulated_days import Script, names, scripted, ward
from streams.detect.rehearsal import minutes, rehearse, summed
from streams.detect.rules import bounds
from vitals.batch import Batch
from vitals.context import PatientContext
from vitals.finding import Finding
from vitals.registry import V, index
from vitals.rules import RuleSet, default

NAME = "alarms"
DAY_MIN = 1440
PATIENTS, DAYS, SEED = 24, 7, 11


def run(parts: Parts) -> Iterable[Figure]:
    """The recorded patients, where they lie beside the checkout; then the simulated ward; last the picture."""
    rows: list[Row] = []
    if (DATA / "mimic3_demo").exists():
        yield from _recorded(chart(), rows)
    else:
        yield Figure("alarms, MIMIC demo: no ../shared/data beside the checkout", 0, "patients")
    yield from _simulated(rows)
    folder = Path(parts.environ.get("VIGIL_BENCH_DIR", "artifacts"))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "alarms.svg").write_text(svg(rows))


def _recorded(c: Chart, rows: list[Row]) -> Iterator[Figure]:
    naive = sum(len(m) for m in c.naive.values()) / c.days
    deaths = _found(c.death, c.naive)
    rows.append(Row("MIMIC demo", "every crossing of a charted limit", "naive", naive, deaths, len(c.death)))
    yield Figure("alarms, MIMIC demo, naive, every value beyond a charted limit", c.beyond / c.days, "alerts/patient-day")
    yield Figure("alarms, MIMIC demo, naive, every crossing of a charted limit", naive, "alerts/patient-day")
    yield Figure("alarms, MIMIC demo, naive, deaths found", deaths, f"of {len(c.death)}")
    batches = list(minutes(c.samples, 15 * MINUTE_MS))
    timed: list[tuple[int, Batch | PatientContext]] = [*c.contexts, *((int(b.observed_at[-1]), b) for b in batches)]
    charted = [each for _, each in sorted(timed, key=lambda pair: pair[0])]
    yield from _told("the charted limits", c, naive, rehearse(charted, default()), rows)
    yield from _told("own limits", c, naive, rehearse(batches, default()), rows)


def _told(name: str, c: Chart, naive: float, told: Iterable[Finding], rows: list[Row]) -> Iterator[Figure]:
    body = _body(told)
    every, high = called(body), called([f for f in body if f.priority == "high"])
    title = f"alarms, MIMIC demo, Vigil, {name}"
    deaths = _found(c.death, _minutes(every))
    yield Figure(f"{title}, conditions", summed(body, c.days).total, "conditions/patient-day")
    yield from _reached(title, every, c.days)
    yield Figure(f"{title}, fewer than naive", 100 * (1 - every.total / c.days / naive), "%")
    yield Figure(f"{title}, pages, fewer than naive", 100 * (1 - every.pages / c.days / naive), "%")
    yield Figure(f"{title}, deaths found", deaths, f"of {len(c.death)}")
    yield from _by_stay(title, c, every)
    yield Figure(f"{title}, high alone", high.total / c.days, "alerts/patient-day")
    yield Figure(f"{title}, high alone, fewer than naive", 100 * (1 - high.total / c.days / naive), "%")
    yield Figure(f"{title}, high alone, deaths found", _found(c.death, _minutes(high)), f"of {len(c.death)}")
    rows.append(Row("MIMIC demo", f"Vigil, {name}", "vigil", every.total / c.days, deaths, len(c.death)))
    rows.append(Row("MIMIC demo", "  of these high", "vigil", high.total / c.days, _found(c.death, _minutes(high)), len(c.death)))


def _by_stay(title: str, c: Chart, every: Reach) -> Iterator[Figure]:
    """Which deaths only one of both finds; and each half of the stays (every other one, by number) by itself."""
    mine, theirs = _stays_found(c.death, _minutes(every)), _stays_found(c.death, c.naive)
    for name, stays in (("naive limits alone", theirs - mine), ("Vigil alone", mine - theirs)):
        yield Figure(f"{title}, deaths found by {name} ({' '.join(sorted(stays)) or 'none'})", len(stays), f"of {len(c.death)}")
    for half in (0, 1):
        stays = set(sorted(c.naive)[half::2])
        naive, ours = (sum(len(x) for stay, x in each.items() if stay in stays) for each in (c.naive, every.raised))
        yield Figure(f"{title}, half {half + 1} of the stays, fewer than naive", 100 * (1 - ours / naive), "%")


def _reached(title: str, reach: Reach, days: float) -> Iterator[Figure]:
    yield Figure(f"{title}, alerts that call somebody", reach.total / days, "alerts/patient-day")
    for (rule, priority), times in sorted(reach.alerts.items()):
        yield Figure(f"{title}, {rule} {priority}", times / days, "alerts/patient-day")
    yield Figure(f"{title}, pages (an alert that grew worse pages again)", reach.pages / days, "pages/patient-day")


def _body(told: Iterable[Finding]) -> list[Finding]:
    """The findings of the body, not of the technique, in the order of time."""
    return sorted((f for f in told if f.alert_class == "physiological"), key=lambda f: f.at)


def _minutes(reach: Reach) -> dict[str, list[int]]:
    return {patient: [(at - T0) // MINUTE_MS for at in times] for patient, times in reach.calls.items()}


def _found(deaths: Mapping[str, int], alerts: Mapping[str, Sequence[int]]) -> int:
    """Deaths with an alert in their last 24 hours."""
    return len(_stays_found(deaths, alerts))


def _stays_found(deaths: Mapping[str, int], alerts: Mapping[str, Sequence[int]]) -> set[str]:
    return {stay for stay, death in deaths.items() if any(death - DAY_MIN <= m <= death for m in alerts.get(stay, ()))}


def _simulated(rows: list[Row]) -> Iterator[Figure]:
    scripts = scripted(PATIENTS, DAYS, SEED)
    naive = _Naive(default())
    began = time.process_time()
    findings = list(rehearse(naive.watching(ward(PATIENTS, DAYS, scripts, SEED)), default()))
    spent = time.process_time() - began
    reach, days = called(_body(findings)), float(PATIENTS * DAYS)
    high = called([f for f in _body(findings) if f.priority == "high"]).calls
    own = {s.patient: reach.calls.get(names(PATIENTS)[s.patient], []) for s in scripts}
    leads = [lead for s in scripts if (lead := _lead_s(s, own[s.patient], naive.alerts[s.patient])) is not None]
    before, after = sum(len(x) for x in naive.alerts.values()) / days, reach.total / days
    yield Figure("alarms, simulated ward, naive", before, "alerts/patient-day")
    yield Figure("alarms, simulated ward, Vigil, conditions", summed(_body(findings), days).total, "conditions/patient-day")
    yield from _reached("alarms, simulated ward, Vigil", reach, days)
    yield Figure("alarms, simulated ward, fewer", 100 * (1 - after / before), "%")
    technical = summed([f for f in findings if f.alert_class == "technical"], days).total
    yield Figure("alarms, simulated ward, Vigil, technical", technical, "conditions/patient-day")
    quiet = {names(PATIENTS)[s.patient] for s in scripts}
    well = sum(len(calls) for patient, calls in reach.calls.items() if patient not in quiet)
    yield Figure("alarms, simulated ward, Vigil, on patients who stay well", well / days, "pages/patient-day")
    yield Figure("alarms, simulated ward, deteriorations found", len(leads), f"of {len(scripts)}")
    yield Figure("alarms, simulated ward, lead before the naive limit, median", float(np.median(leads)) / 60, "min")
    late = [x for s in scripts if (x := _lead_s(s, own[s.patient], naive.lasting[s.patient])) is not None]
    yield Figure("alarms, simulated ward, lead before a naive limit that lasts, median", float(np.median(late)) / 60, "min")
    for s in scripts:
        patient = names(PATIENTS)[s.patient]
        title = f"alarms, simulated ward, {s.story} of {patient}"
        yield from _lead(f"{title}, lead before the first naive crossing", _lead_s(s, own[s.patient], naive.alerts[s.patient]))
        yield from _lead(f"{title}, lead before the first that lasts", _lead_s(s, own[s.patient], naive.lasting[s.patient]))
        yield from _lead(
            f"{title}, lead of the first high before the first that lasts", _lead_s(s, high.get(patient, []), naive.lasting[s.patient])
        )
    yield Figure("alarms, simulated ward, folding", 2 * PATIENTS * DAYS * DAY_MIN / spent, "samples/CPU-s")
    known = sum(any(begin <= at <= end for at in naive.alerts[s.patient]) for s in scripts for begin, end in [_span(s)])
    rows.append(Row("simulated ward, 7 days", "every crossing", "naive", before, known, len(scripts)))
    rows.append(Row("simulated ward, 7 days", "Vigil", "vigil", after, len(leads), len(scripts)))


def _lead(title: str, seconds: float | None) -> Iterator[Figure]:
    """Nothing where it was not found."""
    if seconds is not None:
        yield Figure(title, seconds / 60, "min")


def _span(script: Script) -> tuple[int, int]:
    begin = T0 + script.onset_s * 1000
    return begin, begin + script.lasts_s * 1000


def _lead_s(script: Script, calls: Sequence[int], crossings: Sequence[int]) -> float | None:
    """Seconds by which the first call comes before the first naive crossing (negative: after); None: not found."""
    begin, end = _span(script)
    mine = [at for at in calls if begin <= at <= end]
    return (min((at for at in crossings if begin <= at <= end), default=end) - min(mine)) / 1000 if mine else None


class _Naive:
    """Every crossing of the rules' first limits, at once, without wait or hysteresis; lasting: the readings past the rule's own wait."""

    def __init__(self, rules: RuleSet) -> None:
        self._bounds = bounds(rules, None, 0)
        self._outside: npt.NDArray[np.bool_] = np.zeros((PATIENTS, V), dtype=np.bool_)
        self._since: npt.NDArray[np.int64] = np.zeros((PATIENTS, V), dtype=np.int64)
        self._wait = np.full(V, 1 << 60)
        for name, rule in rules.limits.items():
            self._wait[index(name)] = round(rule.wait_s[0] * 1000)
        self.alerts: dict[int, list[int]] = {p: [] for p in range(PATIENTS)}
        self.lasting: dict[int, list[int]] = {p: [] for p in range(PATIENTS)}

    def watching(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """Passes `batches` on."""
        for batch in batches:
            for half in range(0, len(batch), PATIENTS):
                self._one(batch.values[half : half + PATIENTS], int(batch.observed_at[half]))
            yield batch

    def _one(self, values: npt.NDArray[np.float64], at: int) -> None:
        there = ~np.isnan(values)
        out = (values < self._bounds[0]) | (values > self._bounds[2])
        new = there & out & ~self._outside
        self._outside = np.where(there, out, self._outside)
        self._since = np.where(new, at, self._since)
        lasts = there & out & (at - self._since >= self._wait)
        for told, which in ((self.alerts, new), (self.lasting, lasts)):
            for patient in np.nonzero(which)[0].tolist():
                told[patient].append(at)
