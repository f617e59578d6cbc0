"""Whether what comes may be what the broker kept while nobody took it: hours of well-behaved devices in a few seconds.

In: looks at the connection. Out: `catching_up`, which lifts the quotas. Promise: true from a connection on, and whenever the broker may be
keeping messages back (the gateway does not read, or half of the broker's window waits for Kafka); false once a look finds nothing,
SETTLE_S after the last of these: the broker needs a moment to send on. A device that alone keeps the gateway busy without a pause from
the connection on is not called babbling before it pauses.
"""

SETTLE_S = 5.0


class Kept:
    """Of one connection after another. Moments in seconds that never go back."""

    def __init__(self) -> None:
        self.catching_up = True
        self._behind_at = 0.0

    def looked(self, at: float, behind: bool, nothing: bool) -> None:
        """A look at the connection. `behind`: the broker may keep messages back; `nothing`: it was waited for some, and none came."""
        if behind:
            self.catching_up, self._behind_at = True, at
        elif nothing and at - self._behind_at >= SETTLE_S:
            self.catching_up = False
