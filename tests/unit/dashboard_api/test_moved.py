"""What a correction takes from one patient and gives to another."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard_api.moved import FOREVER, Worn, left, moves

T = [datetime(2026, 1, 1, 10, tzinfo=UTC) + timedelta(minutes=5 * n) for n in range(12)]
places = st.sampled_from(range(12))
worns = st.builds(
    lambda patient, ends, open_: Worn(patient, T[min(ends)], None if open_ else T[max(ends)]),
    st.sampled_from("ab"), st.lists(places, min_size=2, max_size=2, unique=True), st.booleans(),
)  # fmt: skip


@pytest.mark.parametrize(
    ("before", "after", "away", "here"),
    [
        (Worn("a", T[1], None), Worn("b", T[1], None), [(T[1], T[8])], [(T[1], T[8])]),
        (Worn("a", T[1], T[6]), Worn("a", T[2], T[7]), [(T[1], T[2])], [(T[6], T[7])]),
        (Worn("a", T[1], None), Worn("a", T[1], T[4]), [(T[4], T[8])], []),
        (Worn("a", T[1], T[4]), Worn("a", T[1], None), [], [(T[4], T[8])]),
        (None, Worn("a", T[1], T[4]), [], [(T[1], T[4])]),
        (Worn("a", T[1], None), Worn("a", T[1], T[9]), [], []),
        (Worn("a", T[9], None), Worn("b", T[9], None), [], []),
    ],
    ids=["another patient", "another time", "closed in the past", "opened again", "new", "closes later", "ahead"],
)
def test_what_is_over_goes_away_or_comes(before: Worn | None, after: Worn, away: list[object], here: list[object]) -> None:
    assert (left(before, after, T[8]), left(after, before, T[8]), moves(before, after, T[8])) == (away, here, bool(away or here))


@given(worns, worns, places)
def test_a_moment_is_moved_where_it_was_the_patients_and_is_no_longer(before: Worn, after: Worn, until: int) -> None:
    def had(worn: Worn, at: datetime) -> bool:
        return worn.patient == before.patient and worn.since <= at < (worn.to or FOREVER)

    gone = {at for at in T if any(a <= at < b for a, b in left(before, after, T[until]))}
    assert gone == {at for at in T[:until] if had(before, at) and not had(after, at)}
