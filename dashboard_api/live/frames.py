"""What the feed says, as bytes: the JSON of each message of `vigil.v1`, encoded once and sent to many.

In: a patient's cells and parts, alerts, waveform chunks, cursors. Out: UTF-8 JSON. Times leave as RFC 3339 UTC with milliseconds. No names,
birth dates or record numbers can be in it: the picture it is made from has none.
"""

from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np

from dashboard_api.api.alerts import shown
from dashboard_api.live.table import STATES, VitalTable
from vitals.alert import Alert
from vitals.link import Link
from vitals.registry import VITALS
from vitals.score import ScoreUpdate

_json = msgspec.json.Encoder()
Json = dict[str, Any]


def rfc3339(ms: int) -> str:
    """`ms` since 1970 UTC as 2026-11-21T02:29:07.250Z."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def vitals(table: VitalTable, row: int, cells: Any) -> dict[str, Json]:
    """The vitals of `row` in `cells` ((V,) bool): value (null = none), unit, observed_at, state; clock_ms where that was corrected."""
    chosen = np.flatnonzero(cells & (table.state[row] > 0)).tolist()
    value, observed, state, clock = table.value[row], table.observed[row], table.state[row], table.clock[row]
    return {
        VITALS[v].name: {
            "value": _shown(float(value[v]), VITALS[v].words),
            "unit": VITALS[v].unit,
            "observed_at": rfc3339(int(observed[v])),
            "state": STATES[state[v]],
        }
        | ({"clock_ms": int(clock[v])} if clock[v] else {})
        for v in chosen
    }


def _shown(value: float, words: tuple[str, ...]) -> float | int | str | None:
    if value != value:  # NaN: there is no value
        return None
    if words:
        return words[int(value)]
    return int(value) if value.is_integer() else value


def score(update: ScoreUpdate | None) -> Json | None:
    """NEWS2 with its range and inputs."""
    if update is None:
        return None
    inputs: dict[str, Json] = {name: msgspec.to_builtins(given) for name, given in update.inputs.items()}
    for given in inputs.values():
        if "observed_at" in given:
            given["observed_at"] = rfc3339(given["observed_at"])
    body: Json = msgspec.to_builtins(update)
    body.pop("patient")
    return body | {"at": rfc3339(update.at), "inputs": inputs}


def alert(of: Alert) -> Json:
    """The alert as the HTTP API has it."""
    return shown(msgspec.to_builtins(of))


def link(devices: list[Link]) -> Json | None:
    """One state for the tile (offline if any device is), the weakest battery, all that is still buffered; then each device."""
    if not devices:
        return None
    batteries = [d.battery for d in devices if d.battery is not None]
    return {
        "state": "offline" if any(d.state == "offline" for d in devices) else "online",
        "battery": min(batteries, default=None),
        "buffered": sum(d.buffered or 0 for d in devices),
        "at": rfc3339(max(d.at for d in devices)),
        "devices": [
            {"id": d.device, "kind": d.kind, "state": d.state, "battery": d.battery, "buffered": d.buffered, "at": rfc3339(d.at)}
            for d in devices
        ],
    }


def encoded(body: Json) -> bytes:
    """JSON bytes of one message or part."""
    return _json.encode(body)


def picture(kind: str, cursor: str, patients: list[bytes], extra: bytes = b"") -> bytes:
    """A snapshot or delta out of the patients' parts, each encoded before; `extra` is `"name":value,` or nothing."""
    return b'{"type":"%s",%s"cursor":"%s","patients":[%s]}' % (kind.encode(), extra, cursor.encode(), b",".join(patients))


def alert_frame(cursor: str, body: bytes) -> bytes:
    """One change of one alert; `body` is `encoded(alert(...))`."""
    return b'{"type":"alert","cursor":"%s","alert":%s}' % (cursor.encode(), body)


def heartbeat(now: int, behind_ms: int) -> bytes:
    """Server time and how far what this reader sees is behind, ms."""
    return encoded({"type": "heartbeat", "server_time": rfc3339(now), "behind_ms": behind_ms})


def error(code: str, message: str) -> bytes:
    """A named error; the message is for a person."""
    return encoded({"type": "error", "code": code, "message": message})
