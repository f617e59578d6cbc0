"""Hostile bytes at every door: nothing stops a process, nothing is lost, every refusal has a name.

Each message begins as a right one and is cut, doubled and sprinkled with what breaks parsers; some are made of such things alone.
VIGIL_FUZZ=10000 gives each parser that many cases.
"""

import argparse
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devices.replay import main as replay
from devices.replay.recording import Skipped
from devices.simulator.sample import encoded
from ingest import fhir
from ingest.directory import Assignment, Device, directory
from ingest.frames import Frames
from ingest.gateway import Gateway
from ingest.gather import Message
from ingest.hl7 import Reject, read
from ingest.mllp import LONGEST, Blocks, TooLong, rejected
from ingest.mllp_answer import answer_of
from ingest.records import ENTROPY, Wiring, records
from ingest.route import vitals_topic
from ingest.seen import Seen
from ingest.translate import Translated, translate
from vitals import waveform
from vitals.batch import decode
from vitals.refusal import Reason
from vitals.registry import HIGH, LOW
from vitals.topics import Topics

CASES = int(os.environ.get("VIGIL_FUZZ", "100"))
FUZZ = settings(max_examples=CASES, deadline=None, derandomize=CASES <= 100, suppress_health_check=list(HealthCheck), database=None)
NOW = 1_790_000_000_000
WHO = directory(
    [Device("d"), Device("g"), Device("x", gateway="g"), Device("slow", clock_ms=95_000, skew_ms=-95_000)],
    [Assignment(d, "p", 0) for d in ("d", "x", "slow")],
    {"p": "north"},
    4,
    NOW + 1,
)
WIRING = Wiring(Topics("f"), 4)

SAMPLE = {
    "seq": 1,
    "observed_at": NOW - 50,
    "vitals": {"hr": 72, "temp": {"value": 98.4, "unit": "[degF]"}, "acvpu": "A"},
    "quality": {"hr": 0.4},
}
CHUNK = {"seq": 1, "observed_at": NOW - 1_050, "channel": "ecg_ii", "rate_hz": 250, "unit": "mV", "samples": [0.1, None, -0.2]}
TOKENS = [
    b"null", b"NaN", b"-Infinity", b"1e999", b"-1e-999", b"-100", b"8388607", b"9" * 40, b"-1", b"true", b"{}", b"[]", b'""', b"[[[[[[[[",
    b'{"a":' * 60, b"[" * 3_000, b'"', b"\\", b"\\u0000", b"\\ud800", b"\xff\xfe", b"\xc0\x80", b"\x00", b",", b":", b"}", b"]", b'"seq":1',
    b'"vitals":{}', b'"batch":[{}]', b'"devices":{"x":[]}', b'"unit":"K"', b'"hr":1e308', b"2026-02-30T25:61:61Z",
    b"0001-01-01T00:00:00+23:59", b"9999-12-31T23:59:59.999999Z", b"|", b"^", b"~", b"&", b"\r", b"\n", b"OBX|1|NM|", b"MSH|^~\\&|", b"MSH",
    b"OBR|||||||99999999999999", b"\x0b", b"\x1c\x0d", b";", b"20261301", b"\xef\xbb\xbf",
]  # fmt: skip


def broken(right: bytes, hits: list[tuple[float, int, bytes]]) -> bytes:
    """`right` with, at each place (0..1), so many bytes replaced by others."""
    for place, cut, put in hits:
        at = int(place * len(right))
        right = right[:at] + put + right[at + cut :]
    return right


HIT = 11
"""Bytes that say one hit: the place (the first and last sixteenth of the first byte: the very start, the end), the cut, and what is put."""


def hit(said: bytes) -> tuple[float, int, bytes]:
    """(place, cut, put): a token in three of four cases, else up to six bytes of any kind."""
    place = 0.0 if said[0] < 16 else 1.0 if said[0] >= 240 else int.from_bytes(said[:2]) / 65_535
    return place, said[2] % 21, TOKENS[said[4] % len(TOKENS)] if said[3] < 192 else said[5 : 5 + said[3] % 7]


