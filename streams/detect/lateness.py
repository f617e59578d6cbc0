"""Whether what devices said may be on its way still, by how they, and all, have come lately. Pure, no clock.

In: a partition's samples as they come, by device's slot; time. Out: the devices of which something may be. A device is taken to be
late where, within the last ten minutes, a sample of it came behind a newer one, or was more than `LATE_MS` on its way; where of all devices
a tenth, and at least two, came behind one another, every device is. From when it is due, all that it said is known of a minute ago only;
a device whose pace is not known is due at once. One value that was long on its way shows nothing: somebody may have typed it in.
Promise: where all comes in time and in order nothing is ever waited for. What was shown is in a checkpoint.
Not counted: what comes twice, and a backlog, which is late for another reason.
"""

import numpy as np
import numpy.typing as npt

type_i64 = npt.NDArray[np.int64]

SHOWN_MS = 600_000
"""So long a device that came late once is one that may again."""
LATE_MS = 2_000
"""A reading that is sent at once is there in a fraction of this (this project's choice, unchecked)."""
SHARE, AT_LEAST = 0.1, 2


class Lateness:
    """Of each slot, ms of received_at, 0 = never. heard: its newest; turned: what last came behind a newer one; slow: what last was
    long on its way.

    most_ms: what is longer on its way is a backlog. late_ms: what is no longer is in time. everywhere: whether every device is taken to be
    late, as of when it was last looked; told: that was told, by whom more devices are known than here.
    """

    __slots__ = ("everywhere", "heard", "late_ms", "most_ms", "slow", "told", "turned")

    def __init__(self, most_ms: int, back_ms: int = 0) -> None:
        self.most_ms, self.late_ms = most_ms, LATE_MS + back_ms
        self.heard: type_i64 = np.zeros(0, dtype=np.int64)
        self.turned: type_i64 = np.zeros(0, dtype=np.int64)
        self.slow: type_i64 = np.zeros(0, dtype=np.int64)
        self.everywhere = self.told = False

    def grow(self, more: int) -> None:
        """Room for `more` slots."""
        self.heard, self.turned, self.slow = (np.pad(each, (0, more)) for each in (self.heard, self.turned, self.slow))

    def came(self, slots: type_i64, observed_at: type_i64, received_at: type_i64) -> None:
        """New samples, whether they go on or wait; (n,) each."""
        self.heard[slots] = np.maximum(self.heard[slots], received_at)
        way = received_at - observed_at
        slow = (way > self.late_ms) & (way <= self.most_ms)
        if slow.any():
            self.slow[slots[slow]] = received_at[slow]

    def one(self, slot: int, observed_at: int, received_at: int) -> None:
        """The same of one."""
        self.heard[slot] = max(int(self.heard[slot]), received_at)
        if self.late_ms < received_at - observed_at <= self.most_ms:
            self.slow[slot] = received_at

    def tell(self, everywhere: bool) -> None:
        """Whether every device is taken to be late, once and for all."""
        self.everywhere, self.told = everywhere, True

    def late(self, slot: int, observed_at: int, received_at: int) -> bool:
        """Whether a device that says this now is taken to be late."""
        since = received_at - SHOWN_MS
        itself = self.late_ms < received_at - observed_at <= self.most_ms
        return itself or self.everywhere or bool(self.turned[slot] > since or self.slow[slot] > since)

    def _look(self, now_ms: int) -> None:
        if not self.told:
            turned = np.count_nonzero(self.turned > now_ms - SHOWN_MS)
            self.everywhere = bool(turned >= AT_LEAST and turned >= SHARE * np.count_nonzero(self.heard > now_ms - SHOWN_MS))

    def expected(self, now_ms: int, due: type_i64) -> type_i64:
        """The slots of devices that are late, and due: what they said may be on its way. due: as of `Cadence`."""
        self._look(now_ms)
        since = now_ms - SHOWN_MS
        turned = (self.heard if self.everywhere else self.turned) > since
        found: type_i64 = ((turned | ((self.slow > since) & (due > 0))) & (due <= now_ms)).nonzero()[0]
        return found
