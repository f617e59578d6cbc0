"""AsyncAPI 3.0 of what travels over MQTT, Kafka and the live WebSocket, made from the types that the code itself uses.

In: the vocabulary's structs, the topics' settings. Out: `docs/asyncapi.json` (`python -m deploy.asyncapi > docs/asyncapi.json`).
Promise: a test compares the committed file with this, so the document and the code agree. Nothing of a patient but a pseudonym is in it.
"""

import json
import sys
from collections.abc import Iterable
from typing import Any

import msgspec

from vitals.alert import Alert, Command
from vitals.batch import SCHEMA, SCHEMA_ID
from vitals.context import PatientContext
from vitals.device_config import DeviceConfig
from vitals.finding import Finding
from vitals.link import Link
from vitals.refusal import Reason, Refusal
from vitals.registry import VITALS
from vitals.score import ScoreUpdate
from vitals.topics import Topics

Json = dict[str, Any]
MOMENT: Json = {"oneOf": [{"type": "string", "format": "date-time"}, {"type": "number", "description": "ms since 1970 UTC"}]}
VALUE: Json = {
    "description": "a bare number in the vital's canonical unit; null, -100 and 8388607 mean: no value",
    "oneOf": [
        {"type": ["number", "null", "boolean"]},
        {"type": "string", "enum": ["A", "C", "V", "P", "U"]},
        {
            "type": "object",
            "required": ["value"],
            "properties": {
                "value": {"type": ["number", "null", "boolean", "string"]},
                "unit": {"type": ["string", "null"], "description": "UCUM; absent or null: as a bare value"},
            },
        },
    ],
}
SAMPLE: Json = {
    "type": "object",
    "required": ["seq", "observed_at", "vitals"],
    "properties": {
        "seq": {
            "type": "integer",
            "minimum": 0,
            "maximum": 2**63 - 1,
            "description": "rising per device; (device, seq) is a sample for ever",
        },
        "observed_at": MOMENT,
        "vitals": {
            "type": "object",
            "description": "keys are names, LOINC codes or MDC codes: " + ", ".join(v.name for v in VITALS),
            "additionalProperties": VALUE,
            "maxProperties": 64,
        },
        "quality": {"type": "object", "additionalProperties": {"type": "number", "minimum": 0, "maximum": 1}},
    },
    "examples": [{"seq": 1024, "observed_at": "2026-11-21T02:29:07.250Z", "vitals": {"hr": 72, "temp": {"value": 98.4, "unit": "[degF]"}}}],
}
_SAMPLES: Json = {"type": "array", "items": {"$ref": "#/components/schemas/Sample"}, "maxItems": 5000}
DEVICE_MESSAGES: dict[str, Json] = {
    "Sample": SAMPLE,
    "Vitals": {
        "oneOf": [{"$ref": "#/components/schemas/Sample"}, {"type": "object", "required": ["batch"], "properties": {"batch": _SAMPLES}}]
    },
    "GatewayVitals": {
        "type": "object",
        "required": ["devices"],
        "properties": {"devices": {"type": "object", "additionalProperties": _SAMPLES}},
    },
    "Status": {
        "type": "object",
        "required": ["state"],
        "properties": {
            "state": {"enum": ["online", "offline"]},
            "battery": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
            "buffered": {"type": ["integer", "null"], "minimum": 0},
        },
    },
    "WaveformChunk": {
        "type": "object",
        "required": ["seq", "observed_at", "channel", "rate_hz", "unit", "samples"],
        "properties": {
            "seq": {"type": "integer", "minimum": 0},
            "observed_at": MOMENT,
            "channel": {"type": "string", "pattern": "^[a-z0-9_]{1,32}$"},
            "rate_hz": {"type": "number", "exclusiveMinimum": 0},
            "unit": {"type": "string", "maxLength": 16},
            "samples": {"type": "array", "items": {"type": ["number", "null"]}, "minItems": 1},
        },
    },
    "Refused": {
        "type": "object",
        "required": ["reason", "detail"],
        "properties": {
            "seq": {"type": ["integer", "null"]},
            "reason": {"enum": [r.value for r in Reason]},
            "detail": {"type": "string"},
            "device": {"type": "string", "description": "to a hub: for which device it said what was refused"},
        },
    },
}
MQTT: dict[str, tuple[str, str, str]] = {
    "deviceVitals": (
        "vigil/v1/{device_id}/vitals",
        "Vitals",
        "a sample, or a backlog; QoS 1: once it is acknowledged with success Vigil has it, and stores or refuses it durably; "
        'anything else (0x10 "no matching subscribers", a broken connection): keep it and say it again a little later',
    ),
    "gatewayVitals": ("vigil/v1/gateways/{gateway_id}/vitals", "GatewayVitals", "a hub that speaks for many devices"),
    "deviceWaveform": ("vigil/v1/{device_id}/waveform", "WaveformChunk", "evenly spaced samples of one channel"),
    "deviceStatus": (
        "vigil/v1/{device_id}/status",
        "Status",
        "retained, and the will; what was said last of `battery` stays where it is left out",
    ),
    "deviceRefused": (
        "vigil/v1/{device_id}/refused",
        "Refused",
        "back to the device, or hub, that said it: what could not be used, and why",
    ),
    "deviceConfig": (
        "vigil/v1/{device_id}/config",
        "DeviceConfig",
        "to the device, retained, QoS 1: how often to measure, and whether to send curves; what is absent is left to it. "
        "An empty message: nothing is wanted any more",
    ),
}
"""Channel -> (address, message, summary)."""
TO_DEVICES = ("deviceRefused", "deviceConfig")
"""All other channels are what devices send."""

