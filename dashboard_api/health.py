"""Liveness, readiness with each dependency, and metrics: at the root, open, without patient data."""

import asyncio
from dataclasses import dataclass

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from dashboard_api.site import Site
from vitals.errors import PartAway

_ASK_AGAIN_S = 1.0


@dataclass(frozen=True, slots=True)
class Answered:
    """What each dependency said, and when (monotonic seconds)."""

    at: float
    up: dict[str, bool]


class Health:
    """Asks the dependencies, at most once a second however often it is asked."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._last: Answered | None = None
        self._asking = asyncio.Lock()

    async def live(self, _: Request) -> Response:
        """The process answers."""
        return Response(b'{"status":"alive"}', media_type="application/json")

    async def ready(self, _: Request) -> Response:
        """200 when every dependency answers, else 503; each by name."""
        up = await self.dependencies()
        ready = all(up.values())
        body = {"status": "ready" if ready else "not ready", "dependencies": {name: {"up": value} for name, value in up.items()}}
        headers = {} if ready else {"Retry-After": "2"}
        return Response(msgspec.json.encode(body), 200 if ready else 503, headers, media_type="application/json")

    async def metrics(self, _: Request) -> Response:
        """Prometheus exposition."""
        await self.dependencies()
        return Response(self._site.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    async def run(self) -> None:
        """Keeps the gauge fresh for whoever reads it at the metrics port."""
        while True:
            await self.dependencies()
            await asyncio.sleep(_ASK_AGAIN_S * 2)

    async def dependencies(self) -> dict[str, bool]:
        """Name -> whether it answers."""
        async with self._asking:
            now = self._site.monotonic()
            if self._last is None or now - self._last.at > _ASK_AGAIN_S:
                database, kafka = await asyncio.gather(self._database(), self._site.kafka.answers(self._site.topics.patients))
                self._last = Answered(now, {"database": database, "kafka": kafka, "mqtt": self._site.devices.connected})
                self._site.metrics.ready.set(all(self._last.up.values()))
            return self._last.up

    async def _database(self) -> bool:
        try:
            return await self._site.database.row("SELECT 1 FROM access.audit_head") is not None
        except PartAway:
            return False
