"""What was taken in, as the client can read it back: the intake's names of readings become the addresses of Observations.

In: the intake's answer, which names each reading `urn:vigil:reading:VITAL:PATIENT:DEVICE:MS:SEQ` (`ingest.fhir.kept`). Out: the same with
the ids that a search gives. Dropped: an id of the client's own, which nothing can be read by. The archive stores a reading within seconds:
until then its address is a 404.
"""

from collections.abc import Mapping
from typing import Any

from dashboard_api.api.scores import moment
from dashboard_api.fhir.resources import Resource, identity
from dashboard_api.timescale import Database

_READING = "urn:vigil:reading:"
_NOS = "SELECT id, no FROM clinical.patient WHERE id = ANY(%s) UNION ALL SELECT id, no FROM clinical.device WHERE id = ANY(%s)"


async def ids_of(database: Database, places: list[str]) -> dict[str, str]:
    """Place -> logical id, of those that name a reading of a patient and a device that are there."""
    named = {place: place.removeprefix(_READING).split(":") for place in places if place.startswith(_READING)}
    who = sorted({one for _, patient, device, _, _ in named.values() for one in (patient, device)})
    numbers = {row["id"]: row["no"] for row in await database.rows(_NOS, [who, who])} if who else {}
    return {place: _id(parts, numbers) for place, parts in named.items() if {parts[1], parts[2]} <= numbers.keys()}


def _id(parts: list[str], numbers: Mapping[str, int]) -> str:
    name, patient, device, at, seq = parts
    return identity(name, numbers[patient], moment(int(at)), numbers[device], int(seq))


def observation(said: Resource, logical_id: str | None) -> Resource:
    """The Observation as it was said, under its id here."""
    rest = {key: value for key, value in said.items() if key not in ("resourceType", "id")}
    return {"resourceType": said["resourceType"]} | ({"id": logical_id} if logical_id else {}) | rest


def bundle(answer: Resource, ids: Mapping[str, str]) -> Resource:
    """A Bundle's response, with the address of each Observation that has one."""
    return answer | {"entry": [{"response": _addressed(entry["response"], ids)} for entry in answer["entry"]]}


def places_in(answer: Resource) -> list[str]:
    """The places that a Bundle's response names."""
    return [entry["response"]["location"] for entry in answer.get("entry", []) if "location" in entry["response"]]


def _addressed(response: dict[str, Any], ids: Mapping[str, str]) -> dict[str, Any]:
    told = {key: value for key, value in response.items() if key != "location"}
    found = ids.get(response.get("location", ""))
    return told | ({"location": f"Observation/{found}"} if found else {})
