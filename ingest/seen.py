"""Which sample numbers of each device were taken: interval sets in bounded memory.

In: (device, seq). Out: new or not. Promise: a number once taken is never new again while its interval is remembered; numbers that were
skipped stay new, so re-ordering and backlogs pass. Dropped: beyond SPANS intervals of one device the lowest is forgotten (counted);
a repeat of one of those passes here and is caught by the archive, whose ledger has no end.
"""

from bisect import bisect_right

SPANS = 2_000
"""Intervals a device: rising numbers need one, a device that loses every second sample for an hour at 1 Hz 1,800."""


class Seen:
    """device -> [from, to, from, to, ...], half open, rising, never touching."""

    def __init__(self) -> None:
        self._bounds: dict[str, list[int]] = {}
        self._journal: list[tuple[str, int]] | None = None  # a door that never begins never undoes, and keeps nothing for it
        self.forgotten = 0

    def begin(self) -> None:
        """From here on `undo` goes back to."""
        self._journal = []

    def undo(self) -> None:
        """Takes back all that was taken since `begin`."""
        for device, seq in self._journal or ():
            bounds = self._bounds[device]
            place = bisect_right(bounds, seq)
            if place & 1:
                bounds[place:place] = (seq, seq + 1)
                self._bounds[device] = _tidy(bounds)
        self._journal = []

    def take(self, device: str, seq: int) -> bool:
        """Marks the number as taken; False when it already was."""
        bounds = self._bounds.get(device)
        if bounds is None:
            self._bounds[device] = [seq, seq + 1]
        elif bounds and bounds[-1] == seq:  # the usual case: one more than the last
            bounds[-1] = seq + 1
        else:
            place = bisect_right(bounds, seq)
            if place & 1:
                return False
            self._insert(bounds, place, seq)
        if self._journal is not None:
            self._journal.append((device, seq))
        return True

    def has(self, device: str, seq: int) -> bool:
        """Whether the number was taken."""
        return bool(bisect_right(self._bounds.get(device, ()), seq) & 1)

    def _insert(self, bounds: list[int], place: int, seq: int) -> None:
        touches_left = place > 0 and bounds[place - 1] == seq
        touches_right = place < len(bounds) and bounds[place] == seq + 1
        if touches_left and touches_right:
            del bounds[place - 1 : place + 1]
        elif touches_left:
            bounds[place - 1] = seq + 1
        elif touches_right:
            bounds[place] = seq
        else:
            bounds[place:place] = (seq, seq + 1)
        if len(bounds) > 2 * SPANS:
            del bounds[:2]
            self.forgotten += 1


def _tidy(bounds: list[int]) -> list[int]:
    """Without empty intervals: [3, 3, 4, 9] is [4, 9]."""
    pairs = zip(bounds[::2], bounds[1::2], strict=True)
    return [b for low, high in pairs if low < high for b in (low, high)]
