"""Looks after the running broker's certificates: renews the server's before it ends, and has Mosquitto read what has changed.

In: the folder of the certificates, which the API writes its list of revoked ones into. Out: SIGHUP to Mosquitto, which then takes new
certificates and lists for new handshakes while its connections go on. Promised: a changed list is read within LOOK_S, a server
certificate is made anew a month before it ends (`certificates.ensure`), looked at every RENEW_S.
"""

import contextlib
import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from deploy import records
from deploy.parts import certificates
from deploy.parts.prefix import Say

LOOK_S = 0.5
RENEW_S = 3600.0
FAILED_S = 60.0
FILES = ("server.pem", "devices/revoked.crl")


@dataclass(frozen=True, slots=True)
class Certificates:
    """The folder, the server's names, and where the broker's process is recorded."""

    folder: Path
    hosts: Sequence[str]
    run: Path


class Renewal:
    """`look` is called often and does little. `steady`: seconds that never go back; `now`: the time of day."""

    def __init__(self, watched: Certificates, steady: Callable[[], float], now: Callable[[], datetime], say: Say) -> None:
        self._watched, self._steady, self._now, self._say = watched, steady, now, say
        self._next_look, self._next_renewal = 0.0, steady() + RENEW_S
        self._read = self._state()

    def look(self) -> None:
        """Renews what is due; tells the broker what has changed. A file that cannot be read or written is said, and tried again."""
        at = self._steady()
        if at < self._next_look:
            return
        self._next_look = at + LOOK_S
        try:
            self._renew_and_tell(at)
        except (OSError, ValueError) as failed:
            self._say(f"the broker's certificates cannot be looked after: {failed}")
            self._next_look = at + FAILED_S

    def _renew_and_tell(self, at: float) -> None:
        if at >= self._next_renewal:
            self._next_renewal = at + RENEW_S
            certificates.ensure(self._watched.folder, self._watched.hosts, self._now())
        state = self._state()
        if state != self._read and self._tell(signal.SIGHUP):
            self._read = state

    def keep(self) -> None:
        """Has the broker write its store now: what subscribed just before is then known to it after a kill too."""
        self._tell(signal.SIGUSR1)

    def _state(self) -> list[tuple[int, int]]:
        stats = [(self._watched.folder / name).stat() for name in FILES]
        return [(stat.st_mtime_ns, stat.st_ino) for stat in stats]

    def _tell(self, what: signal.Signals) -> bool:
        """False when no broker runs now: one that is started reads everything."""
        for record in records.read(self._watched.run):
            if record.name == "mosquitto" and records.alive(record):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(record.pid, what)
                    return True
        return False
