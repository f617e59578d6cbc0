"""The canary: a patient who does not exist deteriorates every so often, and somebody counts whether the page comes.

Pure: when it is ill, what its device says then, and whether its page is overdue. Times ms. The watch needs neither Kafka nor the database.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

CALM: Mapping[str, float] = {"hr": 72, "spo2": 98, "rr": 14, "sbp": 122, "dbp": 78, "temp": 36.8}
ILL: Mapping[str, float] = {"hr": 165, "spo2": 79, "rr": 34, "sbp": 82, "dbp": 48, "temp": 39.6}


@dataclass(frozen=True, slots=True)
class Plan:
    """Ill for `ill_ms` at the end of every `every_ms`; its page is overdue `limit_ms` after it became ill."""

    every_ms: int = 600_000
    ill_ms: int = 180_000
    limit_ms: int = 240_000


@dataclass(frozen=True, slots=True)
class Watch:
    """`since`: when the illness that is watched began. `paged`: its page came. `said`: operations were told that it did not."""

    since: int | None = None
    paged: bool = False
    said: bool = False


def ill(plan: Plan, begun: int, now: int) -> bool:
    """Whether the canary is ill now; well at first, so that its device is known to be well."""
    return (now - begun) % plan.every_ms >= plan.every_ms - plan.ill_ms


def sample(plan: Plan, begun: int, now: int) -> dict[str, object]:
    """What its device says: CONTRACT's sample, the time itself as the rising sequence number."""
    return {"seq": now, "observed_at": now, "vitals": dict(ILL if ill(plan, begun, now) else CALM)}


def watched(watch: Watch, plan: Plan, begun: int, now: int) -> Watch:
    """The watch a moment later: a new illness begins a new watch once the last one was decided."""
    decided = watch.since is None or watch.paged or watch.said
    started = now - ((now - begun) % plan.every_ms - (plan.every_ms - plan.ill_ms))
    if decided and ill(plan, begun, now) and started != watch.since:
        return Watch(started)
    return watch


def turn(plan: Plan, begun: int, now: int, look: Callable[[int], None], say: Callable[[dict[str, object]], None]) -> None:
    """One moment of it. The watch knows of an illness before the device speaks of it: the page may come at once, and is of this one."""
    look(now)
    say(sample(plan, begun, now))


def paged(watch: Watch) -> Watch:
    """The page came."""
    return replace(watch, paged=True)


def overdue(watch: Watch, plan: Plan, now: int) -> bool:
    """Whether operations must be told now."""
    return watch.since is not None and not watch.paged and not watch.said and now - watch.since >= plan.limit_ms
