"""Is the device on the right patient? A question to the ward when a device new to a patient says what does not fit that patient.

In: batches, as they are folded; the memory of the partition (each patient's own baseline, the last weight). Out: findings
`device.wrong_patient`, technical, subject the device: a question, which a person answers by resolving it or by correcting the assignment;
it ends by itself when the device goes to another patient. Asked when the medians of a device's first READINGS live readings are far from
the patient's own baseline in two vitals or more, or when its weight differs by WEIGHT_SHARE from the last one. Nothing is asked
of a patient whose baseline was not known before the device came. Lost with a restart: newcomers that were being looked at, and the
end of what was asked. The numbers are this project's own choice (unchecked).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from streams.detect.memory import Memory
from vitals.batch import Batch
from vitals.finding import Finding, Phase, finding_id
from vitals.registry import VITALS, V, index

type_f64 = npt.NDArray[np.float64]
type_bool = npt.NDArray[np.bool_]

RULE, RULE_VERSION, PRIORITY = "device.wrong_patient", 1, "medium"
READINGS, PATIENCE_MS = 10, 900_000
"""How many readings of a vital make its median, and how long a newcomer is looked at."""
DEVIATIONS, LEAST_VITALS, WEIGHT_SHARE = 4.0, 2, 0.1
FAR = {"hr": 20.0, "rr": 6.0, "spo2": 5.0, "temp": 0.8, "sbp": 25.0, "map": 20.0}
"""The least distance from the mean that counts, in canonical units: a steady patient's deviation alone would ask too often."""
_LOOKED_AT = np.array([index(name) for name in FAR])
_FAR = np.array(list(FAR.values()))
_WEIGHT = index("weight")


@dataclass(slots=True)
class Newcomer:
    """A device new to a patient. mean, sd: (6,) of the patient before, NaN = not known; heard: the live readings so far."""

    since: int
    mean: type_f64
    sd: type_f64
    heard: list[list[float]] = field(default_factory=lambda: [[] for _ in FAR])


def strange(mean: type_f64, sd: type_f64, heard: Sequence[Sequence[float]]) -> type_bool:
    """(6,) the vitals of FAR of which the newcomer's median is far from the patient's own; False where either is not known."""
    medians = np.array([float(np.median(h[:READINGS])) if len(h) >= READINGS else np.nan for h in heard])
    with np.errstate(invalid="ignore"):
        return np.asarray(np.abs(medians - mean) > np.maximum(DEVIATIONS * sd, _FAR), dtype=np.bool_)


def other_weight(before: float, now: float) -> bool:
    """Whether two weights in kg are not of one person; NaN = not known."""
    return abs(now - before) > WEIGHT_SHARE * before


