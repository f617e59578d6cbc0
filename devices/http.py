"""The HTTP API as an admin uses it to register wards, patients and devices.

In: an address and an account. Out: ids and a device's secret. Promise: 429 and 503 are waited out as `Retry-After` says, a lapsed
token is renewed, the server's absence is retried for two minutes; any other refusal raises `Refused` with the server's words.
"""

import random
import threading
import time
from collections.abc import Mapping
from typing import Any

import httpx

from devices.endpoints import Account

PATIENCE_S = 120.0
_RETRY = frozenset({429, 502, 503, 504})


class Refused(Exception):
    """The API said no; `status` and its problem document."""

    def __init__(self, method: str, path: str, status: int, problem: str) -> None:
        super().__init__(f"{method} {path}: {status} {problem}")
        self.status = status


class Registry:
    """Wards, patients, devices, assignments. Safe to use from several threads."""

    def __init__(self, base: str, account: Account) -> None:
        self._account, self._lock, self._token = account, threading.Lock(), ""
        self._client = httpx.Client(base_url=base.rstrip("/") + "/api/v1", timeout=30.0)

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()

    def ward(self, ward: str, name: str) -> None:
        """Makes the ward; one that is there already is well."""
        self.call("POST", "/wards", {"id": ward, "name": name}, well=frozenset({409}))

    def patient(self, facts: Mapping[str, Any]) -> str:
        """The pseudonym of the patient with `facts["mrn"]`, registered now if need be."""
        try:
            return str(self.call("POST", "/patients", dict(facts))["id"])
        except Refused as error:
            if error.status != 409:
                raise
        found = self.call("GET", f"/patients?mrn={facts['mrn']}&discharged=true")["items"]
        return str(found[0]["id"])

    def device(self, kind: str, ward: str | None, gateway: str | None = None) -> dict[str, Any]:
        """A new device: id, username, password, topics."""
        wish = {"kind": kind, "ward": ward, "gateway": gateway}
        return dict(self.call("POST", "/devices", {key: value for key, value in wish.items() if value is not None}))

    def assign(self, device: str, patient: str, since: str) -> None:
        """Puts the device on the patient from `since` (RFC 3339) on; done already is well."""
        self.call("POST", f"/devices/{device}/assignments", {"patient_id": patient, "from": since}, well=frozenset({409}))

    def patient_account(self, patient: str) -> None:
        """Links the demonstration account of role patient to this patient."""
        self.call("PUT", "/accounts/patient", {"patient": patient})

    def call(self, method: str, path: str, body: Any = None, well: frozenset[int] = frozenset()) -> Any:
        """The answer's JSON. Raises Refused for a status of 400 and above that is not in `well`."""
        answer = self._patiently(method, path, body)
        if answer.status_code >= 400 and answer.status_code not in well:
            raise Refused(method, path, answer.status_code, answer.text[:300])
        return answer.json() if answer.content else None

    def _patiently(self, method: str, path: str, body: Any) -> httpx.Response:
        until, pause = time.monotonic() + PATIENCE_S, 0.2
        while True:
            try:
                answer = self._once(method, path, body)
            except (httpx.NetworkError, httpx.TimeoutException, httpx.RemoteProtocolError):
                if time.monotonic() > until:
                    raise
                wait = pause
            else:
                if answer.status_code not in _RETRY or time.monotonic() > until:
                    return answer
                wait = float(answer.headers.get("Retry-After", pause))
            time.sleep(wait * random.uniform(1.0, 1.2))
            pause = min(pause * 2, 5.0)

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"} if self._token else {}

    def _once(self, method: str, path: str, body: Any) -> httpx.Response:
        answer = self._client.request(method, path, json=body, headers=self._headers())
        if answer.status_code != 401:
            return answer
        with self._lock:
            form = {"grant_type": "password", "username": self._account.username, "password": self._account.password}
            granted = self._client.post("/token", data=form)
            if granted.status_code != 200:
                return granted
            self._token = str(granted.json()["access_token"])
        return self._client.request(method, path, json=body, headers=self._headers())