STRUCTS = (DeviceConfig, Refusal, Link, PatientContext, ScoreUpdate, Finding, Command, Alert)
KAFKA: tuple[tuple[str, str, str, str], ...] = (
    ("readings", "ReadingsBatch", "ingest", "streams/detect, streams/archive, dashboard_api/live"),
    ("refused", "Refusal", "ingest, streams", "streams/archive"),
    ("links", "Link", "ingest", "streams/detect, streams/archive, dashboard_api/live"),
    ("waveforms", "Waveform", "ingest", "streams, dashboard_api/live"),
    ("patients", "PatientContext", "dashboard_api", "streams/detect, dashboard_api/live"),
    ("rules", "RuleSet", "dashboard_api", "streams/detect"),
    ("checkpoints", "Page", "streams/detect", "streams/detect"),
    ("watches", "Marks", "streams/waveform_app", "streams/waveform_app"),
    ("scores", "ScoreUpdate", "streams/detect", "dashboard_api/live"),
    ("findings", "Finding", "streams, ingest, dashboard_api", "alerts"),
    ("commands", "Command", "dashboard_api", "alerts"),
    ("alerts", "Alert", "alerts", "dashboard_api/live"),
)
"""Topic, message, who writes it, who reads it."""

_TEXT: Json = {"type": "string"}
_CURSOR: Json = {"type": "string", "description": "opaque; give it back as `resume`"}
LIVE: dict[str, tuple[str, list[str], Json]] = {
    "auth": ("send", ["token"], {"token": _TEXT}),
    "subscribe": (
        "send",
        [],
        {
            "wards": {"type": "array", "items": _TEXT},
            "patients": {"type": "array", "items": _TEXT},
            "waveforms": {"type": "array", "items": {"type": "object", "properties": {"patient": _TEXT, "channel": _TEXT}}},
            "resume": _CURSOR,
        },
    ),
    "snapshot": ("receive", ["cursor", "patients"], {"cursor": _CURSOR, "patients": {"type": "array", "items": {"type": "object"}}}),
    "delta": ("receive", ["cursor", "patients"], {"cursor": _CURSOR, "patients": {"type": "array", "items": {"type": "object"}}}),
    "alert": ("receive", ["cursor", "alert"], {"cursor": _CURSOR, "alert": {"type": "object"}}),
    "waveform": ("receive", ["patient", "channel", "observed_at", "rate_hz", "samples"], {"patient": _TEXT, "channel": _TEXT}),
    "heartbeat": ("receive", ["server_time", "behind_ms"], {"server_time": _TEXT, "behind_ms": {"type": "number"}}),
    "error": ("receive", ["code", "message"], {"code": _TEXT, "message": _TEXT}),
}
"""Frame type -> (seen from the client, required members, their schemas)."""


