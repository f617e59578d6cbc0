"""NEWS2 of a patient at a moment, from the stored readings (Royal College of Physicians, 2017; `vitals.news2`)."""

from datetime import UTC, datetime, timedelta

import msgspec

from dashboard_api.decoding import Time
from dashboard_api.problems import Problem
from dashboard_api.route import Call, Reply
from dashboard_api.timescale import Database
from vitals import news2
from vitals.registry import VITALS
from vitals.score import ScoreUpdate, Tier

_LOOK_BACK = timedelta(days=7)


class ScoreQuery(msgspec.Struct, frozen=True, kw_only=True):
    """`at`: now when left out."""

    at: Time | None = None


class Input(msgspec.Struct, frozen=True, kw_only=True):
    """One parameter. `value` and `points` null: missing or stale. `age_s` at the moment asked for."""

    value: float | str | None
    points: int | None
    observed_at: datetime | None
    age_s: float | None
    stale: bool


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """`lowest` counts missing inputs as 0, `highest` at their worst; `tier` belongs to `lowest`. `applicable`: age 16 and over, not
    pregnant."""

    patient: str
    name: str
    at: datetime
    lowest: int
    highest: int
    tier: Tier
    scale: int
    complete: bool
    applicable: bool
    inputs: dict[str, Input]


_LATEST = """SELECT v.vital, r.observed_at, r.value FROM unnest(%(vitals)s::smallint[]) v(vital) CROSS JOIN LATERAL (
  SELECT observed_at, value FROM telemetry.reading
  WHERE patient_no = %(no)s AND vital = v.vital AND observed_at <= %(at)s AND observed_at > %(since)s AND value IS NOT NULL
  ORDER BY observed_at DESC LIMIT 1) r"""


async def read(call: Call) -> Reply:
    """The score as it was known from readings observed up to `at`."""
    query: ScoreQuery = call.query
    at = query.at or call.now
    if at > call.now + timedelta(minutes=5):
        raise Problem(422, "at: expected a time that is not in the future")
    row = call.subject
    readings = await latest(call.site.database, row["no"], at)
    update = news2.score_one(row["id"], readings, milliseconds(at), row["spo2_scale"])
    return Reply(shown(update, at, news2.applies(row["age_band"], row["pregnant"])))


async def latest(database: Database, patient_no: int, at: datetime) -> dict[str, tuple[float, int]]:
    """Vital -> (value, observed ms): the newest with a value, of the week before `at`."""
    facts = {"no": patient_no, "vitals": [v.index for v in VITALS], "at": at, "since": at - _LOOK_BACK}
    rows = await database.rows(_LATEST, facts)
    return {VITALS[row["vital"]].name: (row["value"], milliseconds(row["observed_at"])) for row in rows}


def shown(update: ScoreUpdate, at: datetime, applicable: bool) -> Score:
    """The score as the API says it."""
    inputs = {
        name: Input(
            value=i.value, points=i.points, observed_at=moment(i.observed_at) if i.observed_at else None,
            age_s=(milliseconds(at) - i.observed_at) / 1000 if i.observed_at else None, stale=i.stale,
        )
        for name, i in update.inputs.items()
    }  # fmt: skip
    return Score(
        patient=update.patient, name="NEWS2", at=at, lowest=update.lowest, highest=update.highest, tier=update.tier, scale=update.scale,
        complete=all(i.points is not None for i in inputs.values()), applicable=applicable, inputs=inputs,
    )  # fmt: skip


def milliseconds(at: datetime) -> int:
    """Since 1970 UTC."""
    return round(at.timestamp() * 1000)


def moment(ms: int) -> datetime:
    """The time of so many milliseconds since 1970 UTC."""
    return datetime.fromtimestamp(ms / 1000, UTC)
