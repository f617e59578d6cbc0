"""A child who was registered long ago is scored by today's age."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx

from dashboard_api import keys
from dashboard_api.age_bands import AgeBands
from dashboard_api.contexts import Contexts
from dashboard_api.kafka import Kafka
from dashboard_api.metrics import Metrics
from dashboard_api.timescale import Database
from tests.integration.dashboard_api_http.site import Site


def child(site: Site) -> str:
    """Six years old, registered as an infant."""
    patient: str = site.patient(birth_date=str((datetime.now(UTC) - timedelta(days=6 * 366)).date()))["id"]
    site.sql("UPDATE clinical.patient SET age_band = '0-3m' WHERE id = %s", patient)
    return patient


async def renewed(site: Site, now: datetime) -> None:
    database, kafka = Database(site.database), Kafka(site.kafka)
    await database.open()
    poll = asyncio.create_task(kafka.run())
    contexts = Contexts(database, kafka, site.topics, Metrics())
    await AgeBands(database, keys.derive(site.secret), contexts, lambda: now).renew()
    poll.cancel()
    await database.close()


def test_a_birthday_changes_the_band_and_what_detection_was_told(site: Site) -> None:
    patient = child(site)
    asyncio.run(renewed(site, datetime.now(UTC) + timedelta(days=10 * 366)))
    sql = """SELECT p.age_band, p.version = k.version FROM clinical.patient p
             JOIN access.context_published k ON k.patient = p.id WHERE p.id = %s"""
    assert site.sql(sql, patient) == [("adult", True)]


def test_who_is_taken_in_again_has_the_band_of_today(site: Site, as_: Callable[[str], httpx.Client]) -> None:
    url = f"/api/v1/patients/{child(site)}"
    answers = [as_("admin").patch(url, json={"discharged": gone}).json()["age_band"] for gone in (True, False)]
    assert answers == ["0-3m", "4-12y"]
