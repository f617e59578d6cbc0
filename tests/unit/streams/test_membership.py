"""How long a worker may stand outside its group."""

import doctest

import pytest

from streams import membership
from streams.membership import Patience


def test_the_examples_are_true() -> None:
    assert doctest.testmod(membership).failed == 0


@pytest.mark.parametrize(
    ("looks", "spent"),
    [
        ([(True, 0.0), (True, 45.0)], False),
        ([(True, 0.0), (True, 45.1)], True),
        ([(True, 0.0), (False, 40.0), (True, 50.0), (True, 95.0)], False),
        ([(True, 0.0), (False, 60.0)], False),
    ],
    ids=["long", "too long", "in between taken in", "taken in at last"],
)
def test_patience_ends_with_a_worker_that_was_outside_at_every_look(looks: list[tuple[bool, float]], spent: bool) -> None:
    patience = Patience(45.0)
    assert [patience.spent(outside, now) for outside, now in looks][-1] is spent
