"""Scopes only ever take away; SMART's are understood in both versions, and what is no scope grants nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard_api.policy import RIGHTS, Caller, Given, Right, Role, from_claims, may_hold, permits, rights
from dashboard_api.scopes import RESOURCES, parsed


def limited(role: Role, *limits: str, scopes: frozenset[str] = frozenset()) -> Caller:
    return Caller("somebody", role, all_wards=True, scopes=scopes, limits=frozenset(limits))


@pytest.mark.parametrize(
    ("text", "letters"),
    [
        ("patient/Observation.rs", "rs"), ("user/*.cruds", "cruds"), ("system/Patient.r", "r"), ("user/Device.read", "rs"),
        ("user/Observation.write", "cud"), ("system/DetectedIssue.*", "cruds"),
    ],
)  # fmt: skip
def test_a_scope_says_its_interactions(text: str, letters: str) -> None:
    scope = parsed(text)
    assert scope is not None
    assert scope.letters == frozenset(letters)


@pytest.mark.parametrize(
    "text", ["", "openid", "user/Observation.", "user/Observation.sr", "user/Medication.rs", "ward/Patient.rs", "user/Patient.rs?x=y"]
)
def test_what_is_no_scope_is_none(text: str) -> None:
    assert parsed(text) is None


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ("user/Observation.rs", {Right.ME, Right.VITALS_READ}),
        ("user/Patient.rs", {Right.ME, Right.PATIENTS_READ}),
        ("user/DetectedIssue.read", {Right.ME, Right.ALERTS_READ}),
        ("user/*.rs", {Right.ME, Right.VITALS_READ, Right.PATIENTS_READ, Right.DEVICES_READ, Right.ALERTS_READ}),
        ("user/Observation.r", {Right.ME}),
        ("second_factor.enrol", {Right.ME}),
        ("alerts.act", {Right.ME, Right.ALERTS_ACT}),
    ],
)
def test_a_doctors_token_may_what_its_scope_names(scope: str, expected: set[Right]) -> None:
    assert rights(limited(Role.DOCTOR, scope)) == expected


@pytest.mark.parametrize(("scope", "letter", "may"), [("system/Observation.r", "r", True), ("system/Observation.r", "s", False)])
def test_an_endpoint_may_need_one_letter_only(scope: str, letter: str, may: bool) -> None:
    caller = limited(Role.INTEGRATION, scope, scopes=frozenset({"vitals.read"}))
    assert permits(caller, Right.VITALS_READ, letter) is may


def test_a_token_of_an_integration_needs_its_account_to_have_it_too() -> None:
    caller = limited(Role.INTEGRATION, "system/*.cruds", scopes=frozenset({"system/Observation.rs"}))
    assert rights(caller) == {Right.ME, Right.VITALS_READ}


@pytest.mark.parametrize(
    ("role", "scope", "may"),
    [
        (Role.INTEGRATION, "system/Observation.rs", True), (Role.DOCTOR, "system/Observation.rs", False),
        (Role.DOCTOR, "user/Observation.rs", True), (Role.INTEGRATION, "user/Observation.rs", False),
        (Role.PATIENT, "patient/*.rs", True), (Role.DOCTOR, "patient/*.rs", False), (Role.NURSE, "audit.read", False),
        (Role.NURSE, "alerts.act", True), (Role.NURSE, "anything", False),
    ],
)  # fmt: skip
def test_who_may_hold_a_scope(role: Role, scope: str, may: bool) -> None:
    assert may_hold(role, scope) is may


_SCOPES = st.frozensets(
    st.builds(
        "{}/{}.{}".format, st.sampled_from(["user", "system", "patient"]), st.sampled_from([*RESOURCES, "*"]), st.sampled_from(["rs", "c"])
    )
    | st.sampled_from([right.value for right in Right])
    | st.text(max_size=8),
    max_size=4,
)


@given(st.sampled_from(Role), _SCOPES, _SCOPES)
def test_a_limit_never_adds(role: Role, own: frozenset[str], limits: frozenset[str]) -> None:
    whole, part = Caller("x", role, scopes=own), Caller("x", role, scopes=own, limits=limits)
    assert rights(part) <= rights(whole) <= RIGHTS[role]


@pytest.mark.parametrize(
    ("roles", "wards", "given_"),
    [
        (["vigil-nurse", "offline_access"], ["north"], Given(Role.NURSE, False, frozenset({"north"}))),
        ("doctor", "*", Given(Role.DOCTOR, True, frozenset())),
        (["admin"], None, Given(Role.ADMIN, False, frozenset())),
        (["nurse", "vigil-nurse"], [1, "south"], Given(Role.NURSE, False, frozenset({"south"}))),
        (["doctor", "admin"], [], None),
        (["patient"], [], None),
        (["integration"], [], None),
        ([], ["north"], None),
        (None, None, None),
        ({"doctor": True}, [], None),
    ],
)
def test_what_claims_make_of_somebody(roles: object, wards: object, given_: Given | None) -> None:
    assert from_claims(roles, wards) == given_
