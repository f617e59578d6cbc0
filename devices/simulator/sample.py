"""A simulated patient's vitals as the sample that a device sends: resolutions, what comes in every sample and what only sometimes.

Pure. A monitor sends rates and saturation in every sample; pressure, temperature, consciousness and oxygen every half minute, as a
cuff and a nurse's round would. The form "six" has the same six vitals in every sample, for load tests.
"""

import msgspec

from devices.simulator.physiology import type_f64
from devices.simulator.stories import Story

SLOW_EVERY_S = 30.0
_encode = msgspec.json.Encoder().encode

Vitals = dict[str, float | int | str | None]


def six(row: type_f64) -> Vitals:
    """hr, rr, spo2, temp, sbp, dbp of one row of `physiology.step`."""
    hr, rr, spo2, temp, sbp, dbp = row.tolist()
    return {"hr": round(hr), "spo2": round(spo2), "rr": round(rr), "temp": round(temp, 1), "sbp": round(sbp), "dbp": round(dbp)}


def fast(row: type_f64) -> Vitals:
    """What a monitor says every time."""
    hr, rr, spo2 = row.tolist()[:3]
    return {"hr": round(hr), "pulse": round(hr), "spo2": round(spo2), "rr": round(rr)}


def slow(row: type_f64, story: Story, severity: float) -> Vitals:
    """What a monitor says every SLOW_EVERY_S."""
    temp, sbp, dbp = row.tolist()[3:]
    return {
        "temp": round(temp, 1),
        "sbp": round(sbp),
        "dbp": round(dbp),
        "map": round(dbp + (sbp - dbp) / 3),
        "acvpu": "C" if severity > story.confused_above else "A",
        "on_oxygen": int(severity > story.oxygen_above),
    }


def probe_off(vitals: Vitals, turn: int) -> Vitals:
    """The saturation's channel says nothing, each time in another of the ways that monitors have."""
    nothing = (None, 0, -100, 8388607)[turn % 4]
    return vitals | {name: nothing for name in ("spo2", "pulse") if name in vitals}


def encoded(seq: int, observed_at: str | int, vitals: Vitals) -> bytes:
    """The sample's JSON; `observed_at` RFC 3339 or epoch ms."""
    return _encode({"seq": seq, "observed_at": observed_at, "vitals": vitals})


def batched(samples: list[bytes]) -> bytes:
    """A backlog's message of samples that are JSON already."""
    return b'{"batch":[' + b",".join(samples) + b"]}"
