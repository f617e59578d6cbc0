"""A worker that Kafka's group does not take in says so and ends, so that whoever supervises it starts it again.

Why: an error in joining that aiokafka does not repeat by itself (the group speaks another protocol, the coordinator failed) is kept until
somebody fetches, and Faust fetches only once it has joined: such a worker stands still for ever, and its own tasks never begin.
In: Faust's word that partitions were given out (none is a word too: a worker may stand by), whether a rebalance goes on, whether
Kafka answers; Kafka being away is waited for as long as it takes. Out: a line in the log with aiokafka's last error, and the end of the
process. Nothing is lost: what is not acknowledged comes again.
"""

import logging
import os
import time
from collections.abc import Callable, Sequence
from threading import Event, Thread
from typing import Any

from streams.kafka import missing_topics
from vitals.errors import PartAway

CHECK_S = 5.0
FAILED = 75
"""The process's end: EX_TEMPFAIL."""


class Patience:
    """How long a worker has been outside its group while Kafka answered. The caller brings the time, s.

    A rebalance takes a session's and its own time-out at most, 12 s together (`faust_settings`), and a slow machine's time.
    """

    def __init__(self, most_s: float) -> None:
        self.most_s = most_s
        self._since: float | None = None

    def spent(self, outside: bool, now_s: float) -> bool:
        """Whether it has been outside for longer than `most_s`, at every look.

        >>> patience = Patience(30.0)
        >>> [patience.spent(outside, now) for outside, now in [(True, 0), (True, 30), (False, 31), (True, 32), (True, 62), (True, 63)]]
        [False, False, False, False, False, True]
        """
        if not outside:
            self._since = None
        elif self._since is None:
            self._since = now_s
        return self._since is not None and now_s - self._since > self.most_s


class LastError(logging.Handler):
    """Keeps the last error that aiokafka told of the group, for all instances: there is one every few moments while Kafka is away."""

    text = "none told"

    def emit(self, record: logging.LogRecord) -> None:
        """Instead of writing it."""
        LastError.text = record.getMessage()


def watch_membership(app: Any, kafka: str, topics: Sequence[str], patience_s: float, log: logging.Logger) -> None:
    """Watches the Faust app from a thread of its own, from now on: whatever stands still, its event loop may too."""
    given = Event()

    async def assigned(_app: Any, *_assigned: Any, **_signal: Any) -> None:
        given.set()

    app.on_partitions_assigned.connect(assigned, weak=False)

    def outside() -> bool:
        return not (given.is_set() and not app.rebalancing) and not app.should_stop and answers(kafka, topics)

    Thread(target=_run, args=(Patience(patience_s), outside, log), name="membership", daemon=True).start()


def answers(kafka: str, topics: Sequence[str]) -> bool:
    """Whether Kafka does, and has the topics."""
    try:
        return not missing_topics(kafka, topics)
    except PartAway:
        return False


def _run(patience: Patience, outside: Callable[[], bool], log: logging.Logger) -> None:
    while not patience.spent(outside(), time.monotonic()):
        time.sleep(min(CHECK_S, patience.most_s / 3))
    log.error("event=not_taken_in patience_s=%g error=%s", patience.most_s, LastError.text)
    os._exit(FAILED)  # Faust's own end would wait for the consumer that stands still
