"""`./vigil bench alarms`: how many alerts, and what they find: naive limits against this system, on the same readings.

Recorded: the MIMIC-III demo with the limits that its nurses had charted; naive = every crossing of a charted limit. Simulated: a ward of
24 for seven days with scripted deteriorations and artefacts; naive = every crossing of the rules' own first limits, at once.
An alert is a start that would page or be shown as physiological (technical ones are counted apart). A death counts as found with a high
alert, naively any alert, in its last 24 hours. An hourly chart shows no excursion shorter than an hour: waiting cannot help there.
"""

import time
from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import numpy.typing as npt

from loadtests.alarm_limits import T0, Chart, chart
from loadtests.bench import Parts
from loadtests.charted import DATA, MINUTE_MS
from loadtests.figure import Figure
from loadtests.simulated_days import Script, names, scripted, ward
from streams.detect.rehearsal import minutes, rehearse, summed
from streams.detect.rules import bounds
from vitals.batch import Batch
from vitals.context import PatientContext
from vitals.finding import Finding
from vitals.registry import V
from vitals.rules import RuleSet, default

NAME = "alarms"
DAY_MIN = 1440
PATIENTS, DAYS, SEED = 24, 7, 11


def run(parts: Parts) -> Iterable[Figure]:
    """The recorded patients, where they lie beside the checkout; then the simulated ward."""
    _ = parts
    if (DATA / "mimic3_demo").exists():
        yield from _recorded(chart())
    yield from _simulated()


def _recorded(c: Chart) -> Iterator[Figure]:
    naive = sum(len(m) for m in c.naive.values()) / c.days
    yield Figure("alarms, MIMIC demo, naive, every value beyond a charted limit", c.beyond / c.days, "alerts/patient-day")
    yield Figure("alarms, MIMIC demo, naive, every crossing of a charted limit", naive, "alerts/patient-day")
    yield Figure("alarms, MIMIC demo, naive, deaths found", _found(c.death, c.naive), f"of {len(c.death)}")
    batches = list(minutes(c.samples, 15 * MINUTE_MS))
    timed: list[tuple[int, Batch | PatientContext]] = [*c.contexts, *((int(b.observed_at[-1]), b) for b in batches)]
    charted = [each for _, each in sorted(timed, key=lambda pair: pair[0])]
    yield from _told("the charted limits", c, naive, rehearse(charted, default()))
    yield from _told("own rules", c, naive, rehearse(batches, default()))


def _told(name: str, c: Chart, naive: float, told: Iterable[Finding]) -> Iterator[Figure]:
    findings = [f for f in told if f.alert_class == "physiological"]
    found: dict[str, list[int]] = {}
    for f in findings:
        if f.phase != "end" and f.priority == "high":
            found.setdefault(f.patient, []).append((f.at - T0) // MINUTE_MS)
    summary = summed(findings, c.days)
    yield Figure(f"alarms, MIMIC demo, Vigil, {name}, all", summary.total, "alerts/patient-day")
    for (rule, priority), times in summary.by_rule.items():
        yield Figure(f"alarms, MIMIC demo, Vigil, {name}, {rule} {priority}", times, "alerts/patient-day")
    high = sum(times for (_, priority), times in summary.by_rule.items() if priority == "high")
    yield Figure(f"alarms, MIMIC demo, Vigil, {name}, high: fewer than naive crossings", 100 * (1 - high / naive), "%")
    yield Figure(f"alarms, MIMIC demo, Vigil, {name}, deaths found (high)", _found(c.death, found), f"of {len(c.death)}")


def _found(deaths: Mapping[str, int], alerts: Mapping[str, list[int]]) -> int:
    """Deaths with an alert in their last 24 hours."""
    return sum(any(death - DAY_MIN <= m <= death for m in alerts.get(stay, ())) for stay, death in deaths.items())


def _simulated() -> Iterator[Figure]:
    scripts = scripted(PATIENTS, DAYS, SEED)
    naive = _Naive(default())
    began = time.process_time()
    findings = list(rehearse(naive.watching(ward(PATIENTS, DAYS, scripts, SEED)), default()))
    spent = time.process_time() - began
    body = [f for f in findings if f.alert_class == "physiological"]
    days = float(PATIENTS * DAYS)
    leads = [lead for s in scripts if (lead := _lead_s(s, body, naive)) is not None]
    before, after = sum(len(x) for x in naive.alerts.values()) / days, summed(body, days).total
    yield Figure("alarms, simulated ward, naive", before, "alerts/patient-day")
    yield Figure("alarms, simulated ward, Vigil", after, "alerts/patient-day")
    yield Figure("alarms, simulated ward, fewer", 100 * (1 - after / before), "%")
    for (rule, priority), times in summed(body, days).by_rule.items():
        yield Figure(f"alarms, simulated ward, Vigil, {rule} {priority}", times, "alerts/patient-day")
    technical = summed([f for f in findings if f.alert_class == "technical"], days).total
    yield Figure("alarms, simulated ward, Vigil, technical", technical, "alerts/patient-day")
    quiet = {s.patient for s in scripts}
    false = [f for f in body if f.phase == "start" and int(f.patient[4:]) not in quiet]
    yield Figure("alarms, simulated ward, Vigil, on patients who stay well", len(false) / days, "alerts/patient-day")
    yield Figure("alarms, simulated ward, deteriorations found", len(leads), f"of {len(scripts)}")
    yield Figure("alarms, simulated ward, lead before the naive limit, median", float(np.median(leads)) / 60, "min")
    yield Figure("alarms, simulated ward, folding", 2 * PATIENTS * DAYS * DAY_MIN / spent, "samples/CPU-s")


def _lead_s(script: Script, body: list[Finding], naive: "_Naive") -> float | None:
    """Seconds by which the first alert comes before the first naive crossing that stands (negative: after); None: not found."""
    begin = T0 + script.onset_s * 1000
    end = begin + script.lasts_s * 1000
    patient = names(PATIENTS)[script.patient]
    mine = [f.at for f in body if f.patient == patient and f.phase == "start" and begin <= f.at <= end]
    crossings = [at for at in naive.alerts[script.patient] if begin <= at <= end]
    return (min(crossings, default=end) - min(mine)) / 1000 if mine else None


class _Naive:
    """Every crossing of the rules' first limits, at once, without wait or hysteresis."""

    def __init__(self, rules: RuleSet) -> None:
        self._bounds = bounds(rules, None, 0)
        self._outside: npt.NDArray[np.bool_] = np.zeros((PATIENTS, V), dtype=np.bool_)
        self.alerts: dict[int, list[int]] = {p: [] for p in range(PATIENTS)}

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
        for patient in np.nonzero(new)[0].tolist():
            self.alerts[patient].append(at)
