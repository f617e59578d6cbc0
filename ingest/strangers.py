"""Names in a message that are no device's: who is heard for the first time may have been enrolled a moment ago. Pure.

In HL7 a device that is not known is passed over for the one that sends (`ingest.hl7`): to take a new one for unknown would put what it
says on the sender's patient. So of a new name a picture of the directory that is newer than the message is asked once; from then on notices
say who was enrolled. While the database is away for AWAY_MS nobody is enrolled, and what was known holds: a monitor is not to fall silent
because it names a module for the first time.
"""

from collections.abc import Set

MOST = 10_000
"""So many names are remembered; then all are asked of anew."""
NAME = 64
"""Characters; what is longer is no device's id."""
AWAY_MS = 120_000


class Strangers:
    """Not thread-safe."""

    def __init__(self) -> None:
        self._asked: set[str] = set()

    def new(self, names: Set[str]) -> set[str]:
        """Those of these names, which are nobody's, of which a newer picture was not asked yet."""
        return {name for name in names if len(name) <= NAME} - self._asked

    def asked(self, names: Set[str]) -> None:
        """A picture that is newer than when they were said does not know them either, or does by now."""
        if len(self._asked) + len(names) > MOST:
            self._asked.clear()
        self._asked |= names


def holds(now: int, loaded_at: int) -> bool:
    """Whether what was known at `loaded_at` holds, though there is no newer picture; both ms.

    >>> holds(200_000, 100_000), holds(220_000, 100_000)
    (False, True)
    """
    return now - loaded_at >= AWAY_MS
