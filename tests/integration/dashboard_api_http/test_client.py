"""The Python client against the real API: what a program wants to do, and what it is told when it may not."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from dashboard_api import totp
from tests.integration.dashboard_api_http.site import Site
from tests.integration.dashboard_api_http.test_second_factor import secret_of
from tests.integration.dashboard_api_http.test_sessions import PASSWORD, account
from vigil_client import Refused, Vigil

NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture(autouse=True)
def present() -> None:
    """NOW at each test: a long run imports its tests many minutes before it gets to them."""
    globals()["NOW"] = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def doctor(site: Site) -> Iterator[Vigil]:
    with Vigil(site.url, "doctor", site.accounts["doctor"]) as vigil:
        yield vigil


@pytest.fixture
def admin(site: Site) -> Iterator[Vigil]:
    with Vigil(site.url, "admin", site.accounts["admin"]) as vigil:
        yield vigil


def test_it_knows_who_it_is(doctor: Vigil) -> None:
    assert (doctor.me().role, {"north", "south"} <= {ward.id for ward in doctor.wards()}) == ("doctor", True)


def test_a_patient_and_their_vitals(site: Site, doctor: Vigil) -> None:
    patient = site.patient(bed="7")
    for second in range(3):
        site.reading(patient["id"], "hr", NOW - timedelta(seconds=second), 70 + second, seq=second)
    history = doctor.vitals(patient["id"], ["hr"], since=NOW - timedelta(minutes=1), to=NOW + timedelta(seconds=1))
    assert doctor.patient(patient["id"]).bed == "7"
    assert (history.resolution, [point.value for point in history.series[0].points]) == ("raw", [72, 71, 70])


def test_a_score_says_what_is_missing(site: Site, doctor: Vigil) -> None:
    patient = site.patient()["id"]
    site.reading(patient, "rr", NOW, 26)
    score = doctor.score(patient)
    assert (score.lowest, score.complete, score.inputs["rr"]["points"]) == (3, False, 3)


def test_a_list_goes_on_over_pages(site: Site, doctor: Vigil) -> None:
    patient = site.patient()["id"]
    made = {site.alert(patient) for _ in range(3)}
    assert {alert.id for alert in doctor.alerts(patient=patient, state="open")} == made


def test_an_alert_has_its_timeline(site: Site, doctor: Vigil) -> None:
    alert = doctor.alert(site.alert(site.patient()["id"]))
    assert (alert.kind, alert.priority, [step["kind"] for step in alert.timeline]) == ("physiological", "high", ["raised"])


def test_an_action_nobody_answers_is_taken_in(site: Site, doctor: Vigil) -> None:
    assert doctor.act(site.alert(site.patient()["id"]), "acknowledge") is None  # no alert worker runs beside this site


def test_a_device_is_enrolled_and_put_on_a_patient_once(site: Site, admin: Vigil) -> None:
    patient = site.patient()["id"]
    device = admin.enrol("monitor", "north")
    assigned = admin.assign(device.id, patient, NOW)
    with pytest.raises(Refused) as caught:
        admin.assign(device.id, patient, NOW)
    assert (assigned.n, caught.value.status, [d.id for d in admin.devices(patient=patient)]) == (1, 409, [device.id])


def test_what_may_not_be_seen_is_refused_with_the_servers_words(site: Site, admin: Vigil) -> None:
    with pytest.raises(Refused) as caught:
        admin.vitals(site.patient()["id"])
    assert (caught.value.status, caught.value.problem["title"]) == (403, "Your role may not do this")


def test_a_wrong_password_is_refused(site: Site) -> None:
    with pytest.raises(Refused) as caught, Vigil(site.url, f"nobody{time.monotonic_ns()}", "wrong password") as vigil:
        vigil.me()
    assert caught.value.status == 401


def test_a_session_that_was_ended_elsewhere_begins_again(site: Site) -> None:
    name = account(site)
    with Vigil(site.url, name, PASSWORD) as vigil:
        vigil.me()
        site.sql("UPDATE access.session SET revoked_at = now() WHERE username = %s", name)
        assert vigil.me().username == name


def test_the_code_of_a_second_factor_is_asked_for(site: Site) -> None:
    name = account(site)
    client = site.logged_in(name, PASSWORD)
    secret = secret_of(client.post("/api/v1/me/second-factor").json())
    step = totp.step_of(time.time())
    client.post("/api/v1/me/second-factor/confirm", json={"code": totp.code(secret, step)}).raise_for_status()
    with Vigil(site.url, name, PASSWORD, code=lambda: totp.code(secret, step + 1)) as vigil:
        assert vigil.me().username == name


def test_leaving_ends_the_session(site: Site) -> None:
    name = account(site)
    with Vigil(site.url, name, PASSWORD) as vigil:
        vigil.me()
    assert site.sql("SELECT revoked_why FROM access.session WHERE username = %s", name) == [("logged out",)]
