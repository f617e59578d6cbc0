"""Looks again at readings whose assignment was corrected a short while ago.

The API moves what is stored when it corrects an assignment (`telemetry.reattribute`). Readings that a gateway had attributed before it
heard of the correction come in afterwards: for some minutes the archive looks for such ones again.
"""

from streams.archive.timescale import Session

_AGAIN = """WITH recent AS (
    SELECT device, min(since) AS since, max(until) AS until FROM telemetry.attribution_todo GROUP BY device
)
SELECT coalesce(sum(moved.readings), 0)::bigint FROM recent JOIN clinical.device d ON d.id = recent.device,
    LATERAL (SELECT array_agg(patient_no) || 0 AS candidates FROM telemetry.attribution WHERE device_no = d.no) AS a,
    LATERAL telemetry.reattribute_now(d.no, a.candidates, tstzrange(recent.since, recent.until)) AS moved"""
_DONE = "DELETE FROM telemetry.attribution_todo WHERE at < now() - make_interval(secs => %s)"


def settle(session: Session, look_for_s: float = 300.0) -> int:
    """Readings that changed hands. One process at a time; others do nothing."""
    with session.transaction():
        if not session.rows("SELECT pg_try_advisory_xact_lock(hashtext('telemetry.attribution'))")[0][0]:
            return 0
        moved = int(session.rows(_AGAIN)[0][0])
        session.run(_DONE, (look_for_s,))
        return moved
