"""A correction of an assignment is kept for ever and told on both patients."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest

from tests.integration.dashboard_api_http.site import Site

As = Callable[[str], httpx.Client]
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


@dataclass(frozen=True)
class Mixed:
    """A device that was put on `wrong` (on the nurse's ward) an hour ago, a reading a minute, and on `right` (on another ward)."""

    site: Site
    device: str
    wrong: str
    right: str
    since: datetime

    def assign(self, patient: str, since: datetime, to: datetime | None = None) -> None:
        """One more assignment."""
        body = {"patient_id": patient, "from": since.isoformat(), "to": to.isoformat() if to else None}
        self.site.client("admin").post(f"/api/v1/devices/{self.device}/assignments", json=body).raise_for_status()

    def correct(self, **changes: Any) -> None:
        """A correction of the first."""
        said = {name.rstrip("_"): v.isoformat() if isinstance(v, datetime) else v for name, v in changes.items()}
        self.site.client("admin").patch(f"/api/v1/devices/{self.device}/assignments/1", json=said).raise_for_status()

    def told(self, role: str, patient: str) -> list[tuple[str, str, str, str]]:
        """What the patient's page says: which way, whose, and from when to when."""
        items = self.site.client(role).get(f"/api/v1/patients/{patient}/assignments").json()["corrections"]
        return [(c["moved"], c["other"], c["from"], c["to"]) for c in items]


@pytest.fixture
def mixed(site: Site) -> Mixed:
    """Sixty readings on the wrong patient."""
    since = datetime.now(UTC).replace(microsecond=0) - HOUR
    one = Mixed(site, site.device()["id"], site.patient("north")["id"], site.patient("south")["id"], since)
    one.assign(one.wrong, since)
    number = site.sql("SELECT no FROM clinical.device WHERE id = %s", one.device)[0][0]
    for minute in range(60):
        site.reading(one.wrong, "hr", since + minute * MINUTE, 70, seq=minute, device_no=number)
    return one


def z(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def test_both_patients_are_told_what_was_moved(mixed: Mixed) -> None:
    end = mixed.since + 40 * MINUTE
    mixed.correct(to=end)
    mixed.correct(patient_id=mixed.right)
    span = (z(mixed.since), z(end))
    assert (mixed.told("admin", mixed.wrong)[0], mixed.told("admin", mixed.right)) == (
        ("away", "patient", *span),
        [("here", "patient", *span)],
    )


def test_the_wrong_patient_from_five_past_to_forty_is_three_corrections(mixed: Mixed) -> None:
    first, last = mixed.since + 5 * MINUTE, mixed.since + 40 * MINUTE
    mixed.correct(to=first)
    mixed.assign(mixed.right, first, last)
    mixed.assign(mixed.wrong, last)
    here, away = mixed.told("admin", mixed.wrong)
    assert (here[:3], away[:3], mixed.told("admin", mixed.right)) == (
        ("here", "nobody", z(last)),
        ("away", "nobody", z(first)),
        [("here", "nobody", z(first), z(last))],
    )


def test_who_may_not_see_the_other_patient_is_not_told_who_it_is(mixed: Mixed, as_: As) -> None:
    mixed.correct(patient_id=mixed.right)
    url = f"/api/v1/patients/{mixed.wrong}/assignments"
    told = {role: as_(role).get(url).json()["corrections"][0] for role in ("nurse", "admin")}
    assert {role: (c["other"], c["other_patient"], c["by"], c["readings"]) for role, c in told.items()} == {
        "nurse": ("patient", None, "admin", 60),
        "admin": ("patient", mixed.right, "admin", 60),
    }


def test_the_other_patients_record_of_reads_has_it_where_who_reads_is_told(mixed: Mixed, as_: As) -> None:
    mixed.correct(patient_id=mixed.right)
    as_("admin").get(f"/api/v1/patients/{mixed.wrong}/assignments")
    items = as_("auditor").get("/api/v1/audit", params={"patient": mixed.right}).json()["items"]
    assert "listPatientAssignments" in {entry["action"] for entry in items}


def test_taking_a_device_off_now_is_no_correction(mixed: Mixed) -> None:
    mixed.correct(to=datetime.now(UTC))
    assert mixed.told("admin", mixed.wrong) == []


def test_what_is_said_late_of_a_device_that_measured_nothing_is_no_correction(site: Site, mixed: Mixed) -> None:
    fresh = Mixed(site, site.device()["id"], mixed.wrong, mixed.right, mixed.since)
    fresh.assign(fresh.right, fresh.since)
    assert fresh.told("admin", fresh.right) == []


def test_the_audit_says_what_was_said_before_and_since(mixed: Mixed, as_: As) -> None:
    mixed.correct(patient_id=mixed.right)
    entries = as_("auditor").get("/api/v1/audit", params={"patient": mixed.wrong, "limit": "500"}).json()["items"]
    said = next(entry["detail"] for entry in entries if entry["action"] == "correctAssignment")
    assert {when: (said[when]["patient_id"], said[when]["from"], said[when]["to"]) for when in ("before", "after")} == {
        "before": (mixed.wrong, z(mixed.since), None),
        "after": (mixed.right, z(mixed.since), None),
    }


def test_a_correction_is_never_changed_nor_taken_back(mixed: Mixed) -> None:
    mixed.correct(patient_id=mixed.right)
    with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
        mixed.site.sql("DELETE FROM clinical.assignment_correction")


def test_the_patients_copy_of_everything_has_it(mixed: Mixed, as_: As) -> None:
    mixed.correct(patient_id=mixed.right)
    copy = as_("doctor").get(f"/api/v1/patients/{mixed.wrong}/export").json()
    assert [(c["moved"], c["device"]) for c in copy["corrections"]] == [("away", mixed.device)]
