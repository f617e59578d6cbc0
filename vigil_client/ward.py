"""What the live feed's events make of a ward: who is there, with what values and alerts. Pure.

In: events in order. Out: patients, those first who need somebody first. Promise: a snapshot that is not a resumed one forgets what was
known before; what is stale is marked so, and stays marked until a new value comes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from msgspec import UNSET

from vigil_client.shapes import Alert, AlertChange, Delta, Event, Heartbeat, LivePatient, LiveVital, Snapshot

_WEIGHT = {"high": 3, "medium": 2, "low": 1}
_CALLING = frozenset({"active", "returned"})
_GREY = frozenset({"stale", "no_value"})


@dataclass(frozen=True, slots=True)
class Tile:
    """One patient as a nurse sees them."""

    id: str
    ward: str = ""
    bed: str = ""
    vitals: Mapping[str, LiveVital] = field(default_factory=dict)
    score: Mapping[str, Any] | None = None
    link: Mapping[str, Any] | None = None
    alerts: Mapping[str, Alert] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ward:
    """All tiles by patient, and how far behind the feed says it is (ms)."""

    tiles: Mapping[str, Tile] = field(default_factory=lambda: MappingProxyType({}))
    behind_ms: int = 0


def told(ward: Ward, event: Event) -> Ward:
    """The ward after one event."""
    match event:
        case Snapshot(patients=patients):
            return replace(ward, tiles={p.id: _changed(Tile(p.id), p) for p in patients})
        case Delta(patients=patients):
            tiles = dict(ward.tiles) | {p.id: _changed(ward.tiles.get(p.id, Tile(p.id)), p) for p in patients if not p.removed}
            return replace(ward, tiles={name: tile for name, tile in tiles.items() if name not in {p.id for p in patients if p.removed}})
        case AlertChange(alert=alert) if alert.patient in ward.tiles:
            tile = ward.tiles[alert.patient]
            alerts = {name: a for name, a in ({**tile.alerts, alert.id: alert}).items() if a.state != "closed"}
            return replace(ward, tiles={**ward.tiles, tile.id: replace(tile, alerts=alerts)})
        case Heartbeat(behind_ms=behind):
            return replace(ward, behind_ms=behind)
        case _:
            return ward


def _changed(tile: Tile, part: LivePatient) -> Tile:
    alerts = tile.alerts if part.alerts is UNSET else {a.id: a for a in part.alerts if a.state != "closed"}
    return Tile(
        tile.id,
        tile.ward if part.ward is UNSET else part.ward,
        tile.bed if part.bed is UNSET else part.bed,
        {**tile.vitals, **part.vitals},
        tile.score if part.score is UNSET else part.score,
        tile.link if part.link is UNSET else part.link,
        alerts,
    )


def calling(alert: Alert) -> bool:
    """Whether somebody should come."""
    return alert.state in _CALLING and not alert.retrospective


def ranked(tile: Tile) -> list[Alert]:
    """The tile's alerts, loudest first."""
    return sorted(tile.alerts.values(), key=lambda a: (calling(a), _WEIGHT[a.priority], a.started_at), reverse=True)


def grey(tile: Tile) -> bool:
    """Whether nothing on it is fresh."""
    return all(vital.state in _GREY for vital in tile.vitals.values())


def need(tile: Tile) -> int:
    """How much a patient needs somebody: open alerts by priority, then NEWS2, then silence (as the page sorts)."""
    loudest = next(iter(ranked(tile)), None)
    alert = 0 if loudest is None else (4 if calling(loudest) else 1) * _WEIGHT[loudest.priority]
    score = int((tile.score or {}).get("lowest", 0))
    return alert * 100 + score * 5 + 4 * ((tile.link or {}).get("state") == "offline") + 3 * grey(tile)


def by_need(ward: Ward) -> list[Tile]:
    """Whoever needs somebody first comes first; among equals by bed."""
    return sorted(ward.tiles.values(), key=lambda t: (-need(t), t.ward, t.bed.rjust(6, "0"), t.id))
