"""The way of every request: known caller, not too fast, allowed, within reach, well formed; then the handler; then the audit; then the
answer.

In: a request and its `Route`. Out: a response; every failure is a problem document. Promise: no handler runs before policy has said
yes; no answer to a read or a change of a patient's data is sent before its audit entry is stored; a patient out of reach and one that
does not exist look the same.
"""

import hashlib
import logging
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from dashboard_api import decoding, idempotency, identity, policy, problems, tokens
from dashboard_api.audit import Entry
from dashboard_api.fhir import outcome
from dashboard_api.policy import Caller, Role
from dashboard_api.problems import Problem
from dashboard_api.route import Call, Reply, Route
from dashboard_api.site import Site
from dashboard_api.timescale import Clash, Dangling, Invalid, Row
from vitals.errors import PartAway

_LARGEST_BODY = 4 * 1024 * 1024
_log = logging.getLogger(__name__)
_STRANGER = Caller("", Role.AUDITOR)
_SUBJECTS = {
    "patient": """SELECT id AS patient, no, id, ward, bed, age_band, spo2_scale, pregnant, version, created_at, discharged_at
                  FROM clinical.patient WHERE id = %s""",
    "alert": """SELECT a.patient, coalesce(p.ward, a.ward) AS ward FROM alerting.alert a LEFT JOIN clinical.patient p ON p.id = a.patient
                WHERE a.id = %s""",
}


