"""Faust handing on whole runs: the records of a partition that were fetched together come to the agent as one event.

Faust spends some 200 microseconds on every event (two tasks and a wait each), whatever is in it; small records would cost more to hand
on than to fold. In: what Faust's own consumer fetched. Out: an event a partition and fetch, whose message holds `records`. And what
every worker here hands over to Faust with: `run`.
Promise: order and offsets as Faust's: each record of a run is acknowledged to it once the event is, so a commit never passes
a record that is not. What is missing before or within a run (a compacted topic has holes) is acknowledged with it.
"""

import logging
from collections.abc import AsyncIterator, Sequence
from typing import Any

import faust
from faust.transport.drivers import aiokafka
from faust.types import TP
from faust.types.tuples import ConsumerMessage

from streams.membership import watch_membership


class Run(ConsumerMessage):  # type: ignore[misc]  # Faust has no types
    """A message that stands for all of `records`, whose first one's offset is its own. `after`: the last offset before them."""

    records: tuple[Any, ...] = ()
    after: int

    def on_final_ack(self, consumer: Any) -> bool:
        """Acknowledges every offset up to the last record's: a hole left open would hold the commits up for ever."""
        news = False
        for offset in range(self.after + 1, self.records[-1].offset + 1):
            self.offset, self.acked = offset, False
            news = consumer.ack(self) or news
        return news


class Consumer(aiokafka.Consumer):  # type: ignore[misc]  # Faust has no types
    """Faust's consumer, a run at a time."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._last: dict[TP, tuple[int, int]] = {}
        super().__init__(*args, **kwargs)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Run]]:
        """One message a partition of what is there within `timeout` s; none while a rebalance goes on."""
        fetched, active = await self._wait_next_records(timeout)
        generation = self.app.consumer_generation_id
        for tp, records in (fetched or {}).items():
            if self.should_stop or not self.flow_active or self.app.consumer_generation_id != generation:
                return
            if records and (active is None or tp in active or tp in self._buffered_partitions):
                yield tp, self._run(tp, tuple(records), generation)

    def _run(self, tp: TP, records: tuple[Any, ...], generation: int) -> Run:
        first = records[0]
        known, after = self._last.get(tp, (-1, -1))
        beyond_a_hole = known == generation and (self._read_offset[tp] or 0) <= after < first.offset
        if beyond_a_hole or after == first.offset - 1:
            self._read_offset[tp] = first.offset - 1  # Faust takes the offset of the event before for the last one read
        else:
            after = first.offset - 1
        self._last[tp] = generation, records[-1].offset
        run = Run(
            tp.topic, tp.partition, first.offset, first.timestamp / 1000, first.timestamp_type, (), None, b"", None, 0, 0, tp,
            generation_id=generation,
        )  # fmt: skip
        run.records, run.after = records, after
        return run


class Transport(aiokafka.Transport):  # type: ignore[misc]  # Faust has no types
    """Faust's transport with that consumer."""

    Consumer = Consumer


class Tableless(faust.App):  # type: ignore[misc]  # Faust has no types
    """A Faust app that makes no folders for tables, which would stay behind, empty."""

    def _create_directories(self) -> None:
        """None."""

    def end_of(self, tp: TP) -> int | None:
        """The partition's end as last heard; None where it was taken away meanwhile, which must not end whoever asks."""
        try:
            end = self.consumer.highwater(tp)
        except AssertionError:  # "Partition is not assigned": the consumer's thread is ahead of this one
            return None
        return None if end is None else int(end)


class App(Tableless):
    """A Faust app whose agents get runs."""

    async def following(self, tp: TP) -> int | None:
        """The offset that is read next; None where it was taken away meanwhile."""
        try:
            return int(await self.consumer.position(tp))
        except Exception as error:  # noqa: BLE001 - whatever it is, nothing is known of the partition now
            self.log.dev("no position of %r: %r", tp, error)
            return None

    def _new_transport(self) -> Any:
        return Transport(self.conf.broker_consumer, self)


def run(app: Any, kafka: str, topics: Sequence[str], patience_s: float, log: logging.Logger) -> None:
    """Hands the Faust app over to Faust's command line, watched."""
    watch_membership(app, kafka, topics, patience_s, log)
    worker = faust.Worker(app, loglevel="WARNING", quiet=True)
    worker.spinner = None  # it draws on the log
    worker.execute_from_commandline()
