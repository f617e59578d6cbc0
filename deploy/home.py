"""The folder of one running Vigil (`--data-dir`), and what lies where in it.

`endpoints.json` is there only while it runs. `run/` holds a record of every process started; `secrets/` (0700) the site's key and
the database's password, made once.
"""

import base64
import json
import os
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.parts.errors import Unusable

ROOT = Path(__file__).resolve().parent.parent
DEFAULT = ROOT / ".vigil"
ROOM_MB = 500
CHOOSE = "choose another with --data-dir"


@dataclass(frozen=True, slots=True)
class Home:
    """Paths under one data folder."""

    path: Path

    @property
    def endpoints(self) -> Path:
        """Where everything answers; the contract's file."""
        return self.path / "endpoints.json"

    @property
    def logs(self) -> Path:
        """One log a process."""
        return self.path / "logs"

    @property
    def run(self) -> Path:
        """Records of started processes."""
        return self.path / "run"

    @property
    def secrets(self) -> Path:
        """Keys and passwords."""
        return self.path / "secrets"

    @property
    def simulator(self) -> Path:
        """The folder the simulator is given: its endpoints come before Vigil's own are said to be ready."""
        return self.path / "simulator"

    def make(self) -> None:
        """Make the folders. Raises Unusable when that cannot be, or too little room is left for servers to start in."""
        try:
            for folder in (self.path, self.logs, self.run, self.simulator):
                folder.mkdir(parents=True, exist_ok=True)
            self.secrets.mkdir(mode=0o700, exist_ok=True)
            (self.run / "lock").touch()
            free = shutil.disk_usage(self.path).free
        except OSError as refused:
            raise Unusable(f"{self.path} cannot be used: {refused.strerror}; {CHOOSE}") from refused
        require_room(self.path, free)

    def site_key(self) -> Path:
        """The file with the site's 32 random bytes in base64, made at the first call."""
        file = self.secrets / "site.key"
        if not file.exists():
            write_secret(file, base64.b64encode(secrets.token_bytes(32)).decode())
        return file

    def database_password(self) -> str:
        """The database superuser's password, made at the first call."""
        file = self.secrets / "database.password"
        if not file.exists():
            write_secret(file, secrets.token_urlsafe(24))
        return file.read_text()


def require_room(path: Path, free: int) -> None:
    """Raises Unusable when `free` bytes are too few for the servers' own first files and logs."""
    if free < ROOM_MB * 2**20:
        raise Unusable(f"{path} has {free / 2**20:.0f} MB of room left, {ROOM_MB} are needed to start; {CHOOSE}")


def write_secret(path: Path, text: str) -> None:
    """Write whole or not at all, readable by us only."""
    making = path.with_name(f".{path.name}.new")
    with os.fdopen(os.open(making, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    making.rename(path)


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """The same, as JSON."""
    write_secret(path, json.dumps(value, indent=2) + "\n")
