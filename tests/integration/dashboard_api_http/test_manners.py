"""How the API behaves whatever is asked: problems, caching, compression, limits, the page, health."""

import contextlib
import select
import time
from collections.abc import Callable
from http.client import HTTPConnection

import httpx
import psycopg
import pytest

from tests.integration.dashboard_api_http.site import Site, stranger
from tests.waiting import wait_for

As = Callable[[str], httpx.Client]


@pytest.mark.parametrize(
    ("method", "path", "content", "status"),
    [
        ("GET", "/api/v1/nothing", b"", 404),
        ("DELETE", "/api/v1/wards", b"", 405),
        ("POST", "/api/v1/wards", b"{", 400),
        ("POST", "/api/v1/wards", b"\xff\xfe", 400),
        ("POST", "/api/v1/wards", b"[" * 100_000, 422),
        ("POST", "/api/v1/wards", b'{"id": 1}', 422),
        ("POST", "/api/v1/wards", b'{"id": "a\\u0000b", "name": "x"}', 422),
        ("POST", "/api/v1/wards", b'{"id": "nul", "name": "x\\u0000"}', 422),
        ("POST", "/api/v1/wards", b" " * 5_000_000, 413),
        ("GET", "/api/v1/wards?limit=0", b"", 422),
        ("GET", "/api/v1/wards?nonsense=1", b"", 422),
        ("GET", "/api/v1/patients?cursor=%00", b"", 400),
        ("GET", "/api/v1/patients/%00", b"", 404),
        ("GET", "/api/v1/patients/..%2f..%2fetc", b"", 404),
    ],
)
def test_every_failure_is_a_problem_document(as_: As, method: str, path: str, content: bytes, status: int) -> None:
    answer = as_("admin").request(method, path, content=content)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert {"type", "title", "status"} <= answer.json().keys()


def test_a_nul_in_what_only_the_audit_keeps_holds_up_nobody(as_: As, site: Site) -> None:
    patient = site.patient()["id"]
    path = f"/api/v1/patients/{patient}/limits"
    answers = [as_("doctor").put(path, json={"hr": None, "reason": "a\0b"}), as_("doctor").get(path)]
    assert [answer.status_code for answer in answers] == [200, 200]
    kept = site.sql("SELECT detail->>'text' FROM access.audit WHERE detail ? 'text' AND patient = %s", patient)
    assert kept == [('{"limits":{"hr":null},"reason":"a\\u0000b"}',)]


def test_a_wrong_method_says_the_right_ones(as_: As) -> None:
    assert as_("admin").delete("/api/v1/wards").headers["allow"] == "GET, POST"


def test_what_the_caller_has_already_is_not_sent_again(as_: As) -> None:
    first = as_("doctor").get("/api/v1/wards")
    second = as_("doctor").get("/api/v1/wards", headers={"If-None-Match": first.headers["etag"]})
    assert (second.status_code, second.content) == (304, b"")


