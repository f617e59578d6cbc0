"""What the simulator and the replay remember between runs: which device is which, its secret, and the last number it used.

A JSON file, mode 0600 (it holds devices' secrets), replaced whole. Sample numbers are reserved ahead: what is on disk is always
at or above what was used, so a number is never used twice, even after a SIGKILL; a clean stop writes the exact one.
"""

import os
from pathlib import Path

import msgspec

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


class Memory:
    """The devices by a name of the caller's own choice."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.known: dict[str, Known] = msgspec.json.decode(path.read_bytes(), type=dict[str, Known]) if path.exists() else {}

    def save(self, ahead: int = 0) -> None:
        """Writes the file; `ahead` numbers of each device are reserved."""
        shown = {name: msgspec.structs.replace(k, next_seq=k.next_seq + ahead) for name, k in self.known.items()}
        fresh = self._path.with_suffix(".new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(shown), indent=1))
        fresh.replace(self._path)
