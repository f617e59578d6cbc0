"""`python -m ingest.fhir_main`: the FHIR intake, on 127.0.0.1:VIGIL_FHIR_PORT only, for the HTTP API, which knows who is asking.

In: POST of an Observation or a Bundle, on any path. Out: 201 with the Observation, 200 with the Bundle's response, each with the name of
the reading that it became as its location (`ingest.fhir.kept`); 400 and 422 with an OperationOutcome, 503 with Retry-After while Kafka or
the database is away, 429 with Retry-After where a device of it is over its quota (nothing of it is taken or kept then). Promise: 2xx is
said when everything is durable; a single Observation and a transaction are taken whole or not at all, a batch each by itself; what is
refused is kept in `refused`.
"""

import asyncio
import math
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ingest.door_app import Door, DoorSettings, run
from ingest.fhir import ISSUE_CODES, Entry, Issue, Posted, kept, outcome, read
from ingest.gather import Message, Refused
from ingest.intake import Intake, TooFast
from ingest.route import vitals_topic
from ingest.spoken import Spoken
from ingest.wire import MESSAGE_BYTES, Fault
from vitals.errors import PartAway
from vitals.refusal import Reason
from vitals.settings import KEEP_ALIVE_S, port, setting

Answer = tuple[int, dict[str, Any], str]
"""Status, body, location: "" for none."""


@dataclass(frozen=True, slots=True)
class Settings(DoorSettings):
    """The FHIR door's environment."""

    fhir_port: int = setting("VIGIL_FHIR_PORT", port, "port of the intake on 127.0.0.1")
    name: str = setting("VIGIL_GATEWAY", str, "this door's name; each one beside another needs its own", "vigil-fhir-1")


async def posted(intake: Intake, body: bytes, source: str, parent: bytes | None) -> Answer:
    """What to answer to a POST. Raises PartAway when nothing can be promised, TooFast when a device of it must say less."""
    now = intake.clocks.now()
    found = read(body, intake.directory(), now)
    if not isinstance(found, list) and any(entry.unsure for entry in found.entries):
        await intake.newer(now)
        found = read(body, intake.directory(), now)
    if not isinstance(found, list):
        intake.within(_messages(found.entries, now, source))
    if issues := found if isinstance(found, list) else list(found.issues.values()):
        fault = Fault(Reason.TOO_LARGE if len(body) > MESSAGE_BYTES else Reason.MALFORMED, "; ".join(i.detail for i in issues)[:500])
        await intake.refuse(Message(b"", body, now, door="fhir", source=source), fault)
    if isinstance(found, list):
        return 400, outcome(found), ""
    if found.bundle == "batch":
        each = [await intake.take_whole(_messages([e], now, source), parent) for e in found.entries]
        return 200, _response(found, each, _places(found, intake, now)), ""
    refused = await intake.take_whole(_messages(found.entries, now, source), parent)
    if refused:
        return 422, outcome(_issues(found.entries, refused)), ""
    places = _places(found, intake, now)
    return (200, _response(found, [[] for _ in places], places), "") if found.bundle else (201, msgspec.json.decode(body), places[0])


def _places(found: Posted, intake: Intake, now: int) -> list[str]:
    return [kept(entry, intake.directory(), now) for entry in found.entries]


def _messages(entries: Sequence[Entry], now: int, source: str) -> list[Message]:
    return [
        Message(vitals_topic(spoken.device), spoken.payload(), now, again=True, door="fhir", source=source, original=entry.raw)
        for entry in entries
        for spoken in entry.samples
    ]


def _issues(entries: Sequence[Entry], refused: Sequence[Refused]) -> list[Issue]:
    """`refused[i].message` is a place in the entries' samples."""
    said = [(entry, spoken) for entry in entries for spoken in entry.samples]
    return [
        Issue(ISSUE_CODES[r.refusal.reason], f"{r.refusal.reason}: {r.refusal.detail}", _place(*said[r.message], r.refusal.vital))
        for r in refused
    ]


def _place(entry: Entry, spoken: Spoken, vital: str | None) -> str:
    return spoken.rows.get(vital or "", entry.at)


def _response(found: Posted, refused: list[list[Refused]], places: list[str]) -> dict[str, Any]:
    """The Bundle's response: an entry for each of its entries, in order."""
    entries = []
    for entry, faults, place in zip(found.entries, refused, places, strict=True):
        ok: dict[str, Any] = {"status": "201 Created"} | ({"location": place} if place else {})
        bad = {"status": "422 Unprocessable Entity", "outcome": outcome(_issues([entry], faults))}
        entries.append({"response": bad if faults else ok})
    for i, issue in sorted(found.issues.items()):
        entries.insert(i, {"response": {"status": "400 Bad Request", "outcome": outcome([issue])}})
    return {"resourceType": "Bundle", "type": f"{found.bundle}-response", "entry": entries}


def _later(status: int, code: str, error: Exception, seconds: int) -> Response:
    body = msgspec.json.encode(outcome([Issue(code, str(error))]))
    return Response(body, status, {"retry-after": str(seconds)}, "application/fhir+json")


async def listen(door: Door[Settings]) -> None:
    """Serves until told to stop."""

    async def post(request: Request) -> Response:
        try:
            parent = request.headers.get("traceparent", "").encode()
            source = f"fhir:{request.headers.get('x-vigil-actor', '')[:64]}"
            status, body, place = await posted(door.intake, await request.body(), source, parent)
        except TooFast as error:
            return _later(429, "throttled", error, math.ceil(error.wait_s))
        except PartAway as error:
            return _later(503, "transient", error, 2)
        return Response(msgspec.json.encode(body), status, {"location": place} if place else {}, "application/fhir+json")

    application = Starlette(routes=[Route("/{path:path}", post, methods=["POST"])])
    config = uvicorn.Config(
        application,
        "127.0.0.1",
        door.settings.fhir_port,
        log_level="warning",
        access_log=False,
        lifespan="off",
        timeout_keep_alive=KEEP_ALIVE_S,
    )
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]  # the door's own handlers end it
    serving = asyncio.create_task(server.serve())
    await door.stopped.wait()
    server.should_exit = True
    await serving


def main() -> int:
    """Exit code: as `ingest.door_app.run`."""
    return run(Settings, listen, os.environ)


if __name__ == "__main__":
    sys.exit(main())
