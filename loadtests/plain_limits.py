"""The rule of limits in plain words, reading by reading: what detection is held against, by a test and by the benchmark.

Written from the words of `streams/detect/timers.py`, shares no code with it. In: a rule, and one vital's readings of one patient in order.
Out: what it would tell.
"""

from collections.abc import Iterable

import numpy as np

from vitals.rules import LimitRule

HOUR_MS = 3_600_000
SPOT_MS, SHIFT_MS = 300_000, 43_200_000
INF = float("inf")


class Excursion:
    """One vital's condition as it stands. `told`: [(phase, started at)] so far."""

    def __init__(self, rule: LimitRule) -> None:
        self.told: list[tuple[str, int]] = []
        self._rule = rule
        self._low, self._high = rule.low or (-INF, -INF), rule.high or (INF, INF)
        self._waits = [round(1000 * w) for w in rule.wait_s]
        self._before = self._side = self._fired = self._inside = 0
        self._at: int | None = None
        self._since: int | None = None
        self._spent = [0, 0]
        self._gap = 0.0

    @property
    def open_since(self) -> int | None:
        """When the excursion began that is not over."""
        return self._since

    def reads(self, t: int, x: float) -> None:
        """A reading; not older than the last."""
        elapsed = 0 if self._at is None else t - self._at
        hold = HOUR_MS if self._gap == 0 else int(min(max(self._gap * 4, 10_000), HOUR_MS))
        lapsed = self._at is not None and elapsed > hold
        now = self._step(x, 0 if lapsed else self._before)
        self._passes(elapsed, min(elapsed, hold), now)
        self._ends(now, lapsed)
        self._enters(now, t)
        self._gap = 0.0 if self._at is None else float(np.float32(elapsed if self._gap == 0 else self._gap + 0.2 * (elapsed - self._gap)))
        self._before, self._at = now, t

    def _step(self, x: float, before: int) -> int:
        """The step that x is beyond, -2..2; once beyond, back only when inside by the hysteresis."""
        slack = self._rule.hysteresis
        up = [slack if before >= k else 0 for k in (1, 2)]
        down = [slack if before <= -k else 0 for k in (1, 2)]
        if x > self._high[0] - up[0]:
            return 2 if x > self._high[1] - up[1] else 1
        if x < self._low[0] + down[0]:
            return -2 if x < self._low[1] + down[1] else -1
        return 0

    def _passes(self, elapsed: int, stood: int, now: int) -> None:
        """The time since the last reading counts for it, if this one agrees or it stood alone."""
        if not self._before:
            self._inside += stood if self._fired else 0
            return
        alone = 0 if self._gap == 0 or self._gap >= SPOT_MS else int(self._gap * 2)
        agrees = abs(now) if np.sign(now) == np.sign(self._before) else 0
        for k in (0, 1):
            if abs(self._before) > k and (elapsed >= alone or agrees > k):
                self._spent[k] += stood
        self._tells()

    def _tells(self) -> None:
        reached = 2 if abs(self._before) == 2 and self._spent[1] >= self._waits[1] else 1 if self._spent[0] >= self._waits[0] else 0
        if reached > self._fired and self._since is not None:
            self.told.append(("update" if self._fired else "start", self._since))
            self._fired = reached

    def _ends(self, now: int, lapsed: bool) -> None:
        clear = round(1000 * self._rule.clear_s)
        if self._gap >= SPOT_MS:
            clear = max(clear, min(int(self._gap * 12), SHIFT_MS))
        other = bool(now) and np.sign(now) != self._side
        if self._fired and self._since is not None and ((not self._before and self._inside >= clear) or other):
            self.told.append(("end", self._since))
            self._fired, self._side, self._since = 0, 0, None
        if not self._fired and (now == 0 or lapsed or (self._side and other)):
            self._side, self._since = 0, None

    def _enters(self, now: int, t: int) -> None:
        if abs(now) < 2:
            self._spent[1] = 0
        if not now:
            self._inside = 0 if self._before else self._inside
            return
        if self._since is None:
            self._since, self._side, self._spent = t, int(np.sign(now)), [0, 0]
            self._before = now
            if self._waits[0] == 0 or (abs(now) == 2 and self._waits[1] == 0):
                self._tells()
        self._inside = 0


def plain(rule: LimitRule, readings: Iterable[tuple[int, float]]) -> list[tuple[str, int]]:
    """[(phase, started at)] of one vital's readings (ms, value)."""
    excursion = Excursion(rule)
    for t, x in readings:
        excursion.reads(t, x)
    return excursion.told
