"""One bad record does not stop the others."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.archive.guard import Guarded
from streams.archive.record import Record, Stored
from streams.archive.timescale import Indigestible
from vitals.errors import PartAway


class Picky:
    """Stores what does not contain a bad record."""

    dense = True

    def __init__(self, bad: set[int]) -> None:
        self.bad = bad
        self.stored: list[int] = []

    def forget(self) -> None:
        """Nothing is remembered."""

    def store(self, records: Sequence[Record]) -> Stored:
        if any(r.offset in self.bad for r in records):
            raise Indigestible("no")
        self.stored += [r.offset for r in records]
        return Stored(len(records))


@settings(max_examples=40)
@given(st.sets(st.integers(0, 19)))
def test_every_good_record_is_stored_in_order_and_every_bad_one_refused(bad: set[int]) -> None:
    sink, refused = Picky(bad), []

    def refuse(record: Record, _detail: str) -> Stored:
        refused.append(record.offset)
        return Stored(refused={"malformed": 1})

    done = Guarded(sink, refuse).store([Record("t", 0, n, b"") for n in range(20)])
    assert (sink.stored, refused, done.rows, dict(done.refused)) == (
        [n for n in range(20) if n not in bad],
        sorted(bad),
        20 - len(bad),
        {"malformed": len(bad)} if bad else {},
    )


def test_a_database_that_is_away_is_no_fault_of_the_record() -> None:
    class Away(Picky):
        def store(self, records: Sequence[Record]) -> Stored:
            raise PartAway("away")

    with pytest.raises(PartAway):
        Guarded(Away(set()), lambda _record, _detail: Stored()).store([Record("t", 0, 0, b"")])
