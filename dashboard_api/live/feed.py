"""Tells every reader what changed, at a tick: one frame an audience, conflation for the slow.

In: the picture after records were taken in; readers as they subscribe. Out: frames, written to the readers' ports. Promise: a
reader whose buffer is full is written nothing more until it has drained, then gets what it missed (each alert, of all else the
latest) by the same way as a resumed one, and is told how far behind it was; it costs the others nothing. One that does not drain
for `CUT_AFTER_MS` is cut.
Dropped: a slow reader's older values (counted `conflated`) and its waveform chunks (counted `waveform`).
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from dashboard_api.live import audience as audiences
from dashboard_api.live import frames
from dashboard_api.live.audience import Audience, Port, Reader, Strip, Subscription
from dashboard_api.live.cursor import Cursor
from dashboard_api.live.cursor import write as cursor_text
from dashboard_api.live.state import Change, Logged, Picture

FULL_BYTES = 65_536
"""A reader with more than this unsent is behind."""
DRAINED_BYTES = 4_096
CUT_AFTER_MS = 30_000
SOON_MS = 2_000
"""Whoever subscribes within this of being let in hears the picture first, before any heartbeat."""


@dataclass(eq=False)
class Feed:
    """The readers of one picture. `epoch` names the Kafka that the offsets belong to; `seal` makes a message what ports take
    (once, however many there are); `behind_ms` is the server's own lag; `guests`: who was let in when, ms, and has not subscribed yet."""

    picture: Picture
    epoch: str
    seal: Callable[[bytes], bytes] = bytes
    behind_ms: int = 0
    last: tuple[tuple[int, ...], ...] = ()
    last_at: int = 0
    audiences: dict[Subscription, Audience] = field(default_factory=dict)
    guests: dict[Port, int] = field(default_factory=dict)
    dropped: Counter[str] = field(default_factory=Counter)

    def subscribe(self, port: Port, subscription: Subscription, strips: frozenset[Strip], since: Cursor | None, asked: bool) -> Reader:
        """Joins `port` to its audience and tells it the picture as of the last tick, or what it missed since `since`."""
        self.guests.pop(port, None)
        audience = self.audiences.setdefault(subscription, Audience(subscription))
        audience.renew(self.picture)
        reader = Reader(port, audience, strips)
        audience.readers.add(reader)
        self._tell_from(reader, since, asked)
        return reader

    def leave(self, reader: Reader) -> None:
        """Forgets the reader, and its audience with the last one."""
        reader.audience.readers.discard(reader)
        if not reader.audience.readers:
            self.audiences.pop(reader.audience.subscription, None)

    def tick(self, now: int) -> None:
        """Sends what changed since the last tick; catches up those who have drained."""
        changes, alerts = self.picture.take()
        before, self.last = self.last, self._offsets()
        before_at, self.last_at = self.last_at, now
        spelled: dict[int, bytes] = {}
        for audience in list(self.audiences.values()):
            was = Cursor(self.epoch, audience.subscription.digest(), before_at, before)
            told = [self.seal(frame) for frame in self._frames(audience, was, changes, alerts, spelled)]
            for reader in list(audience.readers):
                self._send(reader, told, was, now)

    def again(self) -> None:
        """Tells every reader the whole picture: it changed in a way that no offset tells."""
        for audience in self.audiences.values():
            for reader in audience.readers:
                self._tell_from(reader, None, asked=True)

    def heartbeat(self, now: int) -> None:
        """Tells all that can be told that the feed lives, and how far behind it is."""
        frame = self.seal(frames.heartbeat(now, self.behind_ms))
        keeping_up = [r.port for audience in self.audiences.values() for r in audience.readers if r.since is None]
        for port in [*keeping_up, *(guest for guest, since in self.guests.items() if now - since >= SOON_MS)]:
            if port.unsent() < FULL_BYTES:
                port.write(frame)

    def waveform(self, strip: Strip, frame: bytes) -> None:
        """Passes a chunk on to those who asked for it and keep up."""
        frame = self.seal(frame)
        for audience in self.audiences.values():
            for reader in audience.readers:
                if strip not in reader.strips:
                    continue
                if reader.since is None and reader.port.unsent() < FULL_BYTES:
                    reader.port.write(frame)
                else:
                    self.dropped["waveform"] += 1

    def here(self, audience: Audience) -> Cursor:
        """The cursor of the last tick for this audience."""
        return Cursor(self.epoch, audience.subscription.digest(), self.last_at, self.last or self._offsets())

    def _offsets(self) -> tuple[tuple[int, ...], ...]:
        return tuple(map(tuple, self.picture.next))

    def _frames(
        self, audience: Audience, was: Cursor, changes: list[Change], alerts: list[Logged], spelled: dict[int, bytes]
    ) -> list[bytes]:
        """The tick's frames for one audience; all but the last carry the cursor from before, so that none is skipped when cut between."""
        audience.renew(self.picture)
        parts = []
        for change in changes:
            row = change.patient.row
            if row in audience.rows:
                if row not in spelled:
                    spelled[row] = audiences.spelled(self.picture, change)
                parts.append(spelled[row])
            elif audience.lost(change):
                parts.append(audiences.gone(change.patient.id))
        heard = [a for a in alerts if audience.hears(a, self.picture)]
        told = [frames.alert_frame(cursor_text(was), frames.encoded(frames.alert(a.alert))) for a in heard]
        if parts or told:
            told.append(frames.picture("delta", cursor_text(self.here(audience)), parts))
        return told

    def _send(self, reader: Reader, told: list[bytes], was: Cursor, now: int) -> None:
        if not told and reader.since is None:
            return
        unsent = reader.port.unsent()
        if reader.since is None and unsent > FULL_BYTES:
            reader.since, reader.behind_from = was, now
        if reader.since is None:
            for frame in told:
                reader.port.write(frame)
            return
        self.dropped["conflated"] += bool(told)
        if unsent < DRAINED_BYTES:
            since, reader.since = reader.since, None
            reader.port.write(self.seal(frames.heartbeat(now, max(self.behind_ms, now - reader.behind_from))))
            self._tell_from(reader, since, True)
        elif now - reader.behind_from > CUT_AFTER_MS:
            self.dropped["cut"] += 1
            reader.port.cut("this reader does not read")

    def _tell_from(self, reader: Reader, since: Cursor | None, asked: bool) -> None:
        here = self.here(reader.audience)
        if since is not None and audiences.resumable(self.picture, reader.audience, since, self.epoch):
            told = audiences.missed(self.picture, reader.audience, since, here)
        else:
            told = [audiences.snapshot(self.picture, reader.audience, here, False if asked else None)]
        for frame in told:
            reader.port.write(self.seal(frame))
