"""`python -m dashboard_api.seed_main`: the demonstration accounts, as JSON on stdout; run again it changes nothing and prints the
same.

In: VIGIL_DATABASE, VIGIL_DATA_DIR (default `.vigil`). Out: `[{"username", "password", "role"}]`; the passwords are kept in
DIR/secrets/accounts.json, mode 0600, and never stored readable anywhere else. The doctor and the on-call are on the care team of every
ward, the nurse on the first; the patient's account is linked by an admin (`PUT /accounts/patient`) or, when somebody is registered
already, to the first patient here.
"""

import asyncio
import json
import os
import secrets
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from dashboard_api import passwords
from dashboard_api.policy import RIGHTS, Role
from dashboard_api.timescale import Database
from vitals import settings
from vitals.canary import WARD
from vitals.errors import PartAway, SettingError
from vitals.settings import Secret, setting

_ROLES = (Role.DOCTOR, Role.NURSE, Role.PATIENT, Role.ONCALL, Role.ADMIN, Role.AUDITOR, Role.INTEGRATION)
_EVERYWHERE = (Role.DOCTOR, Role.ONCALL, Role.INTEGRATION)
_PATIENCE_S = 30.0

_FIRST = "SELECT id FROM clinical.patient WHERE discharged_at IS NULL AND ward <> %s ORDER BY no LIMIT 1"
_UPSERT = """INSERT INTO access.account AS a (username, role, password_hash, all_wards, first_ward, patient, scopes, created_at)
VALUES (%(username)s, %(role)s, %(hash)s, %(all)s, %(first)s, %(patient)s, %(scopes)s, %(now)s)
ON CONFLICT (username) DO UPDATE SET patient = COALESCE(a.patient, excluded.patient), password_hash = CASE WHEN %(fresh)s
    THEN excluded.password_hash ELSE a.password_hash END"""


@dataclass(frozen=True, slots=True)
class SeedSettings:
    """What the command reads from its environment."""

    database: Secret = setting("VIGIL_DATABASE", Secret, "postgresql://user:password@host:port/name")
    folder: Path = setting("VIGIL_DATA_DIR", Path, "where the secrets are kept", ".vigil")


def remembered(folder: Path) -> tuple[dict[str, str], bool]:
    """The passwords by user name, and whether they are new; they are written before the database hears of them."""
    file = folder / "secrets" / "accounts.json"
    if file.exists():
        return dict(json.loads(file.read_text())), False
    made = {role.value: secrets.token_urlsafe(12) for role in _ROLES}
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        json.dump(made, out)
    return made, True


async def seed(read: SeedSettings, now: datetime) -> list[dict[str, str]]:
    """Makes what is missing."""
    known, fresh = remembered(read.folder)
    database = Database(read.database, size=1, wait_s=_PATIENCE_S)
    await database.open()
    try:
        patient = await database.row(_FIRST, [WARD])
        for role in _ROLES:
            facts = {
                "username": role.value, "role": role.value, "hash": await passwords.hash_slowly(known[role]), "fresh": fresh,
                "all": role in _EVERYWHERE, "first": role is Role.NURSE, "now": now,
                "patient": patient["id"] if patient and role is Role.PATIENT else None,
                "scopes": sorted(RIGHTS[role]) if role is Role.INTEGRATION else [],
            }  # fmt: skip
            await database.do(_UPSERT, facts)
    finally:
        await database.close()
    return [{"username": role.value, "password": known[role], "role": role.value} for role in _ROLES]


def main() -> int:
    """0, or 1 when the database is away, 2 for a wrong setting."""
    try:
        accounts = asyncio.run(seed(settings.read(SeedSettings, os.environ), datetime.now(UTC)))
    except SettingError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except PartAway as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(json.dumps(accounts) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
