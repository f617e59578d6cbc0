"""The sender: takes pages off the outbox and hands them to their channels, several at a time, so that one that hangs holds up no other.

In: leased pages. Out: deliveries, and what became of them, back in the outbox. Promise: at least once with the same key; an unknown
channel or one that refuses is a named failure that lets the ladder go on; past its life a page fails as `gave_up`.
"""

import random
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, as_completed, wait
from contextlib import suppress
from dataclasses import dataclass, field

from alerts import timescale_pages as outbox
from alerts.backoff import Circuit, pause
from alerts.desk import Page
from alerts.metrics import PAGES
from alerts.notice import Channel, Result
from alerts.timescale import Connection
from alerts.timescale_pages import Leased

AT_ONCE = 8


@dataclass(slots=True)
class Sender:
    """`clock` gives ms since 1970; `link` a page's one-time link from its id; `by` names this sender in the leases."""

    by: str
    channels: Mapping[str, Channel]
    clock: Callable[[], int]
    link: Callable[[str], str]
    circuits: dict[str, Circuit] = field(default_factory=dict)
    asking: threading.Lock = field(default_factory=threading.Lock)
    sending: dict[Future[Result], Leased] = field(default_factory=dict)
    pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(AT_ONCE, "page"))

    def round(self, connection: Connection, wait_s: float) -> int:
        """Takes what is due as far as there are hands, and settles what is done, waiting up to `wait_s` for some. Returns how many."""
        pages = outbox.lease(connection, self.by, self.clock(), AT_ONCE - len(self.sending)) if len(self.sending) < AT_ONCE else []
        self.sending.update({self.pool.submit(self.attempt, page): page for page in pages})
        ready, _ = wait(self.sending, wait_s, FIRST_COMPLETED)
        for future in ready:
            self.settle(connection, self.sending.pop(future), future.result())
        return len(pages) + len(ready)

    def finish(self, connection: Connection, wait_s: float) -> None:
        """Takes nothing more; settles what is under way as it ends. What takes longer than `wait_s` goes out again under its key."""
        with suppress(TimeoutError):
            for future in as_completed([*self.sending], wait_s):
                self.settle(connection, self.sending.pop(future), future.result())

    def hastily(self, pages: Sequence[Page]) -> None:
        """Sends pages that could not be written yet; the outbox sends them again later with the same keys."""
        for page in pages:
            life = page.expires_at
            leased = Leased(
                page.id, page.alert, page.kind, page.priority, page.ward, page.bed, page.channel, page.address, (), 1, life, page.count
            )
            self.pool.submit(self._once, leased)

    def _once(self, page: Leased) -> None:
        result = self.attempt(page, hasty=True)
        self._note(page, result)
        PAGES.labels(page.channel if page.channel in self.channels else "unknown", f"hasty_{result.outcome}").inc()

    def attempt(self, page: Leased, *, hasty: bool = False) -> Result:
        """One attempt at one page. Raises nothing: what a channel cannot make of a contact or a notice is refused by the error's name.

        A hasty page has no second attempt: it waits for no other's answer where a circuit is half open.
        """
        channel, now = self.channels.get(page.channel), self.clock()
        if channel is None:
            return Result("refused", f"unknown channel {page.channel}")
        if not (self._circuit(page).allows(now) if hasty else self._may_ask(page, now)):
            return Result("retry", "circuit open")
        try:
            return channel(page.address, page.notice(self.link(page.key), now))
        except Exception as error:  # noqa: BLE001  libraries fail in their own ways on odd addresses; one contact must not end all pages
            return Result("refused", type(error).__name__)

    def settle(self, connection: Connection, page: Leased, result: Result) -> None:
        """Writes what became of it."""
        now = self.clock()
        PAGES.labels(page.channel if page.channel in self.channels else "unknown", result.outcome).inc()
        self._note(page, result)
        if result.outcome == "delivered":
            outbox.delivered(connection, page, now)
        elif result.outcome == "refused" and not page.fallback:
            outbox.failed(connection, page, result.detail)
        elif now >= page.expires_at:
            outbox.failed(connection, page, f"gave_up: {result.detail}")
        else:
            onward = result.outcome == "refused"
            again = now if onward else now + pause(page.attempt, random.random(), result.wait_ms)
            outbox.later(connection, page, again, result.detail, onward=onward)

    def _note(self, page: Leased, result: Result) -> None:
        if result.detail != "circuit open":
            with self.asking:
                self.circuits[self._name(page)] = self._circuit(page).after(result.outcome != "retry", self.clock())

    def _may_ask(self, page: Leased, now: int) -> bool:
        with self.asking:  # several hands look at once
            circuit = self._circuit(page)
            if circuit.allows(now):
                self.circuits[self._name(page)] = circuit.asked(now)
                return True
            return False

    def _name(self, page: Leased) -> str:
        return f"{page.channel} {page.address}"

    def _circuit(self, page: Leased) -> Circuit:
        return self.circuits.get(self._name(page), Circuit())
