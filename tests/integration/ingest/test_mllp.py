"""The MLLP door on real Kafka and PostgreSQL."""

import base64
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg
import pytest

from deploy.parts import running
from ingest.mllp import LONGEST
from tests.integration.ingest.gateways import ROOT, conditions, enrol, refusals, stored
from tests.waiting import wait_for
from vitals.site_key import derived, record_digest
from vitals.topics import Topics

ROW = "OBX|11|NM|147842^MDC_ECG_HEART_RATE^MDC|1.5.1.1|{}|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||R"


@dataclass(frozen=True)
class Sender:
    """A hospital system."""

    port: int
    metrics_port: int
    source: str = "127.0.0.1"

    def metrics(self) -> str:
        """What the door counts."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=10) as answer:
            return str(answer.read().decode())

    def says(self, *rows: str, kind: str = "ORU^R01^ORU_R01", time: str = "20250610015127+0800") -> list[str]:
        """Sends one message; the ACK's lines."""
        message = "\r".join([f"MSH|^~\\&|X^dev-hl7^EUI-64|N|||{time}||{kind}|42|P|2.6", f"OBR|1|||x|||{time}", *rows])
        with socket.create_connection(("127.0.0.1", self.port), 10, (self.source, 0)) as link:
            link.sendall(b"\x0b" + message.encode() + b"\r\x1c\r")
            answer = b""
            while not answer.endswith(b"\x1c\r"):
                more = link.recv(4096)
                assert more, f"closed after {answer!r}"
                answer += more
        return answer.decode().split("\r")


@pytest.fixture
def more() -> dict[str, str]:
    """What else the door is told."""
    return {}


@pytest.fixture
def keyed(more: dict[str, str], database: str, tmp_path: Path) -> None:
    """The door has the site's key; the patient of `dev-hl7` has the record number 4711, another one 4712."""
    secret, file = b"s" * 32, tmp_path / "key"
    file.write_text(base64.b64encode(secret).decode())
    more["VIGIL_KEY_FILE"] = str(file)
    enrol(database, "dev-other")
    with psycopg.connect(database, autocommit=True) as connection:
        for number, device in (("4711", "dev-hl7"), ("4712", "dev-other")):
            connection.execute(
                "INSERT INTO clinical.patient (id, ward) VALUES (%s, 'north') ON CONFLICT DO NOTHING", (f"patient-of-{device}",)
            )
            digest = record_digest(derived(secret, "mrn"), number)
            connection.execute("INSERT INTO identity.person VALUES (%s, '', '', %s)", (f"patient-of-{device}", digest))


@pytest.fixture
def sender(kafka: str, database: str, topics: Topics, more: dict[str, str]) -> Iterator[Sender]:
    """A door that listens, and who speaks to it."""
    enrol(database, "dev-hl7")
    port, metrics = running.free_port(), running.free_port()
    parts = {"VIGIL_KAFKA": kafka, "VIGIL_DATABASE": database, "VIGIL_TOPIC_PREFIX": topics.prefix}
    environ = {**parts, "VIGIL_MLLP_PORT": str(port), "VIGIL_METRICS_PORT": str(metrics), **more}
    process = subprocess.Popen([sys.executable, "-m", "ingest.mllp_main"], cwd=ROOT, env={**os.environ, **environ})
    wait_for(lambda: running.accepts("127.0.0.1", port), 90, "the door to listen")
    yield Sender(port, metrics)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0


def test_an_oru_is_acknowledged_when_it_is_in_kafka(sender: Sender, kafka: str, topics: Topics) -> None:
    answer = sender.says(ROW.format(80))
    again = sender.says(ROW.format(80))
    assert (answer[1], again[1], [s[:2] for s in stored(kafka, topics)]) == ("MSA|AA|42", "MSA|AA|42", [("patient-of-dev-hl7", "dev-hl7")])


@pytest.mark.slow
def test_what_is_wrong_is_answered_and_kept(sender: Sender, kafka: str, topics: Topics) -> None:
    part, whole = sender.says(ROW.format(900)), sender.says(kind="ADT^A01")
    kept = sorted((r["reason"], r["door"]) for r in refusals(kafka, topics))
    assert (part[1], whole[1], kept) == ("MSA|AE|42", "MSA|AR|42", [("implausible", "mllp"), ("malformed", "mllp")])


def test_a_device_that_was_enrolled_this_moment_is_not_taken_for_the_one_that_sends(
    sender: Sender, database: str, kafka: str, topics: Topics
) -> None:
    enrol(database, "dev-new")
    answer = sender.says(ROW.format(80) + "|||||||dev-new")
    assert (answer[1], [s[:2] for s in stored(kafka, topics)]) == ("MSA|AA|42", [("patient-of-dev-new", "dev-new")])


def test_what_a_sender_takes_back_is_refused_by_name_and_kept_as_it_came(sender: Sender, kafka: str, topics: Topics) -> None:
    sender.says(ROW.format(80))
    answer = sender.says(ROW.format(80)[:-1] + "W")
    kept = [(r["reason"], r["device"], b"|||||W" in base64.b64decode(r["payload"])) for r in refusals(kafka, topics)]
    assert (answer[1], answer[2].split("|")[2], kept) == ("MSA|AE|42", "OBX^1^11", [("malformed", "dev-hl7", True)])


