"""A patient's vitals through time, from the readings or their roll-ups."""

from datetime import datetime, timedelta
from typing import Any

import msgspec

from dashboard_api.decoding import Time
from dashboard_api.problems import Problem
from dashboard_api.route import Call, Reply
from dashboard_api.span import BUCKETS, MOST_POINTS, Resolution, coarser, resolution_for
from dashboard_api.timescale import Database, Row
from vitals.registry import BY_KEY, BY_NAME, VITALS, Vital

_DEFAULT_SPAN = timedelta(hours=1)
_LONGEST = timedelta(days=366 * 3)


class VitalsQuery(msgspec.Struct, frozen=True, kw_only=True, rename={"since": "from"}):
    """`vital`: names, comma-separated, all when left out. `from` is in, `to` is not; the last hour when left out."""

    vital: str | None = None
    since: Time | None = None
    to: Time | None = None
    resolution: Resolution | None = None


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """A reading, or a bucket (`value` its mean; `low`, `high`, `n` over the readings with a value). `no_value`: the device said it has
    none."""

    observed_at: datetime
    value: float | str | None
    quality: float | msgspec.UnsetType = msgspec.UNSET
    low: float | msgspec.UnsetType | None = msgspec.UNSET
    high: float | msgspec.UnsetType | None = msgspec.UNSET
    n: int | msgspec.UnsetType = msgspec.UNSET
    no_value: bool | msgspec.UnsetType = msgspec.UNSET


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """`next`: ask again from here when there was more than fits."""

    vital: str
    unit: str
    points: list[Point]
    next: datetime | None = None


class History(msgspec.Struct, frozen=True, kw_only=True, rename={"since": "from"}):
    """At most 5,000 points a series."""

    patient: str
    resolution: Resolution
    since: datetime
    to: datetime
    series: list[Series]


_RAW = """SELECT v.vital, r.observed_at, r.value, r.quality
FROM unnest(%(vitals)s::smallint[]) v(vital) CROSS JOIN LATERAL (
  SELECT observed_at, value, quality FROM telemetry.reading
  WHERE patient_no = %(no)s AND vital = v.vital AND observed_at >= %(since)s AND observed_at < %(to)s
  ORDER BY observed_at LIMIT %(most)s) r"""
_STORED = """SELECT v.vital, r.* FROM unnest(%(vitals)s::smallint[]) v(vital) CROSS JOIN LATERAL (
  SELECT bucket AS observed_at, n, low, high, total / nullif(n, 0) AS value, last FROM telemetry.{table}
  WHERE patient_no = %(no)s AND vital = v.vital AND bucket >= %(since)s AND bucket < %(to)s
  ORDER BY bucket LIMIT %(most)s) r"""
_FIVE = """SELECT v.vital, r.* FROM unnest(%(vitals)s::smallint[]) v(vital) CROSS JOIN LATERAL (
  SELECT time_bucket('5 minutes', bucket) AS observed_at, sum(n)::int AS n, min(low) AS low, max(high) AS high,
         sum(total) / nullif(sum(n), 0) AS value, {last} AS last
  FROM telemetry.rollup_1m
  WHERE patient_no = %(no)s AND vital = v.vital AND bucket >= %(since)s AND bucket < %(to)s
  GROUP BY 1 ORDER BY 1 LIMIT %(most)s) r"""
_SQL: dict[Resolution, str] = {
    "raw": _RAW,
    "1m": _STORED.format(table="rollup_1m"),
    "5m": _FIVE.format(last="NULL::double precision"),
    "1h": _STORED.format(table="rollup_1h"),
}


_FIVE_OF_WORDS = _FIVE.format(last="last(last, last_at)")
"""For a vital that is a word, such as consciousness: the last one said is shown, and finding it costs as much as all the rest."""


async def read(call: Call) -> Reply:
    """Vitals of one patient; those with no point in the span are left out unless they were asked for."""
    query: VitalsQuery = call.query
    to = query.to or call.now
    since = query.since or to - _DEFAULT_SPAN
    if not since < to or to - since > _LONGEST:
        raise Problem(422, "from, to: expected a span that is not empty and at most three years")
    wanted = named(query.vital)
    found, resolution = await _fitting(call, wanted or list(VITALS), since, to, query.resolution)
    series = [series_of(vital, rows, resolution) for vital, rows in found if rows or wanted]
    answer = History(patient=call.subject["id"], resolution=resolution, since=since, to=to, series=series)
    return Reply(answer, detail={"vitals": [s.vital for s in series], "resolution": resolution})


def named(text: str | None) -> list[Vital]:
    """The vitals of a comma-separated list (names or codes); none for an absent one."""
    names = [name.strip() for name in (text or "").split(",") if name.strip()]
    if unknown := [name for name in names if name not in BY_KEY]:
        raise Problem(422, f"vital: {unknown[0]!r} is not one of {', '.join(BY_NAME)}")
    return [VITALS[i] for i in dict.fromkeys(BY_KEY[name][0].index for name in names)]


async def _fitting(
    call: Call, vitals: list[Vital], since: datetime, to: datetime, asked: Resolution | None
) -> tuple[list[tuple[Vital, list[Row]]], Resolution]:
    """As asked; else the finest that fits."""
    resolution = asked or resolution_for(since, to)
    while True:
        found = await points(call.site.database, call.subject["no"], vitals, (since, to), resolution)
        if asked or resolution == "1h" or all(len(rows) <= MOST_POINTS for _, rows in found):
            return found, resolution
        resolution = coarser(resolution)


async def points(
    database: Database, patient_no: int, vitals: list[Vital], span: tuple[datetime, datetime], resolution: Resolution
) -> list[tuple[Vital, list[Row]]]:
    """Up to MOST_POINTS + 1 rows of each vital, in order of time."""
    since, to = span
    if resolution != "raw":
        since -= timedelta(seconds=since.timestamp() % BUCKETS[resolution].total_seconds())
    facts = {"no": patient_no, "vitals": [v.index for v in vitals], "since": since, "to": to, "most": MOST_POINTS + 1}
    grouped: dict[int, list[Row]] = {v.index: [] for v in vitals}
    sql = _FIVE_OF_WORDS if resolution == "5m" and any(v.words for v in vitals) else _SQL[resolution]
    for row in await database.rows(sql, facts):
        grouped[row["vital"]].append(row)
    return [(v, grouped[v.index]) for v in vitals]


def series_of(vital: Vital, rows: list[Row], resolution: Resolution) -> Series:
    """The rows as the API shows them."""
    following = rows[MOST_POINTS]["observed_at"] if len(rows) > MOST_POINTS else None
    shape = _reading if resolution == "raw" else _bucket
    return Series(vital=vital.name, unit=vital.unit, points=[shape(vital, row) for row in rows[:MOST_POINTS]], next=following)


def word(vital: Vital, value: float | None) -> Any:
    """A stored number as it is said: a letter for consciousness."""
    return vital.words[int(value)] if value is not None and vital.words else value


def _reading(vital: Vital, row: Row) -> Point:
    if row["value"] is None:
        return Point(observed_at=row["observed_at"], value=None, no_value=True)
    quality = msgspec.UNSET if row["quality"] is None else row["quality"]
    return Point(observed_at=row["observed_at"], value=word(vital, row["value"]), quality=quality)


def _bucket(vital: Vital, row: Row) -> Point:
    value = word(vital, row["last"]) if vital.words else row["value"]
    none = True if row["n"] == 0 else msgspec.UNSET
    return Point(observed_at=row["observed_at"], value=value, low=row["low"], high=row["high"], n=row["n"], no_value=none)
