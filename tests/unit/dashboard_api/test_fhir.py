"""Observations have the shape of the R4 vital-signs profiles; searches are understood or refused by name."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dashboard_api.fhir import resources
from dashboard_api.fhir.readings import _ID
from dashboard_api.fhir.search import Search, parsed
from dashboard_api.problems import Problem
from vitals import news2
from vitals.registry import BY_NAME, VITALS

AT = datetime(2026, 11, 21, 2, 29, 7, 250000, tzinfo=UTC)


def row(name: str, value: float | None = 50.0, second: float | None = None) -> dict[str, Any]:
    kind = BY_NAME[name].index
    return {
        "kind": kind,
        "patient_no": 7,
        "observed_at": AT,
        "received_at": AT,
        "device_no": 3,
        "seq": 9,
        "device": "dev-1",
        "value": value,
        "second": second,
    }


def codes(concept: dict[str, Any]) -> list[str]:
    return [coding["code"] for coding in concept["coding"]]


@pytest.mark.parametrize("name", [v.name for v in VITALS if v.name not in ("dbp", "on_oxygen")])
def test_every_observation_has_what_the_profile_demands(name: str) -> None:
    found = resources.observation(row(name, value=1.0, second=1.0), "p1")
    assert {"status", "category", "code", "subject", "effectiveDateTime"} <= found.keys()
    assert (codes(found["category"][0]), found["code"]["coding"][0]["system"]) == (["vital-signs"], resources.LOINC)
    assert any(key.startswith("value") or key == "component" for key in found)


def test_what_has_no_loinc_code_is_not_called_a_vital_sign() -> None:
    found = resources.observation(row("on_oxygen", value=1.0), "p1")
    assert (codes(found["category"][0]), found["meta"], found["valueBoolean"]) == (["therapy"], {"lastUpdated": AT}, True)


@pytest.mark.parametrize("name", ["hr", "spo2", "rr", "temp", "weight"])
def test_a_quantity_is_in_the_fixed_unit(name: str) -> None:
    quantity = resources.observation(row(name), "p1")["valueQuantity"]
    assert (quantity["system"], quantity["code"]) == ("http://unitsofmeasure.org", BY_NAME[name].unit)


def test_saturation_carries_both_codes() -> None:
    assert codes(resources.observation(row("spo2"), "p1")["code"]) == ["2708-6", "59408-5"]


def test_a_pressure_is_a_panel_without_a_value_of_its_own() -> None:
    found = resources.observation(row("sbp", 120.0, 80.0), "p1")
    assert codes(found["code"]) == ["85354-9"]
    assert [(codes(c["code"]), c["valueQuantity"]["value"]) for c in found["component"]] == [(["8480-6"], 120.0), (["8462-4"], 80.0)]
    assert not any(key.startswith("value") for key in found)


def test_a_half_of_a_pressure_that_is_missing_says_so() -> None:
    found = resources.observation(row("sbp", 120.0, None), "p1")
    assert "dataAbsentReason" in found["component"][1]


def test_no_value_is_absent_and_not_a_number() -> None:
    found = resources.observation(row("hr", None), "p1")
    assert codes(found["dataAbsentReason"]) == ["unknown"]


def test_news2_is_a_survey_derived_from_its_inputs() -> None:
    update = news2.score_one("p1", {"hr": (131.0, 0)}, now=0)
    found = resources.news2(update, AT, ["hr.7.0.3.9"], 7)
    assert codes(found["category"][0]) == ["survey"]
    assert (found["derivedFrom"], codes(found["code"])) == ([{"reference": "Observation/hr.7.0.3.9"}], ["88330-6", "1104051000000101"])


@given(st.text(min_size=1, max_size=200))
@settings(max_examples=80)
@example("Ada\N{NO-BREAK SPACE}Test")
def test_whatever_a_person_is_called_is_a_fhir_string(name: str) -> None:
    person = {"id": "p1", "version": 1, "discharged_at": None, "mrn": name, "name": name, "sex": "other", "birth_date": AT.date()}
    found = resources.patient(person)
    assert all(re.fullmatch(r"[ \r\n\t\S]+", said) for said in (found["name"][0]["text"], found["identifier"][0]["value"]))


@pytest.mark.parametrize("name", ["bp", "on_oxygen", "o2_flow", "acvpu"])
def test_an_id_is_a_fhir_id_and_says_where_the_reading_is(name: str) -> None:
    text = resources.identity(name, 10**9 - 1, AT, 10**9 - 1, 2**62 - 1)
    found = _ID.match(text)
    assert len(text) <= 64
    assert found is not None
    assert int(found[3]) == 1795228147250


@pytest.mark.parametrize(
    ("dates", "since", "to"),
    [
        (["2026-11-21"], "2026-11-21T00:00:00", "2026-11-22T00:00:00"),
        (["2026-11"], "2026-11-01T00:00:00", "2026-12-01T00:00:00"),
        (["2026-12"], "2026-12-01T00:00:00", "2027-01-01T00:00:00"),
        (["2026"], "2026-01-01T00:00:00", "2027-01-01T00:00:00"),
        (["ge2026-11-21", "lt2026-11-23"], "2026-11-21T00:00:00", "2026-11-23T00:00:00"),
        (["gt2026-11-21", "le2026-11-23"], "2026-11-22T00:00:00", "2026-11-24T00:00:00"),
        (["2026-11-21T10:00:00+02:00"], "2026-11-21T08:00:00", "2026-11-21T08:00:01"),
        (["2026-11-21T10:00Z"], "2026-11-21T10:00:00", "2026-11-21T10:01:00"),
    ],
)
def test_a_date_means_its_whole_period(dates: list[str], since: str, to: str) -> None:
    search = parsed([("date", date) for date in dates])
    assert (search.since, search.to) == (datetime.fromisoformat(since + "+00:00"), datetime.fromisoformat(to + "+00:00"))


def test_codes_with_and_without_a_system() -> None:
    search = parsed([("code", "http://loinc.org|8867-4,8310-5")])
    assert (search.vitals, search.news2) == ({BY_NAME["hr"].index, BY_NAME["temp"].index}, False)


def test_the_pressure_panel_is_both_halves() -> None:
    assert parsed([("code", "85354-9")]).vitals == {BY_NAME["sbp"].index, BY_NAME["dbp"].index}


def test_what_has_no_loinc_code_is_found_by_its_own_and_by_its_category() -> None:
    oxygen = frozenset({BY_NAME["on_oxygen"].index})
    assert parsed([("code", "urn:vigil:vital|on_oxygen"), ("category", "therapy")]).vitals == oxygen
    assert (parsed([("category", "therapy")]).vitals, parsed([("category", "vital-signs")]).vitals & oxygen) == (oxygen, frozenset())


def test_a_category_narrows() -> None:
    assert (parsed([("category", "survey")]).vitals, parsed([("category", "vital-signs")]).news2) == (frozenset(), False)


@pytest.mark.parametrize("pair", [("nonsense", "x"), ("date", "yesterday"), ("date", "2026-13"), ("_count", "-1"), ("_count", "many")])
def test_what_is_not_understood_is_a_400_that_names_it(pair: tuple[str, str]) -> None:
    with pytest.raises(Problem) as caught:
        parsed([pair])
    assert (caught.value.status, pair[0] in str(caught.value)) == (400, True)


@given(st.text(max_size=30))
@settings(max_examples=80)
def test_any_text_is_a_date_or_a_400(text: str) -> None:
    try:
        found: Search | Problem = parsed([("date", text)])
    except Problem as problem:
        found = problem
    assert isinstance(found, Search) or found.status == 400