def attacked(right: tuple[bytes, ...], said: bytes) -> bytes:
    """One of `right` with up to four hits, or, in one of four cases, up to eight tokens alone."""
    if said[0] < 64:
        return b"".join(TOKENS[each % len(TOKENS)] for each in said[2 : 2 + said[1] % 9])
    hits = [hit(said[at : at + HIT]) for at in range(2, 2 + said[1] % 5 * HIT, HIT)]
    return broken(right[said[0] % len(right)], hits)


def hostile(*right: bytes) -> st.SearchStrategy[bytes]:
    """Drawn as one piece: to draw each place, cut and token by itself takes longer than what is tried."""
    return st.binary(min_size=2 + 4 * HIT, max_size=2 + 4 * HIT).map(lambda said: attacked(right, said))


def said(value: object) -> bytes:
    return json.dumps(value).encode()


def sound(found: Translated) -> bool:
    """Whether all of it can be written, every number is plausible, and every refusal is named."""
    for record in records(found, WIRING, bytes(range(ENTROPY))):
        if record.topic == WIRING.topics.readings:
            values = decode(record.value).values
            assert bool((np.isnan(values) | ((values >= LOW) & (values <= HIGH))).all())
        if record.topic == WIRING.topics.waveforms:
            assert len(waveform.numbers_of(waveform.decode(record.value)))
    return all(isinstance(r.refusal.reason, Reason) and r.refusal.detail for r in found.refused)


def at_the_gateway(topic: bytes, payload: bytes) -> None:
    gateway = Gateway()
    gateway.receive([Message(topic, payload, NOW, 7)])
    flush = gateway.flush(WHO, NOW)
    assert (sound(flush.found), gateway.unexpected, flush.mids) == (True, 0, [7])


@FUZZ
@given(st.sampled_from([b"d", b"slow", b"nobody"]), hostile(said(SAMPLE), said({"batch": [SAMPLE, SAMPLE | {"seq": 2}]})))
def test_vitals(device: bytes, payload: bytes) -> None:
    at_the_gateway(b"vigil/v1/" + device + b"/vitals", payload)


@FUZZ
@given(hostile(said({"devices": {"x": [SAMPLE], "d": [SAMPLE]}}), said({"devices": {"x": [SAMPLE, SAMPLE]}})))
def test_a_hubs_message(payload: bytes) -> None:
    at_the_gateway(b"vigil/v1/gateways/g/vitals", payload)


@FUZZ
@given(
    st.sampled_from([b"d", b"slow"]), hostile(said(CHUNK), said(CHUNK | {"samples": [None] * 5}), said(CHUNK | {"samples": [1e9, -1e9]}))
)
def test_a_waveform(device: bytes, payload: bytes) -> None:
    at_the_gateway(b"vigil/v1/" + device + b"/waveform", payload)


@FUZZ
@given(hostile(said({"state": "online", "battery": 0.81, "buffered": 120}), said({"state": "offline"}), b""))
def test_a_status(payload: bytes) -> None:
    at_the_gateway(b"vigil/v1/d/status", payload)


@FUZZ
@given(
    hostile(b"vigil/v1/d/vitals", b"vigil/v1/gateways/g/vitals", b"vigil/v1/d/waveform", b"vigil/v1/d/status"),
    st.sampled_from([said(SAMPLE), b"", b"{"]),
)
def test_a_topic(topic: bytes, payload: bytes) -> None:
    at_the_gateway(topic[:65_535], payload)


PUBLISH = b"\x32\x1c\x00\x11vigil/v1/d/vitals\x00\x07\x00{}..."


@FUZZ
@given(hostile(PUBLISH + b"\xd0\x00" + PUBLISH), st.integers(1, 40))
def test_mqtt_frames(stream: bytes, step: int) -> None:
    frames, messages = Frames(1), list[Message]()
    try:
        for at in range(0, len(stream), step):
            frames.feed(stream[at : at + step], NOW, messages)
    except ConnectionError:
        return
    assert sum(len(m.payload) + len(m.topic) for m in messages) <= len(stream)


