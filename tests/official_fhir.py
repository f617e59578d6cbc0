"""HL7's own word on a FHIR R4 resource: its JSON Schema, and its StructureDefinitions and value sets (docs/adr/066).

In: a resource as JSON. Out: what is wrong with it, nothing when it has the official shape. The schema knows types, the form of dates, ids
and codes, and names that do not exist; the definitions, asked in a Node beside, know what must be there and which codes there are.
"""

import functools
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from jsonschema import Draft6Validator

from deploy import page
from deploy.parts import node

_PACKAGES = page.WEB / "node_modules"
_SCHEMA = Path(__file__).with_name("official_fhir.schema.json")
_ASKED = Path(__file__).with_name("official_fhir.cjs")


class Official:
    """Both checks. `definitions`: the Node that is asked."""

    def __init__(self, definitions: "subprocess.Popen[str]") -> None:
        self._definitions = definitions

    def faults(self, resource: Any) -> list[str]:
        """One line each; of a Bundle also those of what it holds."""
        return [*_by_schema(resource), *self._by_definitions(resource)]

    def _by_definitions(self, resource: Any) -> list[str]:
        asked, told = self._definitions.stdin, self._definitions.stdout
        assert asked is not None
        assert told is not None
        asked.write(json.dumps(resource) + "\n")
        asked.flush()
        return cast("list[str]", json.loads(told.readline()))


@contextmanager
def official() -> Iterator[Official]:
    """The checks, while Node runs; the packages are fetched when they are not there."""
    page.build(print)
    path = node.install(print).path
    environ = os.environ | {"NODE_PATH": str(_PACKAGES), "PATH": f"{path}:{os.environ['PATH']}"}
    with subprocess.Popen(["node", str(_ASKED)], env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Official(process)


@functools.cache
def _schema() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_SCHEMA.read_text())["definitions"]
    return found


@functools.cache
def _validator(kind: str) -> Draft6Validator:
    return Draft6Validator({"definitions": _schema(), "$ref": f"#/definitions/{kind}"})


def _by_schema(resource: Any) -> list[str]:
    kind = resource.get("resourceType") if isinstance(resource, dict) else None
    if kind not in _schema():
        return [f"no type of resource that is looked at: {kind!r}"]
    return [f"{kind}.{e.json_path[2:]}: {e.message[:200]}" for e in _validator(kind).iter_errors(resource)] + [
        fault for inner in _inside(resource) for fault in _by_schema(inner)
    ]


def _inside(resource: dict[str, Any]) -> list[Any]:
    entries = resource.get("entry", [])
    held = [e["resource"] for e in entries if "resource" in e]
    outcomes = [e["response"]["outcome"] for e in entries if "outcome" in e.get("response", {})]
    return [*held, *outcomes, *resource.get("contained", [])]