def test_a_message_that_is_too_long_is_answered_and_its_beginning_is_kept(sender: Sender, kafka: str, topics: Topics) -> None:
    answer = sender.says(ROW.format(80), "NTE|1||" + "x" * LONGEST)
    kept = [(r["reason"], base64.b64decode(r["payload"])[:9]) for r in refusals(kafka, topics)]
    assert (answer[1], sender.says(ROW.format(81))[1], kept) == ("MSA|AR|42", "MSA|AA|42", [("too_large", b"MSH|^~\\&|")])


@pytest.mark.parametrize("more", [{"VIGIL_HL7_ZONE": "Asia/Shanghai"}])
def test_a_local_time_is_by_the_sites_clock_and_not_from_the_future(sender: Sender) -> None:
    now = datetime.now(ZoneInfo("Asia/Shanghai")).strftime("%Y%m%d%H%M%S")
    assert sender.says(ROW.format(80), time=now)[1] == "MSA|AA|42"


@pytest.mark.parametrize("more", [{"VIGIL_MLLP_PEERS": "127.0.0.2"}])
def test_who_is_named_is_heard_and_a_stranger_is_closed_at_once(sender: Sender) -> None:
    heard = replace(sender, source="127.0.0.2").says(ROW.format(80))[1]
    with socket.create_connection(("127.0.0.1", sender.port), 10) as link:
        said = link.recv(1)
    counted = re.search(r"^vigil_mllp_turned_away_total ([1-9])", sender.metrics(), re.MULTILINE)
    assert (heard, said, counted is not None) == ("MSA|AA|42", b"", True)


@pytest.mark.parametrize("more", [{"VIGIL_MLLP_PEERS": "127.0.0.2", "VIGIL_MLLP_BACK_PORT": str(running.free_port())}])
def test_what_is_requeued_is_heard_on_its_own_port_whoever_else_may_speak(sender: Sender, more: dict[str, str]) -> None:
    assert replace(sender, port=int(more["VIGIL_MLLP_BACK_PORT"])).says(ROW.format(80))[1] == "MSA|AA|42"


@pytest.mark.slow
@pytest.mark.parametrize("more", [{"VIGIL_QUOTA_RATE": "2", "VIGIL_QUOTA_BURST": "4"}])
def test_a_device_that_babbles_slows_its_sender_is_told_of_and_loses_nothing(sender: Sender, kafka: str, topics: Topics) -> None:
    answers = {sender.says(ROW.format(60 + n))[1] for n in range(8)}
    wait_for(lambda: conditions(kafka, topics) == BABBLED, 30, "the babble to be over")
    assert (answers, len(stored(kafka, topics)), refusals(kafka, topics)) == ({"MSA|AA|42"}, 8, [])


@pytest.mark.slow
@pytest.mark.parametrize("more", [{"VIGIL_QUOTA_RATE": "2", "VIGIL_QUOTA_BURST": "4"}])
def test_where_others_speak_through_the_sender_a_babblers_message_is_refused_and_nobody_waits(
    sender: Sender, database: str, kafka: str, topics: Topics
) -> None:
    enrol(database, "dev-still")
    still = ROW + "|||||||dev-still"
    sender.says(still.format(70))
    answers = [sender.says(ROW.format(60 + n))[1] for n in range(12)]
    both = sender.says(ROW.format(90), still.format(71))
    errors = [line.split("|")[2:4] for line in both if line.startswith("ERR")]
    refused = Counter((r["device"], r["reason"]) for r in refusals(kafka, topics))
    taken = answers.count("MSA|AA|42")
    everyone = Counter({"dev-still": 2, "dev-hl7": taken})
    assert (4 <= taken < 12, answers.count("MSA|AE|42"), errors, Counter(s[1] for s in stored(kafka, topics)), refused) == (
        True, 12 - taken, [["MSH^1^3", "207"]], everyone, {("dev-hl7", "too_large"): 13 - taken}
    )  # fmt: skip


BABBLED = [("device.babbling", "start", "patient-of-dev-hl7"), ("device.babbling", "end", "patient-of-dev-hl7")]


@pytest.mark.usefixtures("keyed")
def test_a_message_that_names_another_patient_is_stored_by_its_device_and_asked_about(sender: Sender, kafka: str, topics: Topics) -> None:
    now = datetime.now(UTC).strftime("%Y%m%d%H%M%S+0000")
    answers = [
        sender.says(f"PID|||{number}^^^H^MR||Doe^Jane", ROW.format(value), time=now)[1] for number, value in (("4712", 80), ("4711", 81))
    ]
    asked = [("device.other_patient", phase, "patient-of-dev-hl7") for phase in ("start", "end")]
    wait_for(lambda: conditions(kafka, topics) == asked, 30, "the question, and its end")
    assert (answers, {s[0] for s in stored(kafka, topics)}) == (["MSA|AA|42"] * 2, {"patient-of-dev-hl7"})
