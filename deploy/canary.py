"""The canary's patient, device and pager, made through the API as an administrator makes any other.

In: the API's address, the administrator's account, the pager's port. Out: the device's id and secret, kept in `secrets/canary.json` (0600)
with the pager's port, so that it is the same after a restart, and runs as it was where the administrator's account is not ours any more.
Promise: run again it changes nothing but the pager's address.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from deploy.home import write_json
from deploy.parts.errors import PartError
from vitals.canary import WARD
from vitals.settings import broker

PERSON = "canary"
WAIT_MS = 300_000
TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Account:
    """The canary's device at the broker, and the port of its pager (0: not known, in a file of the version before)."""

    device: str
    password: str
    pager: int = 0

    def url(self, gateways: str) -> str:
        """VIGIL_CANARY_MQTT: the broker of that address (VIGIL_MQTT), as this device."""
        at = broker(gateways)
        return f"{'mqtts' if at.tls else 'mqtt'}://{self.device}:{quote(self.password, safe='')}@{at.host}:{at.port}"


class Refused(PartError):
    """The API did not do what the canary needs."""


def logged_in(address: str, account: Mapping[str, str]) -> httpx.Client:
    """The API with a token of that account."""
    base, form = f"{address}/api/v1", {"grant_type": "password", "username": account["username"], "password": account["password"]}
    token = _told(httpx.post(f"{base}/token", data=form, timeout=TIMEOUT_S, trust_env=False))["access_token"]
    return httpx.Client(base_url=base, headers={"Authorization": f"Bearer {token}"}, timeout=TIMEOUT_S, trust_env=False)


def _told(answer: httpx.Response, but: tuple[int, ...] = ()) -> Any:
    """The answer's JSON; None for a status in `but`."""
    if answer.is_error and answer.status_code not in but:
        raise Refused(f"the canary: {answer.request.method} {answer.request.url.path}: {answer.status_code} {answer.text[:200]}")
    return None if answer.is_error else answer.json()


def enrol(api: httpx.Client, kept: Path, pager_port: int) -> Account:
    """The canary's device, enrolled on its patient where it is not; its pager is on `pager_port`."""
    account = _remembered(api, kept) or _made(api)
    write_json(kept, asdict(account))  # the secret is shown once; the pager is where it was until the rota knows of another
    contacts = [["webhook", f"http://127.0.0.1:{pager_port}/"]]
    _told(api.put(f"/oncall/people/{PERSON}", json={"contacts": contacts}))
    account = replace(account, pager=pager_port)
    write_json(kept, asdict(account))
    rungs = [{"targets": [f"person:{PERSON}"], "wait_ms": WAIT_MS}]
    _told(api.put(f"/escalation-policies/{WARD}", json={"ward": WARD, "priorities": ["high", "medium", "low"], "rungs": rungs}))
    return account


def as_it_was(kept: Path, pager_port: int) -> Account:
    """The account of before, with its pager where it was; where there is none, one that nobody lets in: what it watches is then silent."""
    account = _kept(kept) or Account("canary", "never enrolled")
    return account if account.pager else replace(account, pager=pager_port)


def _kept(kept: Path) -> Account | None:
    return Account(**json.loads(kept.read_text())) if kept.exists() else None


def _remembered(api: httpx.Client, kept: Path) -> Account | None:
    """The account of before; None where this database does not know its device."""
    account = _kept(kept)
    return account if account and _told(api.get(f"/devices/{account.device}"), but=(404,)) else None


def _made(api: httpx.Client) -> Account:
    now = datetime.now(UTC).isoformat()
    _told(api.post("/wards", json={"id": WARD, "name": "The canary's"}), but=(409,))
    person = {"mrn": f"canary {now}", "name": "Canary", "birth_date": "1970-01-01", "sex": "unknown", "ward": WARD}
    patient = _told(api.post("/patients", json=person))["id"]
    device = _told(api.post("/devices", json={"kind": "monitor"}))
    _told(api.post(f"/devices/{device['id']}/assignments", json={"patient_id": patient, "from": now}))
    return Account(device["username"], device["password"])
