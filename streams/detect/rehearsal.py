"""Detection over history: the same fold, with the readings' own time for a clock.

In: batches and patients' contexts in the order of time. Out: every finding that a rule set would have told, each reading as if it had
come in at once.
Promise: `step` and `tick` are those of the worker; nothing is approximated. Summaries are counts, so that two rule sets compare.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from streams.detect.memory import empty
from streams.detect.step import step, tick
from vitals.batch import Batch
from vitals.context import PatientContext
from vitals.finding import Finding
from vitals.registry import V
from vitals.rules import RuleSet

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
_TICK_MS = 300_000


@dataclass(frozen=True, slots=True)
class Summary:
    """What a rule set raised: starts only, what was over before it could be known left out.

    by_rule, by_hour: alerts a patient-day by (rule, priority), and by the UTC hour of the day. total: of all. patient_days: of the history.
    """

    patient_days: float
    total: float
    by_rule: Mapping[tuple[str, str], float]
    by_hour: tuple[float, ...]


def rehearse(history: Iterable[Batch | PatientContext], rules: RuleSet) -> Iterator[Finding]:
    """The findings of batches of a minute or so, and of what became known of patients between; time passes every five minutes."""
    memory = empty(rules)
    now = told = 0
    for each in history:
        if isinstance(each, PatientContext):
            memory.know(each, now)
            continue
        now = max(now, int(each.observed_at.max()))
        yield from step(memory, each, now)
        if now - told >= _TICK_MS:
            told = now
            yield from tick(memory, now)
    yield from tick(memory, now + HOUR_MS)


def batch_of(patients: Sequence[str], patient: npt.NDArray[np.int32], at: npt.NDArray[np.int64], values: npt.NDArray[np.float64]) -> Batch:
    """A batch of samples (n,) of one device a patient, as if received at once. values (n, V); at (n,) ms."""
    n = len(at)
    quality, nothing = np.full((n, V), np.nan, dtype=np.float32), np.zeros(n, dtype=np.uint32)
    return Batch(
        tuple(patients), patient, tuple(patients), patient, at // 1000, at, at, np.zeros(n, dtype=np.int32), values, quality, nothing
    )


def minutes(batch: Batch, width_ms: int = 60_000) -> Iterator[Batch]:
    """`batch`, ordered by time and cut at every `width_ms`."""
    order = np.argsort(batch.observed_at, kind="stable")
    cuts = np.flatnonzero(np.diff(batch.observed_at[order] // width_ms)) + 1
    for at in np.split(order, cuts):
        used, patient = np.unique(batch.patient[at], return_inverse=True)
        devices, device = np.unique(batch.device[at], return_inverse=True)
        names = ("seq", "observed_at", "received_at", "clock_ms", "values", "quality", "no_value")
        yield Batch(
            tuple(batch.patients[p] for p in used),
            patient.astype(np.int32),
            tuple(batch.devices[d] for d in devices),
            device.astype(np.int32),
            *(getattr(batch, name)[at] for name in names),
        )


def summed(findings: Iterable[Finding], patient_days: float) -> Summary:
    """Counts of the starts that are not retrospective."""
    starts = [f for f in findings if f.phase == "start" and not f.retrospective]
    rules = Counter((f.rule, f.priority) for f in starts)
    hours = Counter(f.at % DAY_MS // HOUR_MS for f in starts)
    days = max(patient_days, 1e-9)
    return Summary(
        patient_days,
        len(starts) / days,
        {key: times / days for key, times in sorted(rules.items())},
        tuple(hours[h] / days for h in range(24)),
    )
