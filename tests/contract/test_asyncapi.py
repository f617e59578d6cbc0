"""The AsyncAPI document and the code agree."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from dashboard_api.dynsec import acls, topics
from deploy.asyncapi import KAFKA, MQTT, TO_DEVICES, document, text
from vitals.topics import Topics

COMMITTED = Path(__file__).resolve().parents[2] / "docs" / "asyncapi.json"


def schema(name: str) -> dict[str, Any]:
    whole = document()
    return {"$ref": f"#/components/schemas/{name}", "components": whole["components"]}


def test_the_committed_document_is_what_the_code_says() -> None:
    assert COMMITTED.read_text() == text(), "run: .venv/bin/python -m deploy.asyncapi > docs/asyncapi.json"


def test_every_topic_is_documented() -> None:
    assert {getattr(Topics(), row[0]) for row in KAFKA} == set(Topics().settings())


@pytest.mark.parametrize("kind", ["monitor", "gateway"])
def test_every_topic_that_a_device_is_told_at_its_enrolment_is_documented(kind: str) -> None:
    words = dict.fromkeys(("device_id", "gateway_id"), "dev-1")
    assert set(topics("dev-1", kind).values()) <= {address.format_map(words) for address, _, _ in MQTT.values()}


def test_nothing_goes_to_devices_but_what_they_may_hear() -> None:
    words, hear = {"device_id": "dev-1"}, {acl["topic"] for acl in acls("dev-1", "monitor") if acl["acltype"] == "publishClientReceive"}
    assert {MQTT[name][0].format_map(words) for name in TO_DEVICES} == hear


def test_every_reference_leads_somewhere() -> None:
    whole = document()
    dangling = []
    for reference in (part.split('"')[0] for part in json.dumps(whole).split('"$ref": "')[1:]):
        place: Any = whole
        for step in reference.removeprefix("#/").split("/"):
            place = place.get(step) if isinstance(place, dict) else None
        if place is None:
            dangling.append(reference)
    assert dangling == []


@pytest.mark.parametrize(
    "sample",
    [
        {"seq": 1, "observed_at": "2026-11-21T02:29:07.250Z", "vitals": {"hr": 72, "acvpu": "A", "on_oxygen": True}},
        {
            "seq": 1,
            "observed_at": 1795228800000,
            "vitals": {"150456": None, "8310-5": {"value": 98.4, "unit": "[degF]"}},
            "quality": {"spo2": 0.4},
        },
    ],
)
def test_the_contracts_samples_fit_the_schema(sample: dict[str, Any]) -> None:
    assert jsonschema.Draft202012Validator(schema("Sample")).is_valid(sample)


@pytest.mark.parametrize(
    "sample", [{"seq": -1, "observed_at": 1, "vitals": {}}, {"seq": 1, "vitals": {}}, {"seq": 1, "observed_at": 1, "vitals": {"hr": [1]}}]
)
def test_what_the_gateway_refuses_does_not_fit_the_schema(sample: dict[str, Any]) -> None:
    assert not jsonschema.Draft202012Validator(schema("Sample")).is_valid(sample)
