"""Every frame that the feed says is of the form that docs/asyncapi.json and CONTRACT.md section 5 promise."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from dashboard_api.live import frames
from dashboard_api.live.audience import Subscription
from dashboard_api.live.feed import Feed
from tests.contract.promised import ALERT
from tests.unit.dashboard_api_live.ward import NOW, Port, Ward, alert
from vitals.link import Link
from vitals.score import ScoreInput, ScoreUpdate

DOCUMENT = json.loads(Path("docs/asyncapi.json").read_text())
TIME = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"}
VITAL = {
    "type": "object",
    "required": ["value", "unit", "observed_at", "state"],
    "properties": {
        "value": {"type": ["number", "string", "null"]},
        "unit": {"type": "string"},
        "observed_at": TIME,
        "state": {"enum": ["live", "stale", "no_value", "doubtful"]},
    },
    "additionalProperties": False,
}
PATIENT = {
    "type": "object",
    "required": ["id"],
    "properties": {
        "id": {"type": "string"},
        "ward": {"type": "string"},
        "bed": {"type": "string"},
        "vitals": {"type": "object", "additionalProperties": VITAL},
        "score": {"type": ["object", "null"], "required": ["lowest", "highest", "tier", "inputs"]},
        "link": {"type": ["object", "null"], "required": ["state"]},
        "alerts": {"type": "array"},
        "removed": {"const": True},
    },
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def said() -> list[dict[str, Any]]:
    """One of each: snapshot, deltas, alert, heartbeat, error."""
    ward, port = Ward(), Port()
    ward.admit("p1")
    ward.told(("p1", NOW, {"hr": 70, "spo2": None, "acvpu": 1}))
    feed = Feed(ward.picture, "kafka")
    feed.tick(NOW)
    feed.subscribe(port, Subscription(frozenset({"north"})), frozenset(), None, asked=False)
    ward.raised(alert("p1"))
    ward.picture.score(ScoreUpdate(patient="p1", at=NOW, lowest=1, highest=4, tier="low", scale=1, inputs={"rr": ScoreInput()}), 9)
    ward.picture.link(Link(device="d", state="online", at=NOW, battery=0.5, patient="p1"), 9)
    feed.tick(NOW + 1)
    ward.admit("p1", "south", 2)
    feed.tick(NOW + 2)
    feed.heartbeat(NOW)
    port.write(frames.error("not_found", "no"))
    return port.frames


def test_every_kind_of_frame_is_there(said: list[dict[str, Any]]) -> None:
    assert [frame["type"] for frame in said] == ["snapshot", "alert", "delta", "delta", "heartbeat", "error"]


def test_every_frame_fits_the_document(said: list[dict[str, Any]]) -> None:
    payloads = {frame["type"]: DOCUMENT["components"]["messages"][f"live.{frame['type']}"]["payload"] for frame in said}
    wrong = [error.message for frame in said for error in Draft202012Validator(payloads[frame["type"]]).iter_errors(frame)]
    assert wrong == []


def test_every_patient_in_a_frame_is_as_the_contract_says(said: list[dict[str, Any]]) -> None:
    parts = [part for frame in said for part in frame.get("patients", [])]
    wrong = [error.message for part in parts for error in Draft202012Validator(PATIENT).iter_errors(part)]
    assert wrong == []


def test_an_alert_has_all_that_the_contract_names(said: list[dict[str, Any]]) -> None:
    (heard,) = [frame["alert"] for frame in said if frame["type"] == "alert"]
    assert heard.keys() >= ALERT
