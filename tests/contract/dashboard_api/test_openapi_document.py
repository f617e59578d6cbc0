"""The document and the code are one: every route is described, every reference resolves, every operation says who may call it."""

import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import msgspec
import pytest

from dashboard_api import decoding, policy
from dashboard_api.openapi import document
from dashboard_api.problems import MEDIA_TYPE, Problem
from dashboard_api.route import Route
from dashboard_api.routes import ALL

MISSING = object()
DOCUMENT: dict[str, Any] = json.loads(msgspec.json.encode(document(ALL)))
OPERATIONS = [(path, method, operation) for path, methods in DOCUMENT["paths"].items() for method, operation in methods.items()]


def references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [r for inner in value.values() for r in references(inner)]
    return [r for inner in value for r in references(inner)] if isinstance(value, list) else []


def resolved(reference: str) -> Any:
    node: Any = DOCUMENT
    for step in reference.removeprefix("#/").split("/"):
        node = node[step]
    return node


def test_every_route_is_an_operation_and_every_operation_a_route() -> None:
    assert {(p, m.upper()) for p, m, _ in OPERATIONS} == {(prefix + r.path, r.method) for prefix, r in ALL}


def test_an_operations_name_is_its_own() -> None:
    assert len({operation["operationId"] for _, _, operation in OPERATIONS}) == len(ALL)


def test_every_reference_resolves() -> None:
    assert all(resolved(reference) for reference in references(DOCUMENT))


@pytest.mark.parametrize("route", [r for _, r in ALL if r.right is not None], ids=lambda r: r.action)
def test_an_operation_says_which_roles_may_call_it(route: Route) -> None:
    operation = next(o for _, _, o in OPERATIONS if o["operationId"] == route.action)
    assert operation["x-vigil-roles"] == [role.value for role in policy.Role if route.right in policy.RIGHTS[role]]
    assert {"401", "403"} <= operation["responses"].keys()


def test_every_failure_is_a_problem_document() -> None:
    assert all(list(response["content"]) == [MEDIA_TYPE] for response in DOCUMENT["components"]["responses"].values())


def test_a_path_parameter_is_described() -> None:
    named = {(path, p["name"]) for path, _, o in OPERATIONS for p in o["parameters"] if p["in"] == "path"}
    assert named == {(path, word[1:-1]) for path in DOCUMENT["paths"] for word in path.split("/") if word.startswith("{")}


def test_all_list_answers_have_items_and_next() -> None:
    lists = [o for _, m, o in OPERATIONS if m == "get" and o["operationId"].startswith("list")]
    schemas = [resolved(o["responses"]["200"]["content"]["application/json"]["schema"]["$ref"]) for o in lists]
    assert all({"items", "next"} <= schema["properties"].keys() for schema in schemas)


def shapes() -> Iterator[tuple[str, Any, Any]]:
    """(where, schema, example) of everything that is said or heard."""
    for path, method, operation in OPERATIONS:
        where = f"{method} {path}"
        for parameter in operation["parameters"]:
            yield f"{where} {parameter['name']}", parameter["schema"], parameter.get("example", MISSING)
        contents = [operation.get("requestBody", {}), *(r for s, r in operation["responses"].items() if s.startswith("2"))]
        for media in (m for c in contents for m in c.get("content", {}).values()):
            yield where, media["schema"], media.get("example", MISSING)


@pytest.mark.parametrize(("where", "schema", "example"), shapes(), ids=lambda value: value if isinstance(value, str) else "")
def test_everything_has_an_example_that_fits_its_schema(where: str, schema: Any, example: Any) -> None:
    jsonschema.Draft202012Validator({"components": DOCUMENT["components"], **schema}).validate(None if example is MISSING else example)
    assert example is not MISSING


@pytest.mark.parametrize("route", [r for _, r in ALL if r.body is not None], ids=lambda r: r.action)
def test_an_example_of_a_body_is_taken_as_one(route: Route) -> None:
    operation = next(o for _, _, o in OPERATIONS if o["operationId"] == route.action)
    example = operation["requestBody"]["content"]["application/json"]["example"]
    assert decoding.body(json.dumps(example).encode(), route.body) is not None


@pytest.mark.parametrize("route", [r for _, r in ALL if r.body is not None], ids=lambda r: r.action)
def test_a_body_that_may_be_left_out_is_taken_as_nothing(route: Route) -> None:
    operation = next(o for _, _, o in OPERATIONS if o["operationId"] == route.action)
    try:
        taken = decoding.body(b"", route.body) != {}
    except Problem:
        taken = False
    assert operation["requestBody"]["required"] is not taken
