"""Keeps one bad record from stopping the others.

A store that says `Indigestible` of a handful of records is asked again for each half of it; a single record of which it says so is
refused as `malformed`, with its bytes and the server's words. The sinks refuse by name whatever they can foresee; this is for what they
did not.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Protocol

from streams.archive.record import Record, Stored
from streams.archive.timescale import Indigestible


class Store(Protocol):
    """What a sink must have to be guarded."""

    dense: bool

    def store(self, records: Sequence[Record]) -> Stored:
        """One transaction."""
        ...

    def forget(self) -> None:
        """Partitions were taken away."""
        ...


class Guarded:
    """`refuse` stores a record's refusal and its offset, in one transaction."""

    def __init__(self, sink: Store, refuse: Callable[[Record, str], Stored]) -> None:
        self._sink = sink
        self._refuse = refuse
        self.dense = sink.dense
        self.forget = sink.forget

    def store(self, records: Sequence[Record]) -> Stored:
        """As the sink does; raises World only."""
        try:
            return self._sink.store(records)
        except Indigestible as error:
            if len(records) == 1:
                return self._refuse(records[0], str(error))
        middle = len(records) // 2
        return _sum(self.store(records[:middle]), self.store(records[middle:]))


def _sum(one: Stored, other: Stored) -> Stored:
    refused = Counter(one.refused) + Counter(other.refused)
    gaps, staged = (*one.gaps, *other.gaps), one.staged or other.staged
    return Stored(one.rows + other.rows, one.skipped + other.skipped, refused, gaps, staged, one.again + other.again)
