"""What the simulator and the replay remember between runs: which device is which, its secret, and the last number it used.

A JSON file, mode 0600 (it holds devices' secrets), replaced whole. Sample numbers are reserved ahead: what is on disk is always
at or above what was used, so a number is never used twice, even after a SIGKILL; a clean stop writes the exact one. Several programs
may keep their parts of one file at the same time: a part is one program's at once, and nobody writes another's.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from urllib.parse import quote

import msgspec

from vitals.errors import VigilError

RESERVED = 1000


class Known(msgspec.Struct, kw_only=True):
    """A device. `next_seq` is the next sample number; `patient` the pseudonym it is on; `shift_ms` what a replay adds to its times."""

    device: str
    password: str
    patient: str
    ward: str
    kind: str = "monitor"
    gateway: str | None = None
    assigned: bool = False
    next_seq: int = 1
    shift_ms: int = 0


class InUse(VigilError):
    """Another program speaks as these devices now: two would use the same numbers, and push each other off the broker."""


class Memory:
    """The devices whose names, the caller's own choice, begin with one of `parts`; by default all of the file."""

    def __init__(self, path: Path, *parts: str) -> None:
        self._path, self._parts = path, parts or ("",)
        self._claims: list[IO[str]] = []
        self.known = self._own()

    def claim(self) -> None:
        """Makes the parts this program's alone, until it ends. Raises InUse."""
        for part in self._parts:
            self._claims.append(self._beside(quote(part, safe="") or "all").open("w"))
            try:
                fcntl.flock(self._claims[-1], fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise InUse(f"the devices {part}* of {self._path} are in use by another program, which still runs") from None
        self.known = self._own()  # as the program before left it

    def save(self, ahead: int = 0) -> None:
        """Writes the file; `ahead` numbers of each of these devices are reserved. What is not of these parts stays as it is there."""
        own = {name: msgspec.structs.replace(k, next_seq=k.next_seq + ahead) for name, k in self.known.items()}
        with self._alone():
            others = {name: k for name, k in self._read().items() if not name.startswith(self._parts)}
            fresh = self._path.with_suffix(".new")
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(msgspec.json.format(msgspec.json.encode(others | own), indent=1))
            fresh.replace(self._path)

    def _own(self) -> dict[str, Known]:
        return {name: known for name, known in self._read().items() if name.startswith(self._parts)}

    def _read(self) -> dict[str, Known]:
        return msgspec.json.decode(self._path.read_bytes(), type=dict[str, Known]) if self._path.exists() else {}

    def _beside(self, what: str) -> Path:
        return self._path.with_name(f"{self._path.stem}.{what[:200]}.lock")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with self._beside("write").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
