"""What rows say of one moment is in samples, each of it, whatever else is said."""

import zlib
from collections import Counter
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.spoken import Row, Together, numbered
from ingest.wire import SAMPLE_VITALS

AT = 1_749_491_487_000
ROW = Row("OBX^1", "", "", (None, None, None))
ROWS = st.lists(st.tuples(st.sampled_from("abcdef") | st.integers(0, 90).map(str), st.none() | st.integers(0, 9)), max_size=300)


def put(rows: list[tuple[str, int | None]]) -> Together:
    same = Together("d", 0)
    for key, value in rows:
        same.put(key, value, "OBX^1", ROW)
    return same


@given(ROWS)
def test_every_value_is_in_one_sample_and_no_sample_has_too_many(rows: list[tuple[str, int | None]]) -> None:
    same = put(rows)
    said = Counter((key, value) for s in same.samples for key, value in cast(dict[str, Any], s.vitals).items() if value is not None)
    most = max((len(s.vitals) for s in same.samples), default=0)
    assert (said, most <= SAMPLE_VITALS) == (Counter(one for one in rows if one[1] is not None), True)


@given(ROWS)
def test_no_value_is_said_once_and_only_where_no_number_is(rows: list[tuple[str, int | None]]) -> None:
    missing = Counter(key for s in put(rows).samples for key, value in s.vitals.items() if value is None)
    assert missing == Counter({key for key, _ in rows} - {key for key, value in rows if value is not None})


@given(ROWS)
def test_every_row_is_the_source_of_one_sample(rows: list[tuple[str, int | None]]) -> None:
    assert sum(len(s.sources) for s in put(rows).samples) == len(rows)


def test_what_is_more_than_a_sample_has_room_for_is_in_the_next() -> None:
    assert [len(s.vitals) for s in put([(str(n), n) for n in range(SAMPLE_VITALS + 1)]).samples] == [SAMPLE_VITALS, 1]


@pytest.mark.parametrize(
    ("at", "moment"),
    [(-5, 0), (0, 0), (1, 1), (AT, AT), ((1 << 41) - 1, (1 << 41) - 1), (1 << 41, (1 << 41) - 1), ("yesterday", 0)],
)
def test_a_number_is_the_moment_and_what_was_said(at: int | str, moment: int) -> None:
    content = zlib.crc32(msgspec.json.encode([at, {"hr": 80}]))
    assert divmod(numbered(at, {"hr": 80}), 1 << 21) == (moment, content % (1 << 21))
