"""Bad input of every kind gets its named refusal, at the device and in the review, and stops nothing."""

import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.doors import Bench, bench_device
from tests.e2e.vigils import Running
from tests.waiting import wait_for

pytestmark = pytest.mark.slow


def sample(seq: Any, observed_at: Any = None, **vitals: Any) -> bytes:
    """A sample's JSON, good unless told otherwise."""
    at = int(time.time() * 1000) if observed_at is None else observed_at
    return json.dumps({"seq": seq, "observed_at": at, "vitals": vitals or {"hr": 70}}).encode()


BAD = {
    "not JSON": (b"\xff\x00hello", "malformed"),
    "half a sample": (b'{"seq": 7, "observed_at"', "malformed"),
    "a list": (b"[1, 2, 3]", "malformed"),
    "seq as text": (sample("seven"), "malformed"),
    "vitals as text": (b'{"seq": 7, "observed_at": 1, "vitals": "fine"}', "malformed"),
    "a nested value": (sample(70_001, hr={"value": {"value": 3}}), "malformed"),
    "NaN": (b'{"seq": 8, "observed_at": "2026-01-01T00:00:00Z", "vitals": {"hr": NaN}}', "malformed"),
    "10 MB": (b'{"seq": 9, "vitals": "' + b"x" * 10_000_000 + b'"}', "too_large"),
    "the year 1970": (sample(70_003, 0), "bad_time"),
    "the year 2100": (sample(70_004, "2100-01-01T00:00:00Z"), "from_the_future"),
    "no time": (sample(70_005, "yesterday"), "bad_time"),
    "an unknown vital": (sample(70_006, mood=5), "unknown_vital"),
    "a unit of another kind": (sample(70_007, temp={"value": 37, "unit": "kg"}), "bad_unit"),
    "what no body shows": (sample(70_008, hr=11_000), "implausible"),
}


@pytest.fixture(scope="module")
def bench(vigil: Running) -> Iterator[Bench]:
    """One device for all of these."""
    with bench_device(vigil, f"BAD-{uuid.uuid4().hex[:8]}") as made:
        yield made


@pytest.mark.parametrize("kind", BAD)
def test_bad_input_is_refused_by_its_name_at_the_device(bench: Bench, kind: str) -> None:
    payload, reason = BAD[kind]
    bench.say(payload)
    assert bench.reasons(1) == [reason]


def test_every_refusal_is_kept_for_review(vigil: Running, bench: Bench) -> None:
    wanted = {reason for _, reason in BAD.values()}
    kept = wait_for(
        lambda: wanted <= {r["reason"] for r in vigil.ask("admin", "GET", f"/refusals?device={bench.device}&limit=100")["items"]}, 60
    )
    assert kept


def test_a_number_used_before_is_refused_as_a_duplicate(bench: Bench) -> None:
    again = sample(90_000, hr=71)
    bench.say(again)
    bench.say(again)
    assert bench.reasons(1) == ["duplicate"]


def test_a_seq_that_goes_back_to_another_sample_of_that_number_is_refused(bench: Bench) -> None:
    bench.say(sample(91_000, hr=72))
    bench.say(sample(91_001, hr=73))
    bench.say(sample(91_000, hr=99))
    assert bench.reasons(1) == ["duplicate"]


def test_a_hub_that_speaks_for_a_device_that_is_not_its_own_is_refused(vigil: Running) -> None:
    with bench_device(vigil, f"HUB-{uuid.uuid4().hex[:8]}", "gateway") as hub:
        stranger = f"dev-{uuid.uuid4().hex[:12]}"
        hub.say(json.dumps({"devices": {stranger: [json.loads(sample(1))]}}).encode())
        kept = wait_for(lambda: vigil.ask("admin", "GET", f"/refusals?device={hub.device}")["items"], 60, "the refusal")
    assert [(refusal["reason"], stranger in refusal["detail"]) for refusal in kept] == [("unknown_device", True)]


def test_after_all_that_a_good_sample_is_stored(vigil: Running, bench: Bench) -> None:
    bench.say(sample(99_000, hr=66, spo2=97))
    sql = (
        "SELECT r.value FROM telemetry.reading r JOIN clinical.device d ON d.no = r.device_no WHERE d.id = %s AND r.seq = 99000 ORDER BY 1"
    )
    assert wait_for(lambda: vigil.rows(sql, bench.device), 60) == [(66.0,), (97.0,)]
