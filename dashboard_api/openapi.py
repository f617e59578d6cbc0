"""The OpenAPI 3.1 document, made from the table of routes: what the code does is what the document says. Pure.

In: (prefix, route) pairs. Out: the document as plain data. Every operation lists its parameters, body, answers and problems, with an
example of each, and says which roles may call it.
"""

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from dashboard_api import examples, policy, problems
from dashboard_api.route import Route

_REF = "#/components/schemas/{name}"
_ALWAYS = (422, 429, 500, 503)
_NAMES = {400: "BadRequest", 401: "Unauthenticated", 403: "Forbidden", 404: "NotFound", 409: "Conflict", 410: "Gone", 413: "TooLarge",
415: "UnsupportedContent",
          422: "Unacceptable", 429: "TooFast", 500: "Failure", 503: "Away"}  # fmt: skip
_PATH_WORDS = re.compile(r"{(\w+)}")
_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
    },
}
_FLOW = {"tokenUrl": "/api/v1/token", "scopes": {}}
_TOKEN_FORM = {
    "type": "object",
    "properties": {
        "grant_type": {"enum": ["password", "refresh_token", "client_credentials", "authorization_code"], "default": "password"},
        "username": {"type": "string"},
        "password": {"type": "string", "format": "password"},
        "totp": {"type": "string", "description": "the second factor's code, or a recovery code"},
        "refresh_token": {"type": "string"},
        "scope": {"type": "string", "description": "SMART scopes, or rights: the token may at most what they name"},
        "client_id": {"type": "string"},
        "client_secret": {"type": "string", "format": "password"},
        "client_assertion_type": {"enum": ["urn:ietf:params:oauth:client-assertion-type:jwt-bearer"]},
        "client_assertion": {"type": "string"},
        "code": {"type": "string", "description": "what a log-in with the OpenID provider gave the page"},
    },
}


def document(table: Sequence[tuple[str, Route]]) -> dict[str, Any]:
    """The whole document."""
    types = [t for _, r in table for t in (r.body, r.answer, r.query) if t is not None]
    schemas, components = msgspec.json.schema_components(types, ref_template=_REF)
    by_type = {id(t): schema for t, schema in zip(types, schemas, strict=True)}
    paths: dict[str, dict[str, Any]] = {}
    for prefix, route in table:
        paths.setdefault(prefix + route.path, {})[route.method.lower()] = _operation(route, prefix, by_type, components)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Vigil", "version": "1", "description": "Remote patient monitoring: patients, devices, vitals, alerts."},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": components | {"Problem": _PROBLEM},
            "responses": {name: _problem(status) for status, name in _NAMES.items()},
            "securitySchemes": {"password": {"type": "oauth2", "flows": {"password": _FLOW, "clientCredentials": _FLOW}}},
        },
    }


def _operation(route: Route, prefix: str, by_type: dict[int, Any], components: dict[str, Any]) -> dict[str, Any]:
    statuses = sorted({*_ALWAYS, *route.errors, *((401, 403) if route.right else ()), *((400, 413) if route.body else ())})
    answer = {"description": "Done"} | ({"content": _content(route, by_type, components)} if route.answer else {})
    operation: dict[str, Any] = {
        "operationId": route.action,
        "summary": route.summary,
        "tags": [route.tag or "other"],
        "parameters": _path_parameters(prefix + route.path) + _query_parameters(route.query, components) + _headers(route),
        "responses": {str(route.status): answer} | {str(s): {"$ref": f"#/components/responses/{_NAMES[s]}"} for s in statuses},
        "security": [{"password": []}] if route.right else [],
    }
    if route.right:
        operation["x-vigil-roles"] = [role.value for role in policy.Role if route.right in policy.RIGHTS[role]]
    if route.body is not None:
        schema = by_type[id(route.body)]
        example = examples.BODIES.get(route.action) or examples.fitting(schema, components)
        needed = "$ref" not in schema or bool(components[schema["$ref"].rpartition("/")[2]].get("required"))
        operation["requestBody"] = {"required": needed, "content": {"application/json": {"schema": schema, "example": example}}}
    elif route.action == "token":
        form = {"schema": _TOKEN_FORM, "example": examples.BODIES["token"]}
        operation["requestBody"] = {"required": True, "content": {"application/x-www-form-urlencoded": form}}
    elif route.action in examples.BODIES:
        resource = {"schema": {"type": "object"}, "example": examples.BODIES[route.action]}
        operation["requestBody"] = {"required": True, "content": {route.media[0]: resource}}
    return operation


def _content(route: Route, by_type: dict[int, Any], components: dict[str, Any]) -> dict[str, Any]:
    schema = by_type[id(route.answer)]
    example = examples.ANSWERS.get(route.action) or examples.fitting(schema, components)
    return {media: {"schema": schema, "example": example} for media in route.media}


def _path_parameters(path: str) -> list[dict[str, Any]]:
    words = _PATH_WORDS.findall(path)
    text = {"type": "string"}
    return [{"name": w, "in": "path", "required": True, "schema": text, "example": str(examples.NAMES.get(w, "1"))} for w in words]


def _query_parameters(shape: Any, components: dict[str, Any]) -> list[dict[str, Any]]:
    if shape is None:
        return []
    schema = components[shape.__name__]
    required = schema.get("required", [])
    return [
        {"name": name, "in": "query", "required": name in required, "schema": s, "example": examples.fitting(s, components, name)}
        for name, s in schema["properties"].items()
    ]


def _headers(route: Route) -> list[dict[str, Any]]:
    if route.method != "POST" or route.right is None:
        return []
    schema = {"type": "string", "minLength": 1, "maxLength": 128}
    return [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "schema": schema,
            "description": "the same key: the same answer",
            "example": "3f0c9d52",
        }
    ]


def _problem(status: int) -> dict[str, Any]:
    example = {"type": f"urn:vigil:problem:{status}", "title": problems.TITLES[status], "status": status, "instance": "/api/v1/patients"}
    content = {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}}
    return {"description": problems.TITLES[status], "content": content}
