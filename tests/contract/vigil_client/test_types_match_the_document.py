"""The client's types are what the API's document says: no field of theirs that it does not have, none demanded that may be absent."""

import json
from typing import Any

import msgspec
import pytest

from dashboard_api.openapi import document
from dashboard_api.routes import ALL
from vigil_client import shapes

SCHEMAS: dict[str, Any] = json.loads(msgspec.json.encode(document(ALL)))["components"]["schemas"]
NAMES = ["Tokens", "Me", "Ward", "Patient", "Point", "Series", "History", "Score", "Alert", "Device", "Enrolled", "Assignment"]


@pytest.mark.parametrize("name", NAMES)
def test_a_type_of_the_client_is_one_of_the_document(name: str) -> None:
    fields = msgspec.structs.fields(getattr(shapes, name))
    known, demanded = SCHEMAS[name]["properties"].keys(), {f.encode_name for f in fields if f.required}
    assert ({f.encode_name for f in fields} - known, demanded - set(SCHEMAS[name].get("required", []))) == (set(), set())