ORU = b"\r".join(
    (
        b"MSH|^~\\&|MON|icu|VIGIL|VIGIL|20260921120000+0000||ORU^R01^ORU_R01|1|P|2.6",
        b"OBR|1|||182777000^monitoring|||20260921120000",
        b"OBX|1|NM|147842^MDC_ECG_HEART_RATE^MDC|1.1|72|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||F|||20260921120000+0000||||d",
        b"OBX|2|NM|8310-5^Temp^LN||98.4|[degF]|||||F",
    )
)


@FUZZ
@given(hostile(ORU))
def test_hl7(data: bytes) -> None:
    oru = read(data, WHO.number.__contains__)
    if isinstance(oru, Reject):
        assert rejected(oru, "20260921")
        return
    messages = [Message(vitals_topic(s.device), s.payload(), NOW, again=True, door="mllp", original=data) for s in oru.samples]
    found = translate(messages, WHO, Seen(), final=True)
    assert (sound(found), bool(answer_of(oru, found.refused, "20260921"))) == (True, True)


@FUZZ
@given(st.lists(hostile(b"\x0b" + ORU + b"\x1c\x0d", b"\x0b\x1c\x0d"), max_size=3), st.integers(1, 99))
def test_mllp_framing(blocks: list[bytes], step: int) -> None:
    stream, cut, found = b"".join(blocks), Blocks(), list[bytes | TooLong]()
    for at in range(0, len(stream), step):
        found += cut.feed(stream[at : at + step])
    assert (found, all(isinstance(one, TooLong) or len(one) <= LONGEST for one in found)) == (Blocks().feed(stream), True)


OBSERVATION = {
    "resourceType": "Observation", "status": "final", "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
    "effectiveDateTime": "2026-09-21T12:00:00Z", "device": {"reference": "Device/d"}, "valueQuantity": {"value": 72, "code": "/min"},
    "component": [{"code": {"coding": [{"code": "8480-6"}]}, "dataAbsentReason": {"text": "x"}}],
}  # fmt: skip


@FUZZ
@given(hostile(said(OBSERVATION), said({"resourceType": "Bundle", "type": "transaction", "entry": [{"resource": OBSERVATION}] * 2})))
def test_fhir(body: bytes) -> None:
    posted = fhir.read(body, WHO, NOW)
    if isinstance(posted, list):
        assert fhir.outcome(posted)["issue"]
        return
    messages = [Message(vitals_topic(s.device), s.payload(), NOW, again=True, door="fhir") for e in posted.entries for s in e.samples]
    assert sound(translate(messages, WHO, Seen(), final=True))


RECORDINGS = {
    "csv": b"patient,observed_at,vital,value,unit,device\np,2026-01-01T00:00:00Z,hr,72,/min,m\np,2026-01-01T00:00:01Z,spo2,97,,\n",
    "mimic3": b"icustay_id,charttime,name,valuenum,unit\n1,2101-01-01 00:00:00,nibp_sys,120,mmHg\n1,2101-01-01 00:01:00,hr,80,\n",
    "challenge2012": b"record_id,time_hhmm,parameter,value\n1,00:07,HR,73\n1,00:07,Age,-1\n1,47:37,NIMAP,77.33\n",
    "dexcom": b"Index,Timestamp (YYYY-MM-DDThh:mm:ss),Event Type,Source Device ID,Glucose Value (mg/dL)\n"
    b"1,2020-02-13T17:23:32,EGV,G6,Low\n",
}


@pytest.fixture(scope="module")
def file() -> Any:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "recording"


@pytest.mark.parametrize("form", list(RECORDINGS))
def test_a_recording(form: str, file: Path) -> None:
    @FUZZ
    @given(hostile(RECORDINGS[form]), st.sampled_from(["", "", ".gz"]))
    def played(data: bytes, ending: str) -> None:
        path = file.with_name(file.name + ending)
        path.write_bytes(data)
        options = argparse.Namespace(file=path, format=form, limit=None)
        try:
            made = replay.recording(options, Skipped())
        except SystemExit:  # the one way in which a file is refused: with a sentence
            return
        for entry in made:
            at_the_gateway(b"vigil/v1/d/vitals", encoded(entry.seq, entry.at_ms, entry.vitals))

    played()
