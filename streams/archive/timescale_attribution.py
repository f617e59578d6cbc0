"""Looks again at readings whose assignment was corrected, where some came in that were attributed before.

The API moves what is stored when it corrects an assignment (`telemetry.reattribute`). Readings that a gateway had attributed before it
heard of the correction come in afterwards: some minutes later, or days, when the archive was behind. So a correction is kept as long as
Kafka keeps readings; it is looked at for its first minutes, and for some minutes more whenever such readings are stored.
"""

import numpy as np
import numpy.typing as npt

from streams.archive.timescale import Session

Ints = npt.NDArray[np.int64]
_AGAIN = """WITH recent AS (
    SELECT device, min(since) AS since, max(until) AS until FROM telemetry.attribution_todo WHERE look_until > '-infinity' GROUP BY device
)
SELECT coalesce(sum(moved.readings), 0)::bigint FROM recent JOIN clinical.device d ON d.id = recent.device,
    LATERAL (SELECT array_agg(patient_no) || 0 AS candidates FROM telemetry.attribution WHERE device_no = d.no) AS a,
    LATERAL telemetry.reattribute_now(d.no, a.candidates, tstzrange(recent.since, recent.until)) AS moved"""
_LOOKED = "UPDATE telemetry.attribution_todo SET look_until = '-infinity' WHERE look_until <= now() AND look_until > '-infinity'"
"""A look ends by having looked after its time, not by the time alone: the archive may have been away."""
_DONE = "DELETE FROM telemetry.attribution_todo WHERE at < now() - interval '8 days'"
_UNHEARD = "t.at >= to_timestamp(%(received)s) - interval '5 minutes'"
"""A gateway hears of a correction within five minutes: what it received by then may be attributed as before."""
_ANY = f"SELECT EXISTS (SELECT FROM telemetry.attribution_todo t WHERE {_UNHEARD})"  # noqa: S608 - a constant
_LOOK = f"""UPDATE telemetry.attribution_todo t SET look_until = now() + interval '5 minutes' FROM clinical.device d
WHERE d.id = t.device AND d.no = ANY(%(devices)s) AND {_UNHEARD}
    AND t.look_until < now() + interval '2 minutes'"""  # noqa: S608 - a constant


def look_again(session: Session, device_no: Ints, received_at: Ints) -> None:
    """In the transaction that stores samples, (n,) each, n > 0, ms: has `settle` look at the corrections that may be younger than they.

    Where there is none, nearly always, it costs one small question.
    """
    received = int(received_at.min()) / 1000
    if session.rows(_ANY, {"received": received})[0][0]:
        session.run(_LOOK, {"received": received, "devices": np.unique(device_no).tolist()})


def settle(session: Session) -> int:
    """Readings that changed hands. One process at a time; others do nothing."""
    with session.transaction():
        if not session.rows("SELECT pg_try_advisory_xact_lock(hashtext('telemetry.attribution'))")[0][0]:
            return 0
        moved = int(session.rows(_AGAIN)[0][0])
        session.run(_LOOKED)
        session.run(_DONE)
        return moved
