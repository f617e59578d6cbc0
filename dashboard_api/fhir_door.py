"""The ingest's FHIR intake, on this machine only: what an integration posts goes through it the same way as a device's message.

In: the JSON of an Observation or a Bundle. Out: what it answers, as it is. Promise: the intake being away is PartAway.
"""

from typing import NamedTuple

import httpx

from vitals.errors import PartAway

_TIMEOUT_S = 30.0


class Said(NamedTuple):
    """`place`: the location that it names, "" for none; `retry_s`: when to come again, 0 where it does not say."""

    status: int
    body: bytes
    place: str
    retry_s: int


class FhirDoor:
    """One client; None as address: there is no intake, and `post` says so."""

    def __init__(self, address: str | None) -> None:
        self._address = address
        self._client = httpx.AsyncClient(timeout=_TIMEOUT_S)

    async def post(self, body: bytes, traceparent: str | None) -> Said:
        """Its answer. Raises PartAway."""
        if self._address is None:
            raise PartAway("the FHIR intake is not running")
        headers = {"Content-Type": "application/fhir+json"} | ({"traceparent": traceparent} if traceparent else {})
        try:
            answer = await self._client.post(self._address, content=body, headers=headers)
        except httpx.HTTPError as error:
            raise PartAway("the FHIR intake does not answer") from error
        told = answer.headers
        return Said(answer.status_code, answer.content, told.get("location", ""), int(told.get("retry-after", "0")))

    async def close(self) -> None:
        """Ends its connections."""
        await self._client.aclose()
