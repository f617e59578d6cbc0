"""Asks Kafka before it is believed that a topic was made anew.

A worker that was paused may wake with records in hand whose remembered end another worker has long stored beyond: by these alone that
looks like a topic that began again. Promise: only Kafka's own answer, got while no transaction is open, makes the archive begin again.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from streams.archive.guard import Store
from streams.archive.record import Doubtful, Record, Stored


class Asking:
    """`end_of`: (topic, partition) -> the offset at which the partition ends now. Raises PartAway."""

    def __init__(self, sink: Store, end_of: Callable[[str, int], int]) -> None:
        self._sink = sink
        self._end_of = end_of
        self.dense = sink.dense
        self.forget = sink.forget

    def store(self, records: Sequence[Record]) -> Stored:
        """As the sink does; raises World only."""
        try:
            return self._sink.store(records)
        except Doubtful as doubt:
            ends = {partition: self._end_of(records[0].topic, partition) for partition in doubt.partitions}
        return self._sink.store([replace(r, end=ends[r.partition], asked=True) if r.partition in ends else r for r in records])
