"""The keeper: the alert worker's fourth thread, which forgets what was closed long ago, where the site has set how long it keeps.

In: the worker's own partitions, the time. Out: fewer rows, one small transaction after another. Promise: with the database away it tries
again at the next round; it never holds up the clerk for longer than one batch takes.
"""

import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from alerts import timescale
from alerts.metrics import FORGOTTEN
from alerts.timescale_retention import BATCH, DAY_MS, forget
from vitals.errors import PartAway

FIRST_S, EVERY_S, BREATH_S = 60.0, 3_600.0, 0.2
LOG = logging.getLogger("alerts")


@dataclass(frozen=True, slots=True)
class Keeper:
    """`days` to keep, above 0. `partitions`: the worker's now. `clock` ms since 1970."""

    database: str
    days: int
    clock: Callable[[], int]
    partitions: Callable[[], Iterable[int]]
    stop: threading.Event

    def run(self) -> None:
        """The thread."""
        pause = FIRST_S
        while not self.stop.wait(pause):
            pause = EVERY_S
            try:
                self.round()
            except PartAway as error:
                LOG.warning("event=keeping_waits error=%r", str(error))

    def round(self) -> int:
        """Forgets all that is due in these partitions; how many. Raises PartAway."""
        before, total = self.clock() - self.days * DAY_MS, 0
        with timescale.connected(self.database) as connection:
            for partition in self.partitions():
                while (gone := forget(connection, partition, before)) > 0:
                    FORGOTTEN.inc(gone)
                    total += gone
                    if gone < BATCH or self.stop.wait(BREATH_S):
                        break
        return total