class WrongPatient:
    """The newcomers of one partition, by slot. `before` what a batch changes, `after` it: one call each for each batch folded."""

    def __init__(self, memory: Memory) -> None:
        self._slots = len(memory.names)
        self._looked_at: dict[int, Newcomer] = {}
        self._asked: dict[int, int] = {}

    def before(self, memory: Memory, batch: Batch) -> dict[str, float]:
        """The last weights of the patients in `batch`; nothing where it weighs nobody."""
        if np.isnan(batch.values[:, _WEIGHT]).all():
            return {}
        rows = {p: memory.row_of[p] for p in batch.patients if p in memory.row_of}
        return {p: float(memory.cells.value[row * V + _WEIGHT]) for p, row in rows.items()}

    def after(self, memory: Memory, batch: Batch, weights: dict[str, float], now_ms: int) -> list[Finding]:
        """What is to be asked, and what need not be asked any more."""
        new = range(self._slots, len(memory.names))
        self._slots = len(memory.names)
        for slot in new:
            self._meet(memory, slot, batch)
        if not (self._looked_at or self._asked or new):
            return []
        found = [self._told(memory, slot, "end", {}, now_ms) for slot in list(self._asked) if not memory.devices.current[slot]]
        for slot in {*self._looked_at, *(new if weights else ())}:
            mine = _live(memory, slot, batch)
            said = self._weighed(memory, slot, batch, mine, weights) if slot in new else {}
            said = said or self._compared(memory, slot, batch, mine)
            if said and slot not in self._asked:
                found.append(self._told(memory, slot, "start", said, now_ms))
        return found

    def _meet(self, memory: Memory, slot: int, batch: Batch) -> None:
        """The baseline counts where it was known before this batch; what the batch added moves it by little (`baseline.CLIP`)."""
        row, warm_up = int(memory.devices.row[slot]), memory.rules.baseline.warm_up
        cells = row * V + _LOOKED_AT
        if (memory.cells.n[cells] < warm_up).all():
            return
        added = np.array([p == memory.patients[row] for p in batch.patients])[batch.patient].sum()
        known = memory.cells.n[cells] - added >= warm_up
        if known.any():
            mean, sd = memory.cells.mean[cells], np.sqrt(memory.cells.variance[cells])
            self._looked_at[slot] = Newcomer(int(memory.devices.at[slot]), np.where(known, mean, np.nan), sd)

    def _compared(self, memory: Memory, slot: int, batch: Batch, mine: type_bool) -> dict[str, object]:
        newcomer = self._looked_at.get(slot)
        if newcomer is None:
            return {}
        values = batch.values[mine][:, _LOOKED_AT]
        for heard, column in zip(newcomer.heard, values.T, strict=True):
            heard += column[~np.isnan(column)].tolist()[: READINGS - len(heard)]
        far = strange(newcomer.mean, newcomer.sd, newcomer.heard)
        over = memory.devices.at[slot] - newcomer.since > PATIENCE_MS
        if far.sum() >= LEAST_VITALS or over or all(len(h) >= READINGS for h in newcomer.heard):
            del self._looked_at[slot]
        if far.sum() < LEAST_VITALS:
            return {}
        names = [(i, name) for i, name in enumerate(FAR) if far[i]]
        return {
            name: {"usual": round(float(newcomer.mean[i]), 1), "now": round(float(np.median(newcomer.heard[i])), 1)} for i, name in names
        }

    @staticmethod
    def _weighed(memory: Memory, slot: int, batch: Batch, mine: type_bool, weights: dict[str, float]) -> dict[str, object]:
        patient = memory.patients[memory.devices.row[slot]]
        known, said = weights.get(patient, np.nan), batch.values[mine][:, _WEIGHT]
        said = said[~np.isnan(said)]
        if not len(said) or not other_weight(known, float(said[0])):
            return {}
        return {VITALS[_WEIGHT].name: {"usual": round(known, 1), "now": round(float(said[0]), 1)}}

    def _told(self, memory: Memory, slot: int, phase: Phase, said: dict[str, object], now_ms: int) -> Finding:
        patient, device = memory.patients[memory.devices.row[slot]], memory.names[slot]
        at, received_at = int(memory.devices.at[slot]), int(memory.devices.heard[slot])
        since = self._asked.setdefault(slot, at)
        if phase == "end":
            del self._asked[slot]
        return Finding(
            id=finding_id(patient, RULE, device, since),
            phase=phase,
            patient=patient,
            ward=memory.ward(patient),
            rule=RULE,
            rule_version=RULE_VERSION,
            alert_class="technical",
            priority=PRIORITY,  # type: ignore[arg-type]  # a literal, named once
            title=f"Is {device} on the right patient?",
            started_at=since,
            at=at,
            received_at=received_at,
            detected_at=now_ms,
            subject=device,
            ended_at=at if phase == "end" else None,
            evidence={"device": device, "unlike_before": said} if said else {},
        )


def _live(memory: Memory, slot: int, batch: Batch) -> type_bool:
    """(n,) the live samples of the slot's device on the slot's patient."""
    device, patient = memory.names[slot], memory.patients[memory.devices.row[slot]]
    theirs = np.array([d == device for d in batch.devices])[batch.device] & np.array([p == patient for p in batch.patients])[batch.patient]
    return np.asarray(theirs & (batch.received_at - batch.observed_at <= memory.rules.late_s * 1000), dtype=np.bool_)
