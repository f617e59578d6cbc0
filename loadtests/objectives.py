"""The service objectives, as numbers: what a load test is judged by. Milliseconds unless the name says otherwise.

Source: the project's own aims for a machine of 2 cores that carries the load generator and all servers too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Objective:
    """At most `p50` and `p99` ms, and at most `failed` of all requests (a fraction)."""

    p50: float
    p99: float
    failed: float = 0.0


OBJECTIVES: Mapping[str, Objective] = MappingProxyType(
    {
        "MQTT": Objective(p50=50, p99=250),  # a sample's PUBACK by the broker
        "LIVE": Objective(p50=150, p99=500),  # a sample at the device to the same at a dashboard
        "HTTP": Objective(p50=100, p99=750, failed=0.001),  # a page of the API
    }
)
CHAIN = Objective(p50=150, p99=500)
CHAIN_MESSAGES_S = 1500
CHAIN_RSS_MB = 2048
BEHIND_MS = 1000
"""No service may be further behind than this at the end of a run."""


def broken(kind: str, p50: float, p99: float, failed: float) -> list[str]:
    """What of an objective is not met, in words; empty when all is well."""
    aim = OBJECTIVES[kind]
    checks = (("p50", p50, aim.p50, "ms"), ("p99", p99, aim.p99, "ms"), ("failed", failed * 100, aim.failed * 100, "%"))
    return [f"{kind} {name} is {is_:.4g} {unit}, the objective is {most:.4g} {unit}" for name, is_, most, unit in checks if is_ > most]