class Gate:
    """The gate of one site."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._kept = idempotency.Idempotency(site.database, site.keys.stored)

    async def answer(self, route: Route, request: Request) -> Response:
        """The whole way; never raises."""
        began = self._site.monotonic()
        try:
            response = await self._through(route, request)
        except Exception as error:  # noqa: BLE001  # the one place where the unexpected becomes a 500
            response = failed(route, problem_of(error), request)
        metrics = self._site.metrics
        metrics.requests.labels(route.action, str(response.status_code)).inc()
        metrics.seconds.labels(route.action).observe(self._site.monotonic() - began)
        return response

    async def _through(self, route: Route, request: Request) -> Response:
        caller, session = await self._known(route, request)
        subject: Row = {}
        try:
            if route.right is not None and not policy.permits(caller, route.right, route.interaction):
                raise Problem(403)
            subject = await self._subject(route, request, caller)
        except Problem as problem:
            await self._denied(route, request, caller, problem)
            raise
        data = await _body(request) if route.method != "GET" else b""
        call = Call(
            self._site, request, caller, session, self._site.clock(), request.path_params,
            decoding.query(request.query_params.multi_items(), route.query),
            decoding.body(data, route.body) if route.body is not None else data, subject,
        )  # fmt: skip
        return await self._once(route, call, data)

    async def _once(self, route: Route, call: Call, data: bytes) -> Response:
        key = call.request.headers.get("idempotency-key")
        if key is None or route.method != "POST" or route.right is None:
            return await self._told(route, call, await self._handled(route, call))
        this = idempotency.asked(call.caller.username, key, route.method, call.request.url.path, data)
        earlier = await self._kept.earlier(this, call.now)
        if earlier is not None:
            await self._write(route, call.request, call.caller, "done", call.subject.get("patient"), {"replayed": True})
            return earlier
        try:
            reply = await self._handled(route, call)
        except BaseException:
            await self._kept.forget(this)
            raise
        response = _answer(route, call, reply)
        try:  # before the audit, which may be away: the change is made; and it is audited though it could not be kept
            if response.status_code == 202 or response.status_code >= 400:
                await self._kept.forget(this)
            else:
                await self._kept.keep(this, response, _patient(call, reply))
        except PartAway:
            _log.warning("event=answer_not_kept action=%s", route.action)
        return await self._told(route, call, reply)

    async def _handled(self, route: Route, call: Call) -> Reply:
        try:
            return await route.handler(call)
        except Problem as problem:
            if problem.status in (403, 404):
                await self._denied(route, call.request, call.caller, problem)
            elif route.method != "GET" and route.right is not None:
                await self._write(route, call.request, call.caller, "failed", call.subject.get("patient"), {"status": problem.status})
            raise

    async def _told(self, route: Route, call: Call, reply: Reply) -> Response:
        if route.audited and route.right is not None:
            detail = dict(reply.detail) | ({"patients": list(reply.patients)} if reply.patients else {})
            await self._write(route, call.request, call.caller, "done", _patient(call, reply), detail)
        return _answer(route, call, reply)

    async def _known(self, route: Route, request: Request) -> tuple[Caller, str]:
        """Raises 401, or 429 when the caller (or, without a token, the address) goes too fast."""
        site = self._site
        address = request.client.host if request.client else ""
        if route.right is None:
            return _STRANGER, ""
        header = request.headers.get("authorization", "")
        scheme, _, token = header.partition(" ")
        caller = None
        if scheme.lower() == "bearer" and token:
            try:
                claims = tokens.verify(site.keys.token, token.strip(), site.clock().timestamp())
            except tokens.TokenRefused as error:
                raise self._stranger(address, str(error)) from error
            caller = await identity.caller_of(site.database, claims, site.clock())
        if caller is None:
            raise self._stranger(address, "a bearer token is needed: POST /api/v1/token")
        wait = site.throttles.caller.wait(caller.username, site.monotonic())
        if wait:
            site.metrics.denied.labels("too_fast").inc()
            raise problems.too_fast(wait)
        return caller, claims.session

    def _stranger(self, address: str, why: str) -> Problem:
        self._site.metrics.denied.labels("unauthenticated").inc()
        wait = self._site.throttles.stranger.wait(address, self._site.monotonic())
        return problems.too_fast(wait) if wait else Problem(401, why, headers={"WWW-Authenticate": 'Bearer realm="vigil"'})

    async def _subject(self, route: Route, request: Request, caller: Caller) -> Row:
        if any("\0" in str(part) for part in request.path_params.values()):
            raise problems.unknown()
        if not route.subject:
            return {}
        row = await self._site.database.row(_SUBJECTS[route.subject], [request.path_params["id"]])
        if row is None or not policy.sees(caller, row["patient"], row["ward"]):
            raise problems.unknown()
        return row

    async def _denied(self, route: Route, request: Request, caller: Caller, problem: Problem) -> None:
        self._site.metrics.denied.labels("role" if problem.status == 403 else "reach").inc()
        if route.right is not None:
            patient = request.path_params.get("id") if route.subject == "patient" else None
            await self._write(route, request, caller, "denied", patient, {"status": problem.status})

    async def _write(
        self, route: Route, request: Request, caller: Caller, outcome: str, patient: str | None, detail: dict[str, Any]
    ) -> None:
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        entry = Entry(
            at=self._site.clock(), actor=caller.username, role=caller.role, action=route.action,
            resource=decoding.printable(f"{route.method} {path}"),
            outcome=outcome, patient=decoding.printable(patient, 64) if patient else None, detail=detail,
        )  # fmt: skip
        await self._site.audit.write(entry)


async def _body(request: Request) -> bytes:
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > _LARGEST_BODY:
            raise Problem(413, f"at most {_LARGEST_BODY} bytes")
    return bytes(data)


def _patient(call: Call, reply: Reply) -> str | None:
    """Whom it is about, where it is one."""
    return call.subject.get("patient") or (reply.patients[0] if len(reply.patients) == 1 else None)


def _answer(route: Route, call: Call, reply: Reply) -> Response:
    return reply.raw or _encoded(route, call.request, reply)


def _encoded(route: Route, request: Request, reply: Reply) -> Response:
    """The JSON answer; a GET carries an ETag, and one that the caller has already is a 304."""
    headers = {"Cache-Control": "private, no-cache", **reply.headers}
    body = b"" if reply.body is None else msgspec.json.encode(reply.body)
    status = reply.status if reply.status != 200 else route.status
    if request.method == "GET" and status == 200:
        headers["ETag"] = tag = f'W/"{hashlib.sha256(body).hexdigest()[:24]}"'
        if tag in (t.strip() for t in request.headers.get("if-none-match", "").split(",")):
            return Response(status_code=304, headers=headers)
    return Response(body, status, headers, media_type=route.media[0] if body else None)


def failed(route: Route, problem: Problem, request: Request) -> Response:
    """A problem document; for FHIR, which has its own form, an OperationOutcome (R4)."""
    if outcome.MEDIA_TYPE in route.media:
        return outcome.response(problem)
    return problems.response(problem, request.url.path)


def problem_of(error: Exception) -> Problem:
    """What a failure is to the caller."""
    match error:
        case Problem():
            return error
        case Clash():
            return Problem(409, conflict=error.constraint)
        case Dangling():
            return Problem(422, "it names something that is not there", names=error.constraint)
        case Invalid() | OverflowError():  # the latter: a span that begins before the year 1 or ends after 9999
            return Problem(422, "the value is out of range")
        case PartAway():
            return problems.away(str(error))
        case _:
            _log.exception("event=unexpected", exc_info=error)
            return Problem(500)
