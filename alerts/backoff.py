"""When to try again: exponential pauses with full jitter, and a circuit that stops asking who does not answer.

Pure: the time and the random number are arguments. Full jitter keeps many senders from knocking together (AWS Architecture Blog, 2015).
"""

from dataclasses import dataclass, replace

FIRST_MS = 500
LONGEST_MS = 30_000
TRIES = 5
OPEN_MS = 10_000


def pause(attempt: int, chance: float, asked_ms: int | None = None) -> int:
    """ms before attempt `attempt` + 1 (1 first); `chance` in [0, 1). `asked_ms`: what the receiver asked for (Retry-After): never less."""
    most = min(LONGEST_MS, FIRST_MS << min(attempt - 1, 16))
    return max(round(most / 2 + chance * most / 2), min(asked_ms or 0, 10 * LONGEST_MS))


@dataclass(frozen=True, slots=True)
class Circuit:
    """After `TRIES` failures in a row nobody asks for `OPEN_MS`; then one may try (half open). Times ms."""

    failures: int = 0
    opened_at: int | None = None

    def allows(self, now: int) -> bool:
        """Whether to ask now."""
        return self.opened_at is None or now - self.opened_at >= OPEN_MS

    def asked(self, now: int) -> "Circuit":
        """The circuit once somebody asks: where it was open, nobody else does until the answer, or for `OPEN_MS` more."""
        return self if self.opened_at is None else replace(self, opened_at=now)

    def after(self, success: bool, now: int) -> "Circuit":
        """The circuit after one more answer."""
        if success:
            return Circuit()
        failures = self.failures + 1
        return replace(self, failures=failures, opened_at=now if failures >= TRIES else None)
