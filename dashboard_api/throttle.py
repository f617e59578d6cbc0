"""Token buckets: how fast a caller may go. Pure but for its memory; the time comes in.

Promise: memory is bounded: full buckets are forgotten, and a bucket that is not known is full.
"""

from dataclasses import dataclass

_MOST_BUCKETS = 10_000


@dataclass(frozen=True, slots=True)
class Rate:
    """`burst` at once, then `per_second`."""

    per_second: float
    burst: float


class Throttle:
    """One bucket a key."""

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._left: dict[str, tuple[float, float]] = {}

    def wait(self, key: str, now: float) -> float:
        """Takes one; 0.0 when there was one, else the seconds until there is (and nothing is taken). `now` in monotonic seconds."""
        tokens, at = self._left.get(key, (self._rate.burst, now))
        tokens = min(self._rate.burst, tokens + (now - at) * self._rate.per_second)
        if tokens < 1:
            return (1 - tokens) / self._rate.per_second
        if key not in self._left and len(self._left) >= _MOST_BUCKETS:
            self._forget(now)
        self._left[key] = (tokens - 1, now)
        return 0.0

    def give_back(self, key: str) -> None:
        """One that was taken need not have been."""
        if key in self._left:
            tokens, at = self._left[key]
            self._left[key] = (min(self._rate.burst, tokens + 1), at)

    def _forget(self, now: float) -> None:
        full_after = self._rate.burst / self._rate.per_second
        self._left = {key: left for key, left in self._left.items() if now - left[1] < full_after}
        if len(self._left) >= _MOST_BUCKETS:
            self._left.clear()
