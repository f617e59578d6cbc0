"""The API as methods: patients, vitals, scores, alerts and what one does about them, devices, and the live feed.

In: plain values; a time is a `datetime` with a zone. Out: the types of `shapes`. A list is an iterator that fetches page after page.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
import msgspec

from vigil_client.feed import Feed
from vigil_client.session import Refused, Session
from vigil_client.shapes import Alert, Assignment, Device, Enrolled, History, Me, Patient, Score, Ward

T = TypeVar("T")


class Vigil:
    """One account at one site. `live`: the feed's address where it is not the one that the site names; `code`: asked for a second factor's
    code."""

    def __init__(
        self,
        site: str,
        username: str,
        password: str,
        *,
        live: str | None = None,
        code: Callable[[], str] | None = None,
        timeout_s: float = 20.0,
    ) -> None:
        self._http = httpx.Client(base_url=site, timeout=timeout_s)
        self._session = Session(self._http, username, password, code)
        self._live = live

    def __enter__(self) -> "Vigil":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Logs out and ends the connections."""
        try:
            self._session.end()
        except httpx.HTTPError:
            pass  # the session then ends by itself
        finally:
            self._http.close()

    def me(self) -> Me:
        """Who I am and what I may do."""
        return self._session.ask("GET", "/me", Me)

    def wards(self) -> Iterator[Ward]:
        """Wards within reach."""
        return self._pages("/wards", Ward)

    def patients(self, ward: str | None = None, *, mrn: str | None = None) -> Iterator[Patient]:
        """Patients within reach."""
        return self._pages("/patients", Patient, ward=ward, mrn=mrn)

    def patient(self, patient: str) -> Patient:
        """One patient."""
        return self._session.ask("GET", f"/patients/{_word(patient)}", Patient)

    def vitals(
        self,
        patient: str,
        vitals: Sequence[str] = (),
        *,
        since: datetime | None = None,
        to: datetime | None = None,
        resolution: str | None = None,
    ) -> History:
        """Vitals through time; the last hour, all vitals and a fitting resolution when left out."""
        query = {"vital": ",".join(vitals) or None, "from": _time(since), "to": _time(to), "resolution": resolution}
        return self._session.ask("GET", f"/patients/{_word(patient)}/vitals", History, query=query)

    def score(self, patient: str, at: datetime | None = None) -> Score:
        """NEWS2 now, or as it was known at a time."""
        return self._session.ask("GET", f"/patients/{_word(patient)}/score", Score, query={"at": _time(at)})

    def alerts(self, *, state: str | None = None, ward: str | None = None, patient: str | None = None) -> Iterator[Alert]:
        """Alerts, newest first; `state` `open` for those that are not closed."""
        return self._pages("/alerts", Alert, state=state, ward=ward, patient=patient)

    def alert(self, alert: str) -> Alert:
        """One alert with its timeline."""
        return self._session.ask("GET", f"/alerts/{_word(alert)}", Alert)

    def act(
        self, alert: str, action: str, *, until: datetime | None = None, outcome: str | None = None, comment: str | None = None
    ) -> Alert | None:
        """Acknowledge, on_my_way, at_bedside, resolve, shelve, unshelve, comment, escalate. None: taken in, not yet done. Raises Refused
        409 for what the alert's state forbids."""
        body = {"action": action, "until": until, "outcome": outcome, "comment": comment}
        path = f"/alerts/{_word(alert)}/actions"
        told: dict[str, Any] = self._session.ask("POST", path, dict, body={name: v for name, v in body.items() if v is not None})
        return msgspec.convert(told, Alert) if "id" in told else None

    def devices(self, *, ward: str | None = None, patient: str | None = None) -> Iterator[Device]:
        """Devices within reach."""
        return self._pages("/devices", Device, ward=ward, patient=patient)

    def enrol(self, kind: str, ward: str | None = None) -> Enrolled:
        """A new device; its secret is shown this once."""
        return self._session.ask("POST", "/devices", Enrolled, body={"kind": kind} | ({"ward": ward} if ward else {}))

    def assign(self, device: str, patient: str, since: datetime, to: datetime | None = None) -> Assignment:
        """Puts a device on a patient. Raises Refused 409 where it is on somebody then."""
        body = {"patient_id": patient, "from": since} | ({"to": to} if to else {})
        return self._session.ask("POST", f"/devices/{_word(device)}/assignments", Assignment, body=body)

    def live(
        self,
        *,
        wards: Sequence[str] = (),
        patients: Sequence[str] = (),
        waveforms: Sequence[tuple[str, str]] = (),
        resume: str | None = None,
    ) -> Feed:
        """The live feed, as an iterator that comes back by itself, without a gap, when the connection is lost."""
        strips = [{"patient": patient, "channel": channel} for patient, channel in waveforms]
        wish: dict[str, Any] = {"type": "subscribe", "wards": list(wards), "patients": list(patients), "waveforms": strips}
        return Feed(self._live or self._live_address(), self._session, wish, resume)

    def _live_address(self) -> str:
        answer = self._http.get("/config.json")
        address = answer.json().get("live") if answer.is_success else None
        if not address:
            raise Refused(answer.status_code, {"title": "the site does not say where its live feed is"})
        return str(address)

    def _pages(self, path: str, shape: type[T], **query: Any) -> Iterator[T]:
        following: str | None = None
        while True:
            told: dict[str, Any] = self._session.ask("GET", path, dict, query=query | {"cursor": following})
            yield from msgspec.convert(told["items"], list[shape])  # type: ignore[valid-type]  # a type that is a value
            following = told["next"]
            if following is None:
                return


def _word(text: str) -> str:
    return quote(text, safe="")


def _time(at: datetime | None) -> str | None:
    return at.isoformat() if at is not None else None
