"""Whether what comes may be what the broker kept while nobody took it: hours of well-behaved devices in a few seconds.

In: looks at the connection. Out: `catching_up`, which lifts the quotas. Promise: true from a connection on, and whenever the broker may be
keeping messages back (the gateway does not read, or half of the broker's window waits for Kafka); false once a look finds nothing,
SETTLE_S after the last of these, and after MANY that came without a pause: the broker needs a moment to send on, and now and then pauses
for one. However much comes, it is false LONGEST_S after the last time that the broker may have kept something back: devices that together
say thousands of messages a second without a pause, or one that alone does, are within their quotas or babble from then on. A broker that
goes on for longer with what it kept (millions of messages) is then taken for devices that babble.
"""

SETTLE_S = 5.0
MANY = 1_000
"""In a row, without a pause of 2 ms: devices that say 1,000 a second hardly ever do that, a broker with a backlog all the time."""
LONGEST_S = 1_800.0


class Kept:
    """Of one connection after another. Moments in seconds that never go back."""

    def __init__(self) -> None:
        self.catching_up = True
        self._behind_at = self._busy_at = 0.0
        self._in_a_row = 0

    def looked(self, at: float, behind: bool, nothing: bool, came: int) -> None:
        """A look at the connection. `behind`: the broker may keep messages back; `nothing`: it was waited for some, and none came.

        `came`: messages since the look before.
        """
        self._in_a_row += came
        if self._in_a_row >= MANY:
            self._busy_at = at
        if behind:
            self.catching_up, self._behind_at, self._busy_at = True, at, at
        elif (nothing and at - self._busy_at >= SETTLE_S) or at - self._behind_at >= LONGEST_S:
            self.catching_up = False
        if nothing:
            self._in_a_row = 0
