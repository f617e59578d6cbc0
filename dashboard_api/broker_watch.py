"""What the broker refused, as entries of the audit. Pure.

In: lines of Mosquitto's log, in their order, those of its watch plugin among them (deploy/parts/mosquitto_watch.c). Out: an entry for a
log-in that failed, a publish or subscribe that is not the device's, a TLS handshake that the broker broke off, a full broker or queue: the
first of its like at once, what follows within WINDOW counted and told as one entry after it, so that a device that tries on and on does not
drown the audit. Dropped: the lines that refuse nothing; which of more than MOST different ones it was (they are counted together).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from dashboard_api.audit import Entry

WINDOW = timedelta(seconds=60)
MOST = 1_000
ACTION = "brokerRefused"

_STAMP = re.compile(r"^\d+: ")
_CONNECTION = re.compile(r"^New connection from (\S+):\d+ on port \d+\.$")
_NOT_AUTHORISED = re.compile(r"^Client (.*) disconnected, not authorised\.$")
_DROPPED = re.compile(r"^Outgoing messages are being dropped for client (.*)\.$")
_TLS = re.compile(r"^(?:OpenSSL Error\[\d+\]|Client connection from (\S+) failed): error:[0-9A-Fa-f]+:[^:]*:[^:]*:([^:.]*)")
TLS_REFUSALS = frozenset(
    {
        "certificate verify failed",
        "peer did not return a certificate",
        "unsupported protocol",
        "wrong version number",
        "version too low",
        "no shared cipher",
        "no suitable signature algorithm",
        "http request",
    }
)
"""OpenSSL's reasons for which it is the broker that says no; the rest is a connection that broke, or the device that said no."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """`who`: the user name that was offered; `address`: from where, "" where the log does not say."""

    who: str
    client: str
    what: str
    why: str
    address: str = ""


@dataclass(slots=True)
class _Counted:
    since: datetime
    times: int = 0


class Watch:
    """Reads the log; remembers what it said a moment ago."""

    def __init__(self) -> None:
        self._attempt = ("", "", "")
        self._last_address = ""
        self._counted: dict[Refusal, _Counted] = {}

    def read(self, line: str, now: datetime) -> list[Entry]:
        """The entry that this line makes, if it makes one now."""
        refusal = self._refusal(_STAMP.sub("", line, count=1))
        if refusal is None:
            return []
        if refusal not in self._counted and len(self._counted) >= MOST:
            refusal = Refusal("others", "", "mqtt", refusal.why)
        counted = self._counted.get(refusal)
        if counted is not None:
            counted.times += 1
            return []
        self._counted[refusal] = _Counted(now)
        return [_entry(refusal, 1, now)]

    def due(self, now: datetime) -> Iterator[Entry]:
        """What was counted in windows that are over."""
        for refusal, counted in list(self._counted.items()):
            if now - counted.since < WINDOW:
                continue
            if counted.times:
                self._counted[refusal] = _Counted(now)
                yield _entry(refusal, counted.times, now)
            else:
                del self._counted[refusal]

    def _refusal(self, line: str) -> Refusal | None:
        if line.startswith("vigil:"):
            return self._told(line.split("\t"))
        if found := _CONNECTION.match(line):
            self._last_address = found[1]
        elif found := _NOT_AUTHORISED.match(line):
            (who, client, address), self._attempt = self._attempt, ("", "", "")
            return Refusal(who or "unknown", client or found[1], "mqtt connect", "the name or the secret is wrong", address)
        elif found := _DROPPED.match(line):
            return Refusal(found[1], found[1], "mqtt queue", "its queue at the broker is full: what comes for it is lost until it returns")
        elif (found := _TLS.match(line)) and found[2] in TLS_REFUSALS:
            return Refusal("unknown", "", "mqtt tls handshake", found[2], found[1] or self._last_address)
        return None

    def _told(self, fields: list[str]) -> Refusal | None:
        match fields:
            case ["vigil:attempt", who, client, address]:
                self._attempt = (who, client, address)
            case ["vigil:denied", who, client, address, verb, topic]:
                return Refusal(who or "unknown", client, f"mqtt {verb} {topic}", "not a topic of its own", address)
            case ["vigil:full", mib]:
                return Refusal("devices", "", "mqtt publish", f"no gateway takes messages, the broker holds {mib} MiB: devices keep theirs")
            case ["vigil:room", times]:
                return Refusal("devices", "", "mqtt publish", f"the broker takes messages again; {times} were not taken meanwhile")
            case ["vigil:more", times]:
                return Refusal("others", "", "mqtt", f"{times} lines of one second left out by the broker")
        return None


def _entry(refusal: Refusal, times: int, now: datetime) -> Entry:
    detail = {"why": refusal.why, "client": refusal.client, "address": refusal.address, "times": times}
    return Entry(at=now, actor=refusal.who, role="device", action=ACTION, resource=refusal.what, outcome="denied", detail=detail)
