"""The first picture, from the database: contexts, latest readings, open alerts, links; and how far the archive had come.

In: the database. Out: the same frozen values that come over Kafka, so that the picture has one way in. Raises PartAway when the
database does not answer. Reads only what a picture can show: the latest readings of the last `HORIZON`.
"""

from dataclasses import dataclass
from datetime import datetime

import msgspec
import numpy as np

from dashboard_api.timescale import Database, Row
from vitals.alert import Alert
from vitals.batch import Batch
from vitals.context import PatientContext
from vitals.link import Link
from vitals.registry import V

HORIZON = "25 hours"
_CONTEXTS = """
SELECT id AS patient, version, ward, bed, age_band, spo2_scale, pregnant FROM clinical.patient WHERE discharged_at IS NULL
"""
_READINGS = f"""
SELECT p.id AS patient, d.id AS device, r.seq, r.observed_at, r.received_at, v.vital, r.value, r.quality
FROM clinical.patient p
CROSS JOIN generate_series(0, {V - 1}) AS v(vital)
CROSS JOIN LATERAL (
    SELECT * FROM telemetry.reading
    WHERE patient_no = p.no AND vital = v.vital AND observed_at > now() - interval '{HORIZON}'
    ORDER BY observed_at DESC LIMIT 2
) r
JOIN clinical.device d ON d.no = r.device_no
WHERE p.discharged_at IS NULL
ORDER BY r.observed_at
"""  # noqa: S608  # only this module's constants are put in
_ALERTS = "SELECT body FROM alerting.alert WHERE state <> 'closed' ORDER BY raised_at"
_LINKS = """
SELECT l.device, l.state, l.at, l.battery, l.buffered, a.patient, d.ward, d.kind
FROM telemetry.link l JOIN clinical.device d ON d.id = l.device
LEFT JOIN clinical.assignment a ON a.device = l.device AND a.during @> now()
"""
_STORED = "SELECT partition, min(next_offset) AS next_offset FROM telemetry.progress WHERE topic = %s GROUP BY partition"


@dataclass(frozen=True, slots=True, eq=False)
class First:
    """What the database knew; `readings` holds up to two of each patient and vital, oldest first, so that cadences are learned."""

    contexts: tuple[PatientContext, ...]
    readings: tuple[Batch, ...]
    alerts: tuple[Alert, ...]
    links: tuple[Link, ...]


async def stored(database: Database, topic: str) -> dict[int, int]:
    """Partition -> the first offset of `topic` that the archive had not stored."""
    return {row["partition"]: row["next_offset"] for row in await database.rows(_STORED, [topic])}


async def first(database: Database) -> First:
    """The picture as the database has it."""
    return First(
        tuple(PatientContext(**row) for row in await database.rows(_CONTEXTS)),
        tuple(_batch(row) for row in await database.rows(_READINGS)),
        tuple(msgspec.convert(row["body"], Alert) for row in await database.rows(_ALERTS)),
        tuple(Link(**(row | {"at": _ms(row["at"])})) for row in await database.rows(_LINKS)),
    )


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def _batch(row: Row) -> Batch:
    vital, value, quality = row["vital"], row["value"], row["quality"]
    values, qualities = np.full((1, V), np.nan), np.full((1, V), np.nan, np.float32)
    values[0, vital] = np.nan if value is None else value
    qualities[0, vital] = np.nan if quality is None else quality
    one = np.zeros(1, np.int32)
    absent = np.array([1 << vital if value is None else 0], np.uint32)
    times = np.array([row["seq"]]), np.array([_ms(row["observed_at"])]), np.array([_ms(row["received_at"])])
    return Batch((row["patient"],), one, (row["device"],), one, *times, one, values, qualities, absent)
