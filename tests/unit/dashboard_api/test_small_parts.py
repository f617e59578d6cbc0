"""Buckets, cursors, spans, queries and the broker's commands."""

import json
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard_api import cursor, decoding, dynsec
from dashboard_api.api.assignments import NewAssignment
from dashboard_api.api.break_glass import BreakGlass
from dashboard_api.api.devices import DeviceQuery, NewDevice
from dashboard_api.api.history import VitalsQuery, named
from dashboard_api.api.limits import checked
from dashboard_api.api.rights import ConsentsBody
from dashboard_api.problems import Problem
from dashboard_api.span import BUCKETS, MOST_POINTS, coarser, resolution_for
from dashboard_api.throttle import Rate, Throttle

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def test_a_burst_passes_and_the_next_waits() -> None:
    throttle = Throttle(Rate(per_second=2, burst=3))
    assert [throttle.wait("a", 0.0) for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]


def test_one_callers_bucket_is_not_anothers() -> None:
    throttle = Throttle(Rate(per_second=1, burst=1))
    throttle.wait("a", 0.0)
    assert throttle.wait("b", 0.0) == 0.0


def test_a_bucket_fills_again() -> None:
    throttle = Throttle(Rate(per_second=1, burst=1))
    throttle.wait("a", 0.0)
    assert throttle.wait("a", 1.0) == 0.0


def test_what_is_given_back_may_be_taken_again_and_no_more() -> None:
    throttle = Throttle(Rate(per_second=1, burst=2))
    waits = [throttle.wait("a", 0.0) for _ in range(2)]
    throttle.give_back("a")
    assert [*waits, throttle.wait("a", 0.0), throttle.wait("a", 0.0)] == [0.0, 0.0, 0.0, 1.0]


@given(st.lists(st.one_of(st.integers(-(2**53), 2**53), st.text(max_size=5)), max_size=4))
@settings(max_examples=50)
def test_a_cursor_says_back_what_it_was_made_of(key: list[int | str]) -> None:
    assert cursor.decode(cursor.encode(*key), list[int | str]) == key


@pytest.mark.parametrize(("asked", "held"), [("1", 1), ("500", 500), ("501", 500), ("99999999999999999999", 500)])
def test_a_page_holds_what_is_asked_for_up_to_the_longest(asked: str, held: int) -> None:
    assert decoding.query([("limit", asked)], DeviceQuery).limit == held


@pytest.mark.parametrize("asked", ["0", "-1", "many"])
def test_a_page_of_nothing_is_a_422(asked: str) -> None:
    with pytest.raises(Problem) as caught:
        decoding.query([("limit", asked)], DeviceQuery)
    assert caught.value.status == 422


@given(st.text(max_size=30))
@settings(max_examples=50)
def test_any_text_is_a_cursor_or_a_400(text: str) -> None:
    try:
        status = len(cursor.decode(text, tuple[datetime, str]))
    except Problem as problem:
        status = problem.status
    assert status in (2, 400)


@given(st.timedeltas(min_value=timedelta(seconds=1), max_value=timedelta(days=200)))
def test_the_chosen_resolution_fits_an_answer(span: timedelta) -> None:
    assert span / BUCKETS[resolution_for(NOW - span, NOW)] <= MOST_POINTS


def test_the_coarsest_resolution_stays() -> None:
    assert (coarser("raw"), coarser("5m"), coarser("1h")) == ("1m", "1h", "1h")


def test_a_plus_that_became_a_blank_is_a_plus() -> None:
    found = decoding.query([("from", "2026-11-21T02:00:00 01:00")], VitalsQuery)
    assert found.since == datetime(2026, 11, 21, 1, tzinfo=UTC)


def test_a_time_is_kept_in_utc_whatever_its_offset_was() -> None:
    asked = decoding.query([("from", "2026-11-21T02:00:00+01:00")], VitalsQuery).since
    told = decoding.body(b'{"patient_id": "p", "from": "2026-11-21T02:00:00.5-03:30"}', NewAssignment).since
    assert [at.isoformat() for at in (asked, told)] == ["2026-11-21T01:00:00+00:00", "2026-11-21T05:30:00.500000+00:00"]


def test_a_time_within_a_list_is_kept_in_utc() -> None:
    body = b'{"items": [{"purpose": "research", "granted": true, "at": "2026-11-21T02:00:00+01:00"}]}'
    assert decoding.body(body, ConsentsBody).items[0].at.isoformat() == "2026-11-21T01:00:00+00:00"


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_time_that_utc_has_no_year_for_is_a_422(text: str) -> None:
    with pytest.raises(Problem) as caught:
        decoding.query([("from", text)], VitalsQuery)
    assert caught.value.status == 422


