"""Six hours come back from two devices through the whole chain: gateway, Kafka, detection, archive, alerts, a pager, the database."""

import contextlib
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator

import msgspec
import pytest

from deploy.parts.mosquitto import Broker
from tests.integration.alerts.stage import Receiver, Site
from tests.integration.ingest.gateways import ROOT, Device, Gateway, enrol
from tests.waiting import wait_for
from vitals.registry import index
from vitals.rules import default
from vitals.topics import Topics

pytestmark = pytest.mark.slow

SAMPLES, EVERY_MS, BATCH = 2_160, 10_000, 100
MIDDLE, END = range(1_000, 1_060), range(2_100, 2_160)
"""Ten minutes of desaturation, in the middle or at the end."""
SPO2 = index("spo2")


@contextlib.contextmanager
def worker(module: str, site: Site) -> Iterator[None]:
    """`python -m module worker` on the site."""
    environ = {"VIGIL_KAFKA": site.kafka, "VIGIL_DATABASE": site.database, "VIGIL_TOPIC_PREFIX": site.topics.prefix, "VIGIL_ROLLUP_S": "1"}
    process = subprocess.Popen([sys.executable, "-m", module, "worker"], cwd=ROOT, env=os.environ | environ)
    try:
        yield
    finally:
        process.terminate()
        process.wait(60)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def devices(mosquitto: Broker, database: str, device_account: Callable[[str], str]) -> Iterator[tuple[Device, Device]]:
    """Two, each on a patient: one that is well again by now, one that is not."""
    names = [f"dev-{uuid.uuid4().hex[:12]}" for _ in range(2)]
    enrol(database, *names)
    made = Device(mosquitto, names[0], device_account(names[0])), Device(mosquitto, names[1], device_account(names[1]))
    yield made
    for one in made:
        one.close()


def come_back(device: Device, low: range, since: int) -> None:
    """The backlog as the simulator's device sends it."""
    samples = [
        {"seq": n, "observed_at": since + n * EVERY_MS, "vitals": {"spo2": saturation(n, low), "hr": 74 + n % 3, "rr": 14 + n % 2}}
        for n in range(SAMPLES)
    ]
    for i in range(0, SAMPLES, BATCH):
        device.say({"batch": samples[i : i + BATCH]})


def without_silence(site: Site) -> None:
    """That these devices say no more is nobody's concern here, however long the machine takes for the rest."""
    silence = msgspec.structs.replace(default().silence, least_s=3_600, offline_s=3_600)
    site.say_raw(site.topics.rules, msgspec.json.encode(msgspec.structs.replace(default(), version=2, silence=silence)))


@pytest.mark.timeout(900)
def test_six_hours_come_back_as_history_and_only_what_still_is_pages(
    gateway: Gateway, devices: tuple[Device, Device], kafka: str, database: str, topics: Topics, receiver: Receiver
) -> None:
    well, ill = devices
    site = Site(kafka, database, topics)
    without_silence(site)
    since = time.time_ns() // 1_000_000 - SAMPLES * EVERY_MS
    alerts = site.worker(VIGIL_WEBHOOK_URL=receiver.url)
    gateway.start()
    with worker("streams.detect_app", site), worker("streams.archive_app", site), alerts:
        come_back(well, MIDDLE, since)
        come_back(ill, END, since)
        wait_for(lambda: receiver.got, 240, "the page for what still is")
        wait_for(lambda: history(site, well), 120, "the note of what was missed")
        wait_for(lambda: hours(site, well) == hours_of(MIDDLE, since), 120, "the roll-ups")
    assert stored(site, well) == stored_of(MIDDLE, since)
    assert history(site, well) == [(since + MIDDLE.start * EVERY_MS, since + MIDDLE.stop * EVERY_MS, 80.0)]
    assert paged(site, well) == []
    assert [*{notice["key"]: notice["priority"] for _, notice, _ in receiver.got}.values()] == ["high"]


def saturation(n: int, low: range) -> float:
    """Never quite still: a value that stays the same for hours is a condition of its own."""
    return (80.0 if n in low else 96.0) + n % 2


def of(device: Device) -> str:
    return f"patient-of-{device.id}"


def history(site: Site, device: Device) -> list[tuple[int, int, float]]:
    """(from, to, worst) of each retrospective alert that is about the saturation."""
    return site.rows(
        "SELECT (extract(epoch FROM started_at) * 1000)::bigint, (extract(epoch FROM ended_at) * 1000)::bigint,"
        " (body->'evidence'->>'worst')::float FROM alerting.alert"
        " WHERE patient = %s AND retrospective AND rule = 'limits' AND subject = 'spo2'",
        of(device),
    )


def paged(site: Site, device: Device) -> list[tuple[str, str]]:
    """(rule, priority) of each page."""
    return site.rows(
        "SELECT rule, page.priority FROM alerting.page JOIN alerting.alert ON alert.id = page.alert WHERE patient = %s", of(device)
    )


def stored(site: Site, device: Device) -> list[tuple[int, float]]:
    """(observed_at, SpO2) in the order of their times."""
    return site.rows(
        "SELECT (extract(epoch FROM observed_at) * 1000)::bigint, value FROM telemetry.reading JOIN clinical.patient p ON p.no = patient_no"
        " WHERE p.id = %s AND vital = %s ORDER BY 1",
        of(device),
        SPO2,
    )


def stored_of(low: range, since: int) -> list[tuple[int, float]]:
    return [(since + n * EVERY_MS, saturation(n, low)) for n in range(SAMPLES)]


def hours(site: Site, device: Device) -> list[tuple[int, int, float, float]]:
    """(hour, n, low, high) of the roll-ups."""
    return site.rows(
        "SELECT (extract(epoch FROM bucket) * 1000)::bigint, n, low, high FROM telemetry.rollup_1h"
        " JOIN clinical.patient p ON p.no = patient_no WHERE p.id = %s AND vital = %s ORDER BY 1",
        of(device),
        SPO2,
    )


def hours_of(low: range, since: int) -> list[tuple[int, int, float, float]]:
    by_hour: dict[int, list[float]] = {}
    for at, value in stored_of(low, since):
        by_hour.setdefault(at // 3_600_000 * 3_600_000, []).append(value)
    return [(hour, len(v), min(v), max(v)) for hour, v in sorted(by_hour.items())]
