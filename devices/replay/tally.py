"""The replay's account: what became of every row of the recording. Pure.

In: the entries sent and what the archive keeps. Out: counts that add up to the number of rows.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from devices.replay.recording import Entry
from devices.timescale import Kept
from vitals.registry import BY_NAME


@dataclass(frozen=True, slots=True)
class Tally:
    """`stored` with a value, `no_value` stored as "the device has none", `refused` by reason, `open` not accounted for."""

    rows: int
    stored: int
    no_value: int
    refused: Counter[str]
    open: int

    def lines(self) -> list[str]:
        """For a person."""
        counts = {"rows played": self.rows, "stored once": self.stored, "stored as no value": self.no_value}
        counts |= {f"refused: {reason}": count for reason, count in sorted(self.refused.items())}
        return [f"{name:<36}{count:>12,}" for name, count in {**counts, "not accounted for": self.open}.items()]


def tally(sent: Sequence[Entry], devices: Mapping[tuple[str, str], str], kept: Kept) -> Tally:
    """`devices`: (stay, part) -> device id. A refusal that names no vital is of the whole sample."""
    stored = no_value = unknown = rows = 0
    refused: Counter[str] = Counter()
    for entry in sent:
        device = devices[entry.stay, entry.part]
        for vital in entry.vitals:
            rows += 1
            empty = kept.stored.get((device, entry.seq, vital)) if vital in BY_NAME else None
            reason = kept.refused.get((device, entry.seq, vital)) or kept.refused.get((device, entry.seq, None))
            if empty is not None:
                stored, no_value = stored + (not empty), no_value + empty
            elif reason is not None:
                refused[reason] += 1
            else:
                unknown += 1
    return Tally(rows, stored, no_value, refused, unknown)
