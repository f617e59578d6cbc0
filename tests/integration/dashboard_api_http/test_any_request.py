"""Whatever is sent that fits the OpenAPI document, or just misses it, is answered, and never with a 5xx."""

import contextlib
import json
from typing import Any

import httpx
import msgspec
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode

from dashboard_api.openapi import document
from dashboard_api.routes import ALL
from tests.integration.dashboard_api_http.site import Site

pytestmark = pytest.mark.slow

EXAMPLES = 8
SCHEMA = schemathesis.openapi.from_dict(json.loads(msgspec.json.encode(document(ALL))))
OPERATIONS = [result.ok() for result in SCHEMA.get_all_operations()]
NOT_SENT = {"logout", "token"}
AWAY = {"fhirCreateObservation", "fhirTransaction"}
"""Their other half, the ingest's intake, does not run beside this site: a 503 says so (with it: test_fhir_intake)."""


def sent(client: httpx.Client, case: Any) -> httpx.Response | None:
    """The answer; None for what HTTP itself cannot carry."""
    body = {} if type(case.body).__name__ == "NotSet" else {"json": case.body}
    headers = {k: v for k, v in dict(case.headers or {}).items() if k.lower() == "idempotency-key"}
    with contextlib.suppress(httpx.InvalidURL, UnicodeError, ValueError, TypeError, httpx.LocalProtocolError):
        return client.request(case.method, case.formatted_path, params=dict(case.query or {}), headers=headers, **body)
    return None


@pytest.mark.parametrize("operation", [o for o in OPERATIONS if o.definition.raw["operationId"] not in NOT_SENT], ids=lambda o: o.label)
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=str)
def test_no_request_is_a_5xx(site: Site, operation: Any, mode: GenerationMode) -> None:
    roles = operation.definition.raw.get("x-vigil-roles") or ["doctor"]
    client = site.client(next(role for role in ("doctor", "admin", "auditor", "integration") if role in roles))
    statuses: list[tuple[int, str]] = []

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(max_examples=EXAMPLES, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    def ask(case: Any) -> None:
        answer = sent(client, case)
        if answer is not None:
            statuses.append((answer.status_code, f"{answer.request.method} {answer.request.url} {answer.request.content[:300]!r}"))

    with contextlib.suppress(schemathesis.errors.InvalidSchema, Unsatisfiable):  # an operation with nothing that could be wrong
        ask()
    expected = {503} if operation.definition.raw["operationId"] in AWAY else set()
    assert [said for status, said in statuses if status >= 500 and status not in expected] == []
