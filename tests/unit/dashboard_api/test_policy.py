"""Policy denies by default, and reach is by ward, by person and by broken glass."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard_api.policy import RIGHTS, Caller, Right, Role, permits, reach, rights, sees, sees_ward

CLINICAL = {
    Right.VITALS_READ,
    Right.LIMITS_READ,
    Right.ALERTS_READ,
    Right.ALERTS_ACT,
    Right.EXPORT,
    Right.EXPLAIN,
    Right.NOTES_READ,
    Right.NOTES_WRITE,
}


def caller(role: Role, **facts: object) -> Caller:
    return Caller("somebody", role, **facts)  # type: ignore[arg-type]  # keywords of the dataclass


def test_every_role_has_a_row() -> None:
    assert set(RIGHTS) == set(Role)


def test_an_admin_has_no_clinical_right() -> None:
    assert not CLINICAL & RIGHTS[Role.ADMIN]


def test_an_auditor_has_the_audit_and_nothing_else() -> None:
    assert RIGHTS[Role.AUDITOR] == {Right.ME, Right.AUDIT_READ}


def test_only_an_auditor_reads_the_audit() -> None:
    assert [role for role in Role if Right.AUDIT_READ in RIGHTS[role]] == [Role.AUDITOR]


def test_an_integration_without_scopes_may_do_nothing_but_ask_who_it_is() -> None:
    assert rights(caller(Role.INTEGRATION)) == {Right.ME}


def test_a_scope_beyond_the_role_gives_nothing() -> None:
    assert not permits(caller(Role.INTEGRATION, scopes=frozenset({"audit.read"})), Right.AUDIT_READ)


@pytest.mark.parametrize(
    ("who", "ward", "expected"),
    [
        (caller(Role.DOCTOR, all_wards=True), "any", True),
        (caller(Role.NURSE, wards=frozenset({"north"})), "north", True),
        (caller(Role.NURSE, wards=frozenset({"north"})), "south", False),
        (caller(Role.NURSE), "north", False),
        (caller(Role.NURSE, broken_glass=frozenset({"p1"})), "south", True),
        (caller(Role.NURSE, broken_glass=frozenset({"p2"})), "south", False),
        (caller(Role.ONCALL, wards=frozenset({"north"})), "north", True),
        (caller(Role.PATIENT, patient="p1"), "any", True),
        (caller(Role.PATIENT, patient="p2"), "any", False),
        (caller(Role.PATIENT), "any", False),
        (caller(Role.PATIENT, all_wards=True, wards=frozenset({"north"})), "north", False),
        (caller(Role.ADMIN), "any", True),
        (caller(Role.AUDITOR, all_wards=True), "any", False),
        (caller(Role.INTEGRATION, wards=frozenset({"north"})), "south", False),
    ],
)
def test_who_sees_patient_p1(who: Caller, ward: str, expected: bool) -> None:
    assert sees(who, "p1", ward) is expected


@pytest.mark.parametrize("role", [Role.PATIENT, Role.AUDITOR])
def test_no_ward_is_open_to_a_patient_or_an_auditor(role: Role) -> None:
    assert not sees_ward(caller(role, all_wards=True, wards=frozenset({"north"})), "north")


_IDS = st.sampled_from(["a", "b", "c"])


@given(
    st.builds(
        Caller,
        st.just("u"),
        st.sampled_from(Role),
        st.booleans(),
        st.frozensets(_IDS),
        st.none() | _IDS,
        st.just(frozenset()),
        st.frozensets(_IDS),
    )
)
def test_what_a_ward_shows_each_of_its_patients_shows(who: Caller) -> None:
    open_wards = [ward for ward in "abc" if sees_ward(who, ward)]
    assert all(reach(who).covers("somebody else", ward) for ward in open_wards)
