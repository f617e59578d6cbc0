"""Two rule sets over the same history: what changes for the people who are alerted, and what would be missed.

In: the findings of the rules in force and of the changed ones. Out: alerts a patient-day of both; each high condition of the rules in
force as an event that the changed rules find (within an hour, on the same patient) or lose; how much earlier or later.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from streams.detect.rehearsal import HOUR_MS, Summary, summed
from vitals.finding import Finding


@dataclass(frozen=True, slots=True)
class Comparison:
    """before, after: the two rule sets. found, lost: events. lead_s: median seconds by which `after` is earlier (negative: later)."""

    before: Summary
    after: Summary
    found: int
    lost: tuple[Finding, ...]
    lead_s: float


def compared(before: Sequence[Finding], after: Sequence[Finding], patient_days: float) -> Comparison:
    """Events are the starts and updates to high of `before`, of the body, not of the technique."""
    told: dict[str, list[int]] = {}
    for f in after:
        if _is_event(f):
            told.setdefault(f.patient, []).append(f.at)
    events = [f for f in before if _is_event(f)]
    nearest = [min((at - f.at for at in told.get(f.patient, ())), key=abs, default=HOUR_MS + 1) for f in events]
    lost = tuple(f for f, away in zip(events, nearest, strict=True) if abs(away) > HOUR_MS)
    leads = [-away / 1000 for away in nearest if abs(away) <= HOUR_MS]
    lead_s = float(np.median(leads)) if leads else 0.0
    return Comparison(summed(before, patient_days), summed(after, patient_days), len(leads), lost, lead_s)


def _is_event(f: Finding) -> bool:
    return f.priority == "high" and f.phase != "end" and f.alert_class == "physiological" and not f.retrospective
