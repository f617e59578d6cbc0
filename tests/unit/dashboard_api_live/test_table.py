"""Claims about the table of newest values."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard_api.live.table import LIVE, NO_VALUE, STALE, VitalTable
from tests.unit.dashboard_api_live.ward import NOW, readings
from vitals import registry

HR = registry.index("hr")
ROWS = np.array([0], np.int64)


def folded(*rows: tuple[str, int, dict[str, float]], table: VitalTable | None = None) -> VitalTable:
    table = table or VitalTable()
    given_rows = readings(*rows)
    table.fold(np.zeros(len(given_rows), np.int64), given_rows, 1, NOW)
    return table


def test_the_newest_observation_wins_whatever_the_order() -> None:
    table = folded(("p", NOW - 1, {"hr": 80}), ("p", NOW - 9, {"hr": 60}))
    assert table.value[0, HR] == 80


def test_what_is_older_than_shown_changes_nothing() -> None:
    table = folded(("p", NOW, {"hr": 80}))
    assert table.fold(ROWS, readings(("p", NOW - 5_000, {"hr": 50})), 2, NOW) == 0


def test_no_value_is_a_state_and_no_number() -> None:
    table = folded(("p", NOW - 1, {"hr": 80}), ("p", NOW, {"hr": None}))
    assert (table.state[0, HR], np.isnan(table.value[0, HR])) == (NO_VALUE, True)


def test_a_value_is_stale_after_two_of_its_own_cadences() -> None:
    table = folded(("p", NOW - 20_000, {"hr": 80}))
    folded(("p", NOW - 10_000, {"hr": 80}), table=table)
    folded(("p", NOW, {"hr": 80}), table=table)
    assert (table.sweep(NOW + 19_000), table.sweep(NOW + 21_000)) == (0, 1)


def test_a_fast_channel_is_not_stale_before_the_floor() -> None:
    table = folded(("p", NOW - 100, {"hr": 80}))
    folded(("p", NOW, {"hr": 80}), table=table)
    assert (table.sweep(NOW + 2_900), table.sweep(NOW + 3_100)) == (0, 1)


def test_a_backlog_is_shown_as_stale_not_as_live() -> None:
    table = folded(*[("p", NOW - 600_000 + i * 1000, {"hr": 80.0}) for i in range(60)])
    folded(("p", NOW - 530_000, {"hr": 80}), table=table)
    assert table.state[0, HR] == STALE


def test_a_pause_of_the_device_does_not_make_its_cadence_the_pause() -> None:
    table = folded(("p", NOW - 3_602_000, {"hr": 80}))
    for at in (NOW - 3_601_000, NOW - 3_600_000, NOW):
        folded(("p", at, {"hr": 80}), table=table)
    assert table.cadence[0, HR] < 2_000


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(NOW - 2_000, NOW), st.integers(20, 300)), min_size=1, max_size=20), st.data())
def test_any_split_into_batches_ends_in_the_same_picture(samples: list[tuple[int, int]], data: st.DataObject) -> None:
    rows = [("p", at, {"hr": float(value)}) for at, value in samples]
    cut = data.draw(st.integers(0, len(rows)))
    apart = folded(*rows[cut:], table=folded(*rows[:cut]) if cut else None) if cut < len(rows) else folded(*rows)
    assert apart.value[0, HR] == folded(*rows).value[0, HR]


def test_the_table_grows_and_keeps_what_it_has() -> None:
    table = folded(("p", NOW, {"hr": 80}))
    table.reserve(1_000)
    assert (len(table.value) >= 1_000, table.value[0, HR], table.state[0, HR]) == (True, 80, LIVE)
