"""The FHIR door on real Kafka and PostgreSQL."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from deploy.parts import running
from tests.integration.ingest.gateways import ROOT, enrol, refusals, stored
from tests.waiting import wait_for
from tests.web import TRUST
from vitals.topics import Topics


@dataclass(frozen=True)
class Poster:
    """The HTTP API, as the door sees it."""

    port: int

    def posts(self, resource: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """(status, body)."""
        answer = httpx.post(f"http://127.0.0.1:{self.port}/Observation", json=resource, timeout=20, verify=TRUST)
        return answer.status_code, answer.json()


def observation(value: float) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
        "effectiveDateTime": datetime.fromtimestamp(int(time.time()), UTC).isoformat(),
        "device": {"reference": "Device/dev-fhir"},
        "valueQuantity": {"value": value, "unit": "/min", "system": "http://unitsofmeasure.org", "code": "/min"},
    }


def bundle(kind: str, *values: float) -> dict[str, Any]:
    entries = [{"resource": observation(v), "request": {"method": "POST", "url": "Observation"}} for v in values]
    return {"resourceType": "Bundle", "type": kind, "entry": entries}


@pytest.fixture
def more() -> dict[str, str]:
    """What else the door is told."""
    return {}


@pytest.fixture
def poster(kafka: str, database: str, topics: Topics, more: dict[str, str]) -> Iterator[Poster]:
    """A door that listens."""
    enrol(database, "dev-fhir")
    port = running.free_port()
    environ = {"VIGIL_KAFKA": kafka, "VIGIL_DATABASE": database, "VIGIL_TOPIC_PREFIX": topics.prefix, "VIGIL_FHIR_PORT": str(port)}
    process = subprocess.Popen([sys.executable, "-m", "ingest.fhir_main"], cwd=ROOT, env={**os.environ, **environ, **more})
    wait_for(lambda: running.accepts("127.0.0.1", port), 90, "the door to listen")
    yield Poster(port)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0


def test_an_observation_is_created_when_it_is_in_kafka(poster: Poster, kafka: str, topics: Topics) -> None:
    one = observation(72)
    assert (poster.posts(one), [s[:2] for s in stored(kafka, topics)]) == ((201, one), [("patient-of-dev-fhir", "dev-fhir")])


@pytest.mark.slow
def test_what_was_taken_is_named_as_it_is_stored_also_when_it_comes_again(poster: Poster, kafka: str, topics: Topics) -> None:
    one = bundle("transaction", 72)
    told = [poster.posts(one)[1]["entry"][0]["response"]["location"].split(":") for _ in range(2)]
    ((patient, device, seq),) = stored(kafka, topics)
    assert [(name[3], *name[4:6], name[7]) for name in told] == [("hr", patient, device, str(seq))] * 2


@pytest.mark.slow
def test_a_transaction_is_taken_whole_or_not_at_all(poster: Poster, kafka: str, topics: Topics) -> None:
    bad, body = poster.posts(bundle("transaction", 70, 900))
    before = len(stored(kafka, topics))
    good, answer = poster.posts(bundle("transaction", 70, 71))
    issue = body["issue"][0]
    assert (bad, issue["code"], issue["expression"], before) == (422, "value", ["Bundle.entry[1].resource"], 0)
    assert (good, answer["type"], len(stored(kafka, topics)), len(refusals(kafka, topics))) == (200, "transaction-response", 2, 1)


@pytest.mark.slow
def test_a_batch_is_taken_each_by_itself(poster: Poster, kafka: str, topics: Topics) -> None:
    said = bundle("batch", 70, 71, 900)
    said["entry"][0]["resource"]["status"] = ""
    _, answer = poster.posts(said)
    assert [e["response"]["status"][:3] for e in answer["entry"]] == ["400", "201", "422"]
    assert (len(stored(kafka, topics)), sorted(r["reason"] for r in refusals(kafka, topics))) == (1, ["implausible", "malformed"])


@pytest.mark.slow
def test_what_is_no_resource_is_a_named_error_and_kept(poster: Poster, kafka: str, topics: Topics) -> None:
    status, body = poster.posts({"resourceType": "Patient"})
    assert (status, body["resourceType"], [r["reason"] for r in refusals(kafka, topics)]) == (400, "OperationOutcome", ["malformed"])


@pytest.mark.slow
@pytest.mark.parametrize("more", [{"VIGIL_QUOTA_RATE": "1", "VIGIL_QUOTA_BURST": "100"}])
def test_a_device_over_its_quota_is_told_when_to_come_again_and_nothing_of_it_is_kept(poster: Poster, kafka: str, topics: Topics) -> None:
    first, _ = poster.posts(bundle("transaction", *range(60, 160)))
    second, body = poster.posts(bundle("transaction", *range(60, 130)))
    kept = len(stored(kafka, topics)), len(refusals(kafka, topics))
    assert (first, second, body["issue"][0]["code"], kept) == (200, 429, "throttled", (100, 0))


@pytest.mark.slow
def test_a_device_that_came_to_another_patient_this_moment_is_not_the_subjects(
    poster: Poster, database: str, kafka: str, topics: Topics
) -> None:
    enrol(database, "dev-new")
    one = observation(72) | {"device": {"reference": "Device/dev-new"}, "subject": {"reference": "Patient/patient-of-dev-fhir"}}
    status, body = poster.posts(one)
    assert (status, body["issue"][0]["code"], stored(kafka, topics)) == (400, "business-rule", [])


@pytest.mark.slow
@pytest.mark.parametrize("more", [{"VIGIL_QUOTA_RATE": "1", "VIGIL_QUOTA_BURST": "100"}])
def test_what_is_to_come_again_is_not_refused_meanwhile(poster: Poster, kafka: str, topics: Topics) -> None:
    poster.posts(bundle("transaction", *range(60, 160)))
    wrong = bundle("batch", *range(60, 130))
    wrong["entry"].append({"resource": {"resourceType": "Patient"}, "request": {"method": "POST", "url": "Patient"}})
    assert (poster.posts(wrong)[0], refusals(kafka, topics)) == (429, [])