def document() -> Json:
    """The whole AsyncAPI document."""
    topics = Topics()
    settings = topics.settings()
    channels: Json = {name: _channel(address, [message], summary) for name, (address, message, summary) in MQTT.items()}
    for attribute, message, writer, readers in KAFKA:
        topic = getattr(topics, attribute)
        channel = _channel(topic, [message], f"written by {writer}; read by {readers}")
        channel["bindings"] = {"kafka": {"topic": topic, "topicConfiguration": dict(settings[topic]), "bindingVersion": "0.5.0"}}
        channels[f"kafka.{attribute}"] = channel
    channels["live"] = _channel("/live", [f"live.{t}" for t in LIVE], "WebSocket, subprotocol vigil.v1")
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Vigil", "version": "1", "description": "What devices, services and dashboards say to one another."},
        "channels": channels,
        "operations": _operations(),
        "components": {"messages": _messages(), "schemas": _schemas()},
    }


def _channel(address: str, messages: Iterable[str], summary: str) -> Json:
    channel: Json = {"address": address, "summary": summary, "messages": {m: {"$ref": f"#/components/messages/{m}"} for m in messages}}
    if "{" in address:
        channel["parameters"] = {part[1:-1]: {"description": "as enrolled"} for part in address.split("/") if part.startswith("{")}
    return channel


def _operations() -> Json:
    operations: Json = {}
    for name in MQTT:
        operations[name] = {"action": "receive" if name in TO_DEVICES else "send", "channel": {"$ref": f"#/channels/{name}"}}
    for frame, (action, _, _) in LIVE.items():
        messages = [{"$ref": f"#/channels/live/messages/live.{frame}"}]
        operations[f"live.{frame}"] = {"action": action, "channel": {"$ref": "#/channels/live"}, "messages": messages}
    return operations


def _messages() -> Json:
    headers = {"type": "object", "properties": {"traceparent": {"type": "string", "description": "W3C trace context"}, "schema": _TEXT}}
    messages: Json = {name: {"payload": {"$ref": f"#/components/schemas/{name}"}} for _, name, _ in MQTT.values()}
    for _, name, _, _ in KAFKA:
        kind = {"ReadingsBatch": "application/vnd.apache.arrow", **dict.fromkeys(("Waveform", "Page", "Marks"), "application/msgpack")}.get(
            name, "application/json"
        )
        messages[name] = {"headers": headers, "contentType": kind, "payload": {"$ref": f"#/components/schemas/{name}"}}
    for frame, (_, required, properties) in LIVE.items():
        payload = {"type": "object", "required": ["type", *required], "properties": {"type": {"const": frame}, **properties}}
        messages[f"live.{frame}"] = {"payload": payload}
    return messages


def _schemas() -> Json:
    _, structs = msgspec.json.schema_components(STRUCTS, ref_template="#/components/schemas/{name}")
    columns = "; ".join(f"{field.name}: {field.type}" for field in SCHEMA)
    batch = f"{SCHEMA_ID.decode()}: one Arrow IPC record batch without its schema, then its CRC-32 (4 bytes, big-endian). {columns}"
    order = "Order of the values: " + ", ".join(v.name for v in VITALS) + "."
    return {
        **DEVICE_MESSAGES,
        **structs,
        "ReadingsBatch": {"type": "string", "format": "binary", "description": f"{batch}. {order}"},
        "Waveform": {
            "type": "string",
            "format": "binary",
            "description": "vitals/waveform.py: msgpack; int16 samples with their gain and offset",
        },
        "Page": {
            "type": "string",
            "format": "binary",
            "description": "streams/detect/checkpoint.py: 64 patients' state, lz4-compressed msgpack",
        },
        "Marks": {"type": "string", "format": "binary", "description": "streams/detect/waveform/marks.py: conditions that are on, msgpack"},
        "RuleSet": {"type": "object", "required": ["version"], "properties": {"version": {"type": "integer"}}},
    }


def text() -> str:
    """The document as it is committed."""
    return json.dumps(document(), indent=1, ensure_ascii=False, sort_keys=True) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