def test_a_long_answer_is_compressed_for_who_takes_it(as_: As) -> None:
    answer = as_("").get("/api/v1/openapi.json", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"


def test_every_answer_carries_the_security_headers(as_: As) -> None:
    answers = [as_("").get(path) for path in ("/", "/healthz", "/api/v1/me", "/api/v1/nothing")]
    assert all("default-src 'none'" in a.headers["content-security-policy"] for a in answers)
    assert {a.headers["x-content-type-options"] for a in answers} == {"nosniff"}


def test_the_page_is_told_where_the_live_feed_is(as_: As) -> None:
    assert as_("").get("/config.json").json()["live"] == "ws://127.0.0.1:9/live"


@pytest.mark.parametrize("path", ["/../keys.py", "/%2e%2e/keys.py", "/..%2f..%2fkeys.py", "/assets/../../keys.py"])
def test_nothing_outside_the_pages_folder_is_served(site: Site, path: str) -> None:
    host, port = site.url.removeprefix("http://").split(":")
    with stranger() as client:
        request = client.build_request("GET", f"http://{host}:{port}/")
        request.url = request.url.copy_with(raw_path=path.encode())
        answer = client.send(request)
    assert "SiteKeys" not in answer.text


@pytest.mark.slow
def test_an_idle_connection_is_kept_longer_than_its_client_keeps_it(site: Site) -> None:
    with contextlib.closing(HTTPConnection(site.url.removeprefix("http://"), timeout=20)) as idle:
        idle.request("GET", "/healthz")
        answer = idle.getresponse()
        answer.read()
        ended, _, _ = select.select([idle.sock], [], [], 7)
    assert (answer.status, ended) == (200, [])


def test_readiness_names_each_dependency(as_: As) -> None:
    # a dependency that is slow to answer is away for a second or two
    answer = wait_for(lambda: (said := as_("").get("/readyz")).status_code == 200 and said, 60, "readiness")
    assert set(answer.json()["dependencies"]) == {"database", "kafka", "mqtt"}


def test_metrics_name_no_patient(site: Site, as_: As) -> None:
    patient = site.patient()["id"]
    as_("doctor").get(f"/api/v1/patients/{patient}")
    text = wait_for(lambda: (said := as_("").get("/metrics").text) and "vigil_ready 1.0" in said and said, 60, "readiness")
    assert patient not in text


def test_the_same_key_with_the_same_request_is_one_ward(as_: As) -> None:
    body, headers = {"id": "once", "name": "Once"}, {"Idempotency-Key": "ward-once"}
    answers = [as_("admin").post("/api/v1/wards", json=body, headers=headers) for _ in range(2)]
    assert [(a.status_code, a.headers.get("idempotent-replayed")) for a in answers] == [(201, None), (201, "true")]


def test_a_change_whose_audit_is_late_is_not_made_again_under_its_key(as_: As, site: Site) -> None:
    url, headers = f"/api/v1/patients/{site.patient()['id']}/notes", {"Idempotency-Key": "late-audit"}
    nurse = as_("nurse")
    with psycopg.connect(site.database) as other:
        other.execute("SELECT n FROM access.audit_head FOR UPDATE")
        late = nurse.post(url, json={"text": "once"}, headers=headers)
    again = nurse.post(url, json={"text": "once"}, headers=headers)
    notes = nurse.get(url).json()["items"]
    assert (late.status_code, again.status_code, len(notes)) == (503, 201, 1)


def test_a_failed_request_may_try_again_under_its_key(as_: As) -> None:
    headers = {"Idempotency-Key": "ward-again"}
    statuses = [
        as_("admin").post("/api/v1/wards", json={"id": name, "name": "X"}, headers=headers).status_code for name in ("north", "again")
    ]
    assert statuses == [409, 201]


def test_a_month_of_history_at_screen_resolution_is_quick(site: Site, as_: As) -> None:
    patient = site.patient()["id"]
    sql = """INSERT INTO telemetry.rollup_1h SELECT p.no, 0, date_trunc('hour', now()) - i * interval '1 hour', 3600, 60, 90, 252000, 70,
    now()
             FROM clinical.patient p, generate_series(0, 719) i WHERE p.id = %s"""
    site.sql(sql, patient)
    times, client = [], as_("doctor")
    for _ in range(20):
        began = time.perf_counter()
        answer = client.get(
            f"/api/v1/patients/{patient}/vitals", params={"vital": "hr", "from": "2026-01-01T00:00:00Z", "resolution": "1h"}
        )
        times.append(time.perf_counter() - began)
    assert len(answer.json()["series"][0]["points"]) == 720
    assert sorted(times)[10] < 0.5  # on a busy machine; the benchmark holds the real bound


def test_who_goes_too_fast_waits(as_: As) -> None:
    answers = [as_("").post("/api/v1/token", data={"username": "nobody-fast", "password": "x"}) for _ in range(20)]
    limited = [a for a in answers if a.status_code == 429]
    assert limited
    assert all(int(a.headers["retry-after"]) >= 1 for a in limited)
