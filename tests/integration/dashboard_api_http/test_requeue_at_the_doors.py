"""What was refused at the HL7 and FHIR doors goes back to them, and lands exactly once; what they have to say is passed on."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from deploy.parts import running
from tests.integration.dashboard_api_http.site import Site
from tests.integration.ingest.gateways import ROOT, stored
from tests.waiting import wait_for

As = Callable[[str], httpx.Client]
DOORS = ("mllp", "fhir")
BURST = 100


@pytest.fixture(scope="module")
def doors(site: Site) -> Iterator[None]:
    """Both, where the site looks for them."""
    ports = {"mllp": running.free_port(), "fhir": site.fhir_port}
    environ = {
        "VIGIL_KAFKA": site.kafka,
        "VIGIL_DATABASE": site.database,
        "VIGIL_TOPIC_PREFIX": site.topics.prefix,
        "VIGIL_METRICS_PORT": "",
        "VIGIL_MLLP_PEERS": "10.255.255.1",
        "VIGIL_MLLP_BACK_PORT": str(site.mllp_back_port),
        "VIGIL_QUOTA_RATE": "1",
        "VIGIL_QUOTA_BURST": str(BURST),
    }
    environ |= {f"VIGIL_{name.upper()}_PORT": str(port) for name, port in ports.items()}
    started = [subprocess.Popen([sys.executable, "-m", f"ingest.{name}_main"], cwd=ROOT, env={**os.environ, **environ}) for name in ports]
    for port in ports.values():
        wait_for(lambda at=port: running.accepts("127.0.0.1", at), 90, "the door to listen")
    yield
    for process in started:
        process.terminate()
    assert [process.wait(60) for process in started] == [0, 0]


def said(door: str, device: str, at: datetime) -> bytes:
    """One heart rate, as a hospital system says it."""
    if door == "mllp":
        when = at.strftime("%Y%m%d%H%M%S+0000")
        rows = (
            f"MSH|^~\\&|X^{device}^EUI-64|N|||{when}||ORU^R01^ORU_R01|42|P|2.6", f"OBR|1|||x|||{when}",
            "OBX|1|NM|147842^MDC_ECG_HEART_RATE^MDC|1.5.1.1|80|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||R",
        )  # fmt: skip
        return "\r".join(rows).encode() + b"\r"
    observation = {
        "resourceType": "Observation", "status": "final", "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
        "effectiveDateTime": at.isoformat(), "device": {"reference": f"Device/{device}"},
        "valueQuantity": {"value": 80, "unit": "/min", "system": "http://unitsofmeasure.org", "code": "/min"},
    }  # fmt: skip
    return json.dumps(observation).encode()


def refused(site: Site, door: str, device: str, at: datetime) -> str:
    """The id of a refusal, as the archive keeps it."""
    name = uuid.uuid4().hex
    sql = """INSERT INTO telemetry.refusal (id, reason, detail, door, source, device, payload, first_at, last_at)
             VALUES (%s, 'unassigned_device', 'on nobody', %s, %s, %s, %s, now(), now())"""
    site.sql(sql, name, door, f"{door}:somebody", device, said(door, device, at))
    return name


@pytest.mark.usefixtures("doors")
@pytest.mark.parametrize("door", DOORS)
def test_a_requeued_one_lands_exactly_once(site: Site, as_: As, door: str) -> None:
    device, patient, now = site.device()["id"], site.patient()["id"], datetime.now(UTC)
    name = refused(site, door, device, now - timedelta(minutes=5))
    before = as_("admin").post(f"/api/v1/refusals/{name}/requeue")
    open_still = as_("admin").get(f"/api/v1/refusals/{name}").json()["state"]
    body = {"patient_id": patient, "from": (now - timedelta(hours=1)).isoformat()}
    as_("admin").post(f"/api/v1/devices/{device}/assignments", json=body).raise_for_status()
    wait_for(lambda: as_("admin").post(f"/api/v1/refusals/{name}/requeue").status_code == 200, 60, "the door to know of the assignment")
    again = as_("admin").post(f"/api/v1/refusals/{name}/requeue")
    landed = [s[:2] for s in stored(site.kafka, site.topics) if s[1] == device]
    assert (before.status_code, open_still, again.json()["state"], landed) == (409, "open", "requeued", [(patient, device)]), before.text


@pytest.mark.usefixtures("doors")
def test_who_posts_more_than_a_devices_quota_is_told_when_to_come_again_and_may(site: Site, as_: As) -> None:
    device, patient, now = site.device()["id"], site.patient()["id"], datetime.now(UTC)
    body = {"patient_id": patient, "from": (now - timedelta(hours=1)).isoformat()}
    as_("admin").post(f"/api/v1/devices/{device}/assignments", json=body).raise_for_status()
    entries = [json.loads(said("fhir", device, now - timedelta(seconds=n))) for n in range(BURST)]
    bundle = {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [{"resource": e, "request": {"method": "POST", "url": "Observation"}} for e in entries],
    }

    def posted(key: str) -> httpx.Response:
        return as_("integration").post("/fhir/R4", json=bundle, headers={"Idempotency-Key": key})

    first, over, again = posted("all"), posted("more"), posted("more")
    assert (first.status_code, over.status_code, over.json()["issue"][0]["code"]) == (200, 429, "throttled"), first.text
    assert (int(over.headers["retry-after"]) > 0, again.headers.get("idempotent-replayed")) == (True, None)