@pytest.mark.parametrize("pairs", [[("form", "x")], [("from", "yesterday")], [("from", "2026-11-21T02:00:00")], [("resolution", "2m")]])
def test_a_query_that_is_not_understood_is_a_422(pairs: list[tuple[str, str]]) -> None:
    with pytest.raises(Problem) as caught:
        decoding.query(pairs, VitalsQuery)
    assert caught.value.status == 422


def test_a_vital_may_be_named_by_its_code_and_counts_once() -> None:
    assert [v.name for v in named("hr,8867-4, spo2,2708-6")] == ["hr", "spo2"]


@pytest.mark.parametrize(
    "body",
    [
        {"hr": {"low": 45}},
        {"hr": {"low": 45}, "reason": " "},
        {"reason": "why"},
        {"hr": {}, "reason": "why"},
        {"hr": {"low": 140, "high": 45}, "reason": "why"},
        {"hr": {"low": 5}, "reason": "why"},
        {"hr": {"low": "45"}, "reason": "why"},
        {"hr": {"lo": 45}, "reason": "why"},
        {"hr": {"low": 45, "set_by": "doctor"}, "reason": "why"},
        {"hrr": {"low": 45}, "reason": "why"},
        {"acvpu": {"low": 1}, "reason": "why"},
        {"hr": {"low": 45}, "reason": "why", "expires_at": "2026-11-20T00:00:00Z"},
        {"hr": {"low": 45}, "reason": "why", "expires_at": "2026-11-22T00:00:00"},
    ],
)
def test_limits_that_make_no_sense_are_a_422(body: dict[str, object]) -> None:
    with pytest.raises(Problem) as caught:
        checked(body, NOW)
    assert caught.value.status == 422


def test_a_limit_given_as_null_is_to_be_removed() -> None:
    bounds, terms = checked({"hr": None, "spo2": {"low": 88}, "reason": "copd", "expires_at": "2026-11-22T00:00:00+01:00"}, NOW)
    assert (bounds["hr"], msgspec.to_builtins(bounds["spo2"]), terms.reason) == (None, {"low": 88.0, "high": None}, "copd")


@pytest.mark.parametrize(("said", "kept"), [("cgm", "cgm"), ("Monitor", "monitor"), ("Bedside  monitor ", "bedside-monitor")])
def test_a_kind_of_device_has_one_name(said: str, kept: str) -> None:
    assert decoding.body(json.dumps({"kind": said}).encode(), NewDevice).kind == kept


@pytest.mark.parametrize("kind", ["", " ", " monitor", "2nd monitor", "monitor\n", "mo/nitor", "m" * 41])
def test_a_kind_that_no_topic_or_table_can_hold_is_a_422(kind: str) -> None:
    with pytest.raises(Problem) as caught:
        decoding.body(json.dumps({"kind": kind}).encode(), NewDevice)
    assert caught.value.status == 422


@pytest.mark.parametrize(("reason", "taken"), [("CPR", True), (" a b c ", True), ("", False), ("  ab  ", False), ("   ", False)])
def test_glass_is_broken_for_a_reason_that_can_be_seen(reason: str, taken: bool) -> None:
    try:
        body = decoding.body(json.dumps({"patient_id": "p", "reason": reason}).encode(), BreakGlass)
    except Problem:
        body = None
    assert (body is not None) is taken


@pytest.mark.parametrize("kind", ["monitor", "gateway"])
def test_a_device_may_publish_only_under_its_own_id(kind: str) -> None:
    topics = [acl["topic"] for acl in dynsec.acls("dev-1", kind)]
    assert all("dev-1" in topic.split("/") and "#" not in topic and "+" not in topic for topic in topics)


def test_a_gateway_speaks_for_others_instead_of_itself() -> None:
    sends = {acl["topic"] for acl in dynsec.acls("dev-1", "gateway") if acl["acltype"] == "publishClientSend"}
    assert sends == {"vigil/v1/gateways/dev-1/vitals", "vigil/v1/dev-1/waveform", "vigil/v1/dev-1/status"}


def test_a_command_done_before_is_done() -> None:
    assert [dynsec.refused(r) for r in ({}, {"error": "Client not found"}, {"error": "Internal error"})] == [None, None, "Internal error"]


@given(st.text(max_size=400))
@settings(max_examples=50)
def test_what_is_logged_of_a_caller_is_printable_and_bounded(text: str) -> None:
    said = decoding.printable(text)
    assert said.isprintable() and len(said) <= 300  # noqa: PT018  # one claim: fit to be stored
