"""Names in a message that are no device's: who is heard for the first time may have been enrolled a moment ago. Pure.

In HL7 a device that is not known is passed over for the one that sends (`ingest.hl7`): to take a new one for unknown would put what it
says on the sender's patient. So of a new name the newest directory is asked once; from then on notices say who was enrolled.
"""

from collections.abc import Set

MOST = 10_000
"""So many names are remembered; then all are asked of anew."""


class Strangers:
    """Not thread-safe."""

    def __init__(self) -> None:
        self._names: set[str] = set()

    def new(self, names: Set[str]) -> bool:
        """Whether any of these, which are nobody's, is heard for the first time; they are known as strangers from here on."""
        fresh = names - self._names
        if len(self._names) + len(fresh) > MOST:
            self._names.clear()
        self._names |= fresh
        return bool(fresh)
