"""A device's connection as the page sees it."""

import pytest

from dashboard_api.live.state import Picture
from vitals.link import Link


@pytest.mark.parametrize("patient", ["p", "q"])
def test_what_was_said_last_of_a_battery_stays_where_a_link_says_nothing_of_it(patient: str) -> None:
    picture = Picture(1)
    picture.link(Link(device="d", state="online", at=1, battery=0.1, patient="p"), 0)
    picture.link(Link(device="d", state="offline", at=2, patient=patient), 1)
    known = picture.patients[patient].links["d"]
    assert (known.state, known.battery) == ("offline", 0.1)
