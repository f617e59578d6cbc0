"""What the API and the feed say, as types. What a server of a later version adds is passed over."""

from datetime import datetime
from typing import Any, Literal

import msgspec


class Tokens(msgspec.Struct, frozen=True):
    """Of POST /token."""

    access_token: str
    expires_in: int
    refresh_token: str | None = None
    scope: str | None = None


class Me(msgspec.Struct, frozen=True):
    """Who I am. `wards` None: every ward."""

    username: str
    role: str
    wards: list[str] | None
    patient: str | None
    permissions: list[str]


class Ward(msgspec.Struct, frozen=True):
    """A ward."""

    id: str
    name: str


class Patient(msgspec.Struct, frozen=True, kw_only=True):
    """A patient; the person's fields are None after an erasure."""

    id: str
    ward: str
    bed: str
    mrn: str | None = None
    name: str | None = None
    discharged_at: datetime | None = None


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """A reading, or a bucket of them (`value` its mean). `no_value`: the device said that it has none."""

    observed_at: datetime
    value: float | str | None
    quality: float | None = None
    low: float | None = None
    high: float | None = None
    n: int | None = None
    no_value: bool = False


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """One vital through time. `next`: where to ask on, when there was more than fits."""

    vital: str
    unit: str
    points: list[Point]
    next: datetime | None = None


class History(msgspec.Struct, frozen=True, kw_only=True):
    """Of GET /patients/{id}/vitals."""

    patient: str
    resolution: str
    series: list[Series]


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """NEWS2, from `lowest` (what is missing counts 0) to `highest`."""

    patient: str
    at: datetime
    lowest: int
    highest: int
    tier: str
    complete: bool
    applicable: bool
    inputs: dict[str, dict[str, Any]]


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """An alert; `timeline` where it was asked for alone."""

    id: str
    patient: str
    ward: str
    kind: str = msgspec.field(name="class")
    priority: Literal["high", "medium", "low"]
    state: str
    rule: str
    title: str
    started_at: datetime
    ended_at: datetime | None = None
    retrospective: bool = False
    evidence: dict[str, Any] = {}
    delays: dict[str, Any] = {}
    timeline: list[dict[str, Any]] = []


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """A device, and on whom it is."""

    id: str
    kind: str
    ward: str | None = None
    patient: str | None = None
    assignment: int | None = None
    link: dict[str, Any] | None = None


class Enrolled(msgspec.Struct, frozen=True, kw_only=True):
    """A new device's account; the password is shown this once."""

    id: str
    username: str
    password: str
    topics: dict[str, str]


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """A device on a patient."""

    n: int


class LiveVital(msgspec.Struct, frozen=True, kw_only=True):
    """A value as it stands; `state`: live, doubtful, stale, no_value."""

    value: float | str | None
    unit: str
    observed_at: datetime
    state: str


class LivePatient(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a patient that changed, or all of one; what is UNSET did not change. `removed`: no longer shown to us."""

    id: str
    ward: str | msgspec.UnsetType = msgspec.UNSET
    bed: str | msgspec.UnsetType = msgspec.UNSET
    vitals: dict[str, LiveVital] = {}
    score: dict[str, Any] | msgspec.UnsetType | None = msgspec.UNSET
    link: dict[str, Any] | msgspec.UnsetType | None = msgspec.UNSET
    alerts: list[Alert] | msgspec.UnsetType = msgspec.UNSET
    removed: bool = False


class Snapshot(msgspec.Struct, frozen=True, kw_only=True, tag="snapshot"):
    """All that is shown. `resumed` False: the cursor was too old, forget what you knew."""

    cursor: str
    patients: list[LivePatient]
    resumed: bool | None = None


class Delta(msgspec.Struct, frozen=True, kw_only=True, tag="delta"):
    """What changed."""

    cursor: str
    patients: list[LivePatient]


class AlertChange(msgspec.Struct, frozen=True, kw_only=True, tag="alert"):
    """One change of one alert."""

    cursor: str
    alert: Alert


class Waveform(msgspec.Struct, frozen=True, kw_only=True, tag="waveform"):
    """A chunk of a curve."""

    patient: str
    channel: str
    observed_at: str | int
    rate_hz: float
    samples: list[float | None]


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True, tag="heartbeat"):
    """The feed lives; how far what we see is behind."""

    server_time: datetime
    behind_ms: int


class Failure(msgspec.Struct, frozen=True, kw_only=True, tag="error"):
    """A named error."""

    code: str
    message: str


Event = Snapshot | Delta | AlertChange | Waveform | Heartbeat | Failure
