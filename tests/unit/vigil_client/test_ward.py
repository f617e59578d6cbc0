"""A ward as the feed tells it: sorted by need, what is old shown as old, nothing kept that a new snapshot does not have."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigil_client.screen import changed, line, screen, value
from vigil_client.shapes import Event, LiveVital
from vigil_client.ward import Ward, by_need, need, told

AT = "2026-11-21T02:29:07.250Z"


def event(**body: Any) -> Any:
    return msgspec.json.decode(json.dumps(body), type=Event)


def vital(number: float | str | None = 72, state: str = "live") -> dict[str, Any]:
    return {"value": number, "unit": "/min", "observed_at": AT, "state": state}


def alert(patient: str, priority: str = "high", state: str = "active", name: str = "a1") -> dict[str, Any]:
    return {"id": name, "patient": patient, "ward": "north", "class": "physiological", "priority": priority, "state": state, "rule": "r",
            "title": "SpO2 low", "started_at": AT, "ended_at": None}  # fmt: skip


def part(name: str, bed: str = "1", **more: Any) -> dict[str, Any]:
    return {"id": name, "ward": "north", "bed": bed, "vitals": {"hr": vital()}, "score": None, "link": None, "alerts": []} | more


def ward(*patients: dict[str, Any]) -> Ward:
    return told(Ward(), event(type="snapshot", cursor="c", patients=list(patients)))


def test_a_delta_changes_what_it_names_and_nothing_else() -> None:
    after = told(ward(part("p", bed="7")), event(type="delta", cursor="d", patients=[{"id": "p", "vitals": {"spo2": vital(91)}}]))
    tile = after.tiles["p"]
    assert (tile.bed, sorted(tile.vitals), tile.vitals["spo2"].value) == ("7", ["hr", "spo2"], 91)


def test_who_is_removed_is_gone() -> None:
    assert told(ward(part("p"), part("q")), event(type="delta", cursor="d", patients=[{"id": "p", "removed": True}])).tiles.keys() == {"q"}


def test_a_new_snapshot_forgets_what_was_known() -> None:
    assert told(ward(part("p")), event(type="snapshot", cursor="d", patients=[part("q")])).tiles.keys() == {"q"}


@pytest.mark.parametrize(("state", "kept"), [("active", {"a1"}), ("closed", set())])
def test_an_alert_is_there_until_it_is_closed(state: str, kept: set[str]) -> None:
    before = told(ward(part("p")), event(type="alert", cursor="d", alert=alert("p")))
    assert told(before, event(type="alert", cursor="e", alert=alert("p", state=state))).tiles["p"].alerts.keys() == kept


def test_whoever_needs_somebody_first_comes_first() -> None:
    here = ward(
        part("calm", "1"), part("silent", "2", vitals={"hr": vital(state="stale")}), part("scored", "3", score={"lowest": 7, "highest": 7}),
        part("low", "4", alerts=[alert("low", "low")]), part("seen", "5", alerts=[alert("seen", "high", "acknowledged")]),
        part("high", "6", alerts=[alert("high", "high")]),
    )  # fmt: skip
    assert [tile.id for tile in by_need(here)] == ["high", "low", "seen", "scored", "silent", "calm"]


@pytest.mark.parametrize(
    ("number", "state", "text"),
    [
        (72, "live", "72"),
        (72, "stale", "(72)"),
        (72, "doubtful", "72?"),
        (None, "no_value", "--"),
        ("A", "live", "A"),
        (36.6, "live", "36.6"),
    ],
)
def test_a_number_is_never_read_as_fresher_than_it_is(number: Any, state: str, text: str) -> None:
    assert value(msgspec.convert(vital(number, state), LiveVital)) == text


def test_a_line_says_in_words_what_the_screen_says_in_colour() -> None:
    tile = ward(part("p", "7", alerts=[alert("p")], score={"lowest": 3, "highest": 9})).tiles["p"]
    assert " ".join(line(tile).split()) == "north/7 3-9 72 -- -- -- -- -- !!! high active: SpO2 low"


def test_on_eighty_columns_there_is_room_for_the_alert() -> None:
    pressure = {"sbp": vital(120), "dbp": vital(80)}
    text = screen(ward(part("p", "12", vitals=pressure, alerts=[alert("p")])), "north", (80, 24))
    assert ("120/80" in text, "!!! high" in text) == (True, True)


def test_a_small_screen_says_how_many_do_not_fit() -> None:
    text = screen(ward(*(part(f"p{i}", str(i)) for i in range(30))), "north", (80, 10))
    assert (len(text.splitlines()) <= 10, "... and 25 more" in text) == (True, True)


def test_what_is_stale_is_grey_and_what_is_behind_says_so() -> None:
    here = told(ward(part("p", vitals={"hr": vital(state="stale")})), event(type="heartbeat", server_time=AT, behind_ms=9000))
    text = screen(here, "north", (80, 24))
    assert ("\x1b[2m" in text, "BEHIND by 9 s" in text) == (True, True)


def test_without_a_terminal_only_alerts_are_told() -> None:
    told_ = [changed(event(type="alert", cursor="d", alert=alert("p"))), changed(event(type="heartbeat", server_time=AT, behind_ms=0))]
    assert told_ == ["2026-11-21T02:29:07Z north p !!! high active: SpO2 low", None]


_PARTS = st.lists(st.sampled_from([part("p"), part("q", alerts=[alert("q")]), {"id": "p", "removed": True}, {"id": "r"}]), max_size=4)
_EVENTS = st.lists(st.tuples(st.sampled_from(["snapshot", "delta"]), _PARTS), max_size=6)


@given(_EVENTS)
def test_any_order_of_events_can_be_shown(events: list[tuple[str, list[dict[str, Any]]]]) -> None:
    here = Ward()
    for kind, parts in events:
        here = told(here, event(type=kind, cursor="c", patients=parts))
    assert sorted(map(need, here.tiles.values()), reverse=True) == [need(tile) for tile in by_need(here)]
    assert screen(here, "t", (80, 24))
