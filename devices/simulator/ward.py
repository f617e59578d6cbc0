"""The simulated ward in motion: bodies, their stories and their devices, turned once a period.

In: devices with their stories, a clock, fresh noise. Out: samples, and curves, said by the devices. Devices are spread over the
period in slots, so that messages flow evenly; the bodies of a slot are computed together.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from devices.simulator import physiology, sample, waveform
from devices.simulator.physiology import type_f64
from devices.simulator.stories import Story, severity
from devices.voice import Voice

SKEW_MS = -95_000


@dataclass(frozen=True, slots=True)
class Pace:
    """`period_s` between a device's samples; `speed` of the bodies and stories; `onset_s` before the stories begin; `form` of a sample."""

    period_s: float
    speed: float
    onset_s: float
    form: str = "monitor"


@dataclass(slots=True)
class Bed:
    """A patient's story and device. `turn` counts its samples, `said_s`: when the last was due; `waves`: where its curves are, None for a
    device that sends none."""

    story: Story
    device: Voice
    turn: int = 0
    waves: waveform.Phases | None = None
    slow_due: float = 0.0
    said_s: float = -math.inf
    dead: bool = False


class Slot:
    """The beds that speak at the same moment."""

    def __init__(self, beds: list[Bed], pace: Pace, seed: int) -> None:
        self.beds, self._pace = beds, pace
        self._bodies = physiology.born([bed.story for bed in beds], seed)
        self._rng = np.random.default_rng((seed, 1))

    @property
    def period_s(self) -> float:
        """Between two turns: as the fastest of its devices was told."""
        return min((self._every_s(bed) for bed in self.beds), default=self._pace.period_s)

    def turn(self, now_ms: int, elapsed_s: float, period_s: float) -> None:
        """All beds whose next sample is due say it; `elapsed_s` since the simulation began, wall clock; `period_s` since the last turn."""
        at = elapsed_s * self._pace.speed - self._pace.onset_s
        severities = [severity(bed.story, at) for bed in self.beds]
        drift = np.array([physiology.drifted(bed.story, s) for bed, s in zip(self.beds, severities, strict=True)])
        noise = self._rng.normal(size=drift.shape)
        hour = (now_ms / 3_600_000) % 24
        self._bodies, rows = physiology.step(self._bodies, noise, period_s * self._pace.speed, hour, drift)
        for bed, row, s in zip(self.beds, rows, severities, strict=True):
            _FAULTS.get(bed.story.fault, _plain)(bed, s)
            if not bed.dead and due(bed, self._every_s(bed), elapsed_s, period_s):
                self._say(bed, self._vitals(bed, row, s, elapsed_s), now_ms)
            if bed.waves is not None and not bed.dead:
                bed.waves = self._draw(bed, bed.waves, row, s, now_ms)

    def _draw(self, bed: Bed, phases: waveform.Phases, row: type_f64, s: float, now_ms: int) -> waveform.Phases:
        phases, count = waveform.due(phases, now_ms)
        for _ in range(count):
            at = phases.at + (SKEW_MS if bed.story.fault == "clock_skew" else 0)
            phases, made = waveform.curves(phases, row, self._rng.normal(size=max(waveform.RATES.values())))
            if bed.story.fault == "probe_off" and s > 0:
                del made["ppg"]
            for channel in waveform.RATES:
                if bed.device.config.waveforms is not False:
                    bed.device.stream(waveform.encoded(channel, at, made.get(channel)))
        return phases

    def _every_s(self, bed: Bed) -> float:
        return bed.device.config.every_s or self._pace.period_s

    def _vitals(self, bed: Bed, row: type_f64, s: float, elapsed_s: float) -> sample.Vitals:
        if self._pace.form == "six":
            return sample.six(row)
        vitals = sample.fast(row)
        if elapsed_s >= bed.slow_due:
            vitals |= sample.slow(row, bed.story, s)
            bed.slow_due = elapsed_s + sample.SLOW_EVERY_S / self._pace.speed
        return sample.probe_off(vitals, bed.turn) if bed.story.fault == "probe_off" and s > 0 else vitals

    def _say(self, bed: Bed, vitals: sample.Vitals, now_ms: int) -> None:
        at = rfc3339(now_ms + (SKEW_MS if bed.story.fault == "clock_skew" else 0))
        seq = bed.device.next_seq()
        bed.turn += 1
        twice = bed.story.fault == "duplicates" and bed.turn % 5 == 0
        bed.device.say(seq, len(vitals), sample.encoded(seq, at, vitals), twice)


def due(bed: Bed, every_s: float, elapsed_s: float, period_s: float) -> bool:
    """Whether it is at its next sample, or nearer to it than half a turn; notes that it says it then."""
    at = bed.said_s + every_s
    if every_s > period_s and elapsed_s + period_s / 2 < at:
        return False
    bed.said_s = at if abs(elapsed_s - at) < every_s else elapsed_s
    return True


def rfc3339(ms: int) -> str:
    """2026-11-21T02:29:07.250Z."""
    return datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{ms % 1000:03d}Z"


def slots(beds: list[Bed], pace: Pace, seed: int, width_s: float = 0.025) -> list[Slot]:
    """The beds spread over the period, at most one slot each `width_s`."""
    count = max(1, min(len(beds), int(pace.period_s / width_s)))
    return [Slot(beds[i::count], pace, seed + i) for i in range(count)]


def _plain(bed: Bed, s: float) -> None:
    pass


def _outage(bed: Bed, s: float) -> None:
    bed.device.away = s > 0


def _flat_battery(bed: Bed, s: float) -> None:
    """At severity 1 the device is dead and makes no samples; it says its battery level whenever a tenth is gone."""
    bed.dead = bed.device.away = s >= 1
    level = round(1.0 - s, 1)
    if level != round(bed.device.battery, 1):
        bed.device.battery = 1.0 - s
        bed.device.status()


_FAULTS: dict[str, Callable[[Bed, float], None]] = {"outage": _outage, "flat_battery": _flat_battery}
