"""What devices sent, what the broker acknowledged and what came back refused: the counts, and the ledger of every sample.

The ledger is a text file with one line a sample, `device seq readings`, for whoever wants to compare it with what was stored.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import TextIO


@dataclass(slots=True)
class Account:
    """`samples`, `readings` (vitals in them, those without a value too) made; `messages` published, `acked` of them
    acknowledged, `repeats` published again on purpose; `chunks` of curves said, `chunks_lost` for which no connection stood;
    `refused` notices by reason; `denied` by the broker itself."""

    samples: int = 0
    readings: int = 0
    messages: int = 0
    acked: int = 0
    repeats: int = 0
    resent: int = 0
    denied: int = 0
    connects: int = 0
    chunks: int = 0
    chunks_lost: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    ledger: TextIO | None = None

    def made(self, device: str, seq: int, readings: int) -> None:
        """One more sample exists."""
        self.samples += 1
        self.readings += readings
        if self.ledger is not None:
            self.ledger.write(f"{device} {seq} {readings}\n")

    def flush(self) -> None:
        """Writes the ledger out."""
        if self.ledger is not None:
            self.ledger.flush()

    def lines(self, waiting: int) -> list[str]:
        """The account for a person; `waiting` samples are still in outboxes on disk."""
        counts = {
            "samples sent": self.samples - waiting,
            "readings in all samples": self.readings,
            "samples waiting on disk": waiting,
            "messages published": self.messages,
            "messages acknowledged": self.acked,
            "messages repeated on purpose": self.repeats,
            "messages sent again after a break": self.resent,
            "messages denied by the broker": self.denied,
            "connections made": self.connects,
            "chunks of curves sent": self.chunks,
            "chunks of curves lost while away": self.chunks_lost,
        } | {f"refused: {reason}": count for reason, count in sorted(self.refused.items())}
        return [f"{name:<36}{count:>12,}" for name, count in counts.items()]
