"""What CONTRACT.md promises devices, word for word: its sample, its other payloads, its reasons."""

import json

import pytest

from ingest.directory import Assignment, Device, directory
from ingest.gather import Message
from ingest.seen import Seen
from ingest.translate import Translated, translate
from vitals.refusal import Reason
from vitals.registry import index

NOW = 1_795_228_150_000
SAMPLE = """
{"seq": 1024, "observed_at": "2026-11-21T02:29:07.250Z",
 "vitals": {"hr": 72, "spo2": 97.0, "temp": {"value": 98.4, "unit": "[degF]"}, "sbp": 118, "dbp": 76, "acvpu": "A"},
 "quality": {"spo2": 0.4}}
"""
WHO = directory(
    [Device("d"), Device("g"), Device("x", gateway="g")], [Assignment("d", "ann", 0), Assignment("x", "bob", 0)], {}, 4, NOW + 1
)


def said(topic: str, payload: str) -> Translated:
    return translate([Message(topic.encode(), payload.encode(), NOW)], WHO, Seen())


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("vigil/v1/d/vitals", SAMPLE),
        ("vigil/v1/d/vitals", f'{{"batch": [{SAMPLE}]}}'),
        ("vigil/v1/gateways/g/vitals", f'{{"devices": {{"x": [{SAMPLE}]}}}}'),
        ("vigil/v1/d/vitals", SAMPLE.replace('"2026-11-21T02:29:07.250Z"', "1795228147250")),
        ("vigil/v1/d/vitals", SAMPLE.replace("07.250Z", "07.250+00:00")),
    ],
)
def test_the_contracts_sample_is_taken_in_each_of_its_forms(topic: str, payload: str) -> None:
    found = said(topic, payload)
    batch = found.batches[0][1]
    temp, acvpu = float(batch.values[0, index("temp")]), float(batch.values[0, index("acvpu")])
    assert (found.refused, int(batch.seq[0]), int(batch.observed_at[0]), temp, acvpu) == (
        [],
        1024,
        1_795_228_147_250,
        pytest.approx(36.889, abs=0.001),
        0.0,
    )


def test_the_contracts_status_and_waveform_are_taken() -> None:
    status = said("vigil/v1/d/status", '{"state": "online", "battery": 0.81, "buffered": 120}')
    chunk = {"seq": 1, "observed_at": NOW, "channel": "ecg_ii", "rate_hz": 250, "unit": "mV", "samples": [0.1, 0.2]}
    waveform = said("vigil/v1/d/waveform", json.dumps(chunk))
    assert ([x.state for x in status.links], [c.channel for c in waveform.chunks]) == (["online"], ["ecg_ii"])


def test_the_reasons_are_the_contracts_and_no_others() -> None:
    listed = "malformed unknown_device unassigned_device unknown_vital bad_unit implausible bad_time from_the_future too_large duplicate"
    assert [r.value for r in Reason] == listed.split()
