"""The ingest's FHIR intake, on this machine only: what an integration posts goes through it the same way as a device's message.

In: the JSON of an Observation or a Bundle. Out: its status, answer and location, as they are. Promise: the intake being away is PartAway.
"""

import httpx

from vitals.errors import PartAway

_TIMEOUT_S = 30.0


class FhirDoor:
    """One client; None as address: there is no intake, and `post` says so."""

    def __init__(self, address: str | None) -> None:
        self._address = address
        self._client = httpx.AsyncClient(timeout=_TIMEOUT_S)

    async def post(self, body: bytes, traceparent: str | None) -> tuple[int, bytes, str]:
        """Status, body, and the location that it names, "" for none. Raises PartAway."""
        if self._address is None:
            raise PartAway("the FHIR intake is not running")
        headers = {"Content-Type": "application/fhir+json"} | ({"traceparent": traceparent} if traceparent else {})
        try:
            answer = await self._client.post(self._address, content=body, headers=headers)
        except httpx.HTTPError as error:
            raise PartAway("the FHIR intake does not answer") from error
        return answer.status_code, answer.content, answer.headers.get("location", "")

    async def close(self) -> None:
        """Ends its connections."""
        await self._client.aclose()
