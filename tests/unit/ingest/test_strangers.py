"""Of a name that is no device's it is asked once."""

import pytest

from ingest.strangers import Strangers


@pytest.mark.parametrize(
    ("story", "new"),
    [
        ([set()], [False]),
        ([{"a"}, {"a"}], [True, False]),
        ([{"a"}, {"a", "b"}, {"b"}], [True, True, False]),
    ],
    ids=["nobody", "once", "each"],
)
def test_of_a_stranger_it_is_asked_once(story: list[set[str]], new: list[bool]) -> None:
    strangers = Strangers()
    assert [strangers.new(names) for names in story] == new


@pytest.mark.parametrize(("others", "again"), [(9_999, False), (10_000, True)])
def test_no_more_than_ten_thousand_are_remembered(others: int, again: bool) -> None:
    strangers = Strangers()
    strangers.new({"a"})
    strangers.new({str(n) for n in range(others)})
    assert strangers.new({"a"}) is again
