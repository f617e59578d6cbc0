"""The simulator's curves are stored for two beds; a hub's members are each heard on their own patient, a late curve in its place."""

import json
import time
from datetime import datetime
from typing import Any

import pytest

from tests.e2e.doors import bench_device
from tests.e2e.vigils import Running
from tests.unit.streams.detect.test_waveform_watch import CALM, chunks, heart, told
from tests.waiting import wait_for
from vitals.waveform import Waveform, numbers_of

pytestmark = pytest.mark.slow

CURVES = """SELECT p.bed, w.channel FROM telemetry.waveform w JOIN clinical.patient p ON p.no = w.patient_no
    WHERE p.ward = 'north' GROUP BY 1, 2 ORDER BY 1, 2"""
HEARD = """SELECT d.id, count(DISTINCT r.seq) FROM telemetry.reading r JOIN clinical.device d ON d.no = r.device_no
    JOIN clinical.patient p ON p.no = r.patient_no WHERE d.id = ANY(%s) GROUP BY 1"""


def test_two_beds_have_ecg_pulse_and_breath(vigil: Running) -> None:
    curves = [(bed, channel) for bed in ("01", "02") for channel in ("ecg_ii", "ppg", "resp")]
    wait_for(lambda: vigil.rows(CURVES) == curves, 60, "the curves of two beds")


@pytest.mark.timeout(180)
def test_what_a_hubs_members_say_is_stored_on_their_own_patients(vigil: Running) -> None:
    words = ["--patients", "3", "--hub", "2", "--seed", "9", "--scenario", "calm", "--duration", "5"]
    account = vigil.run("simulate", *words)
    memory = json.loads((vigil.folder / "simulator.json").read_text())
    members = [known["device"] for name, known in memory.items() if name.startswith("SIM-9-") and known["gateway"]]
    wait_for(lambda: [n >= 5 for _, n in vigil.rows(HEARD, members)] == [True, True], 90, account.stdout)


def curve(chunk: Waveform) -> bytes:
    """A chunk as a device says it."""
    said = {name: getattr(chunk, name) for name in ("seq", "observed_at", "channel", "rate_hz", "unit")}
    return json.dumps(said | {"samples": numbers_of(chunk).tolist()}).encode()


def begun(alert: dict[str, Any]) -> int:
    """When an alert began, ms."""
    return round(datetime.fromisoformat(alert["started_at"]).timestamp() * 1000)


def asystoles(vigil: Running, patient: str) -> list[dict[str, Any]]:
    items = vigil.ask("doctor", "GET", f"/alerts?patient={patient}")["items"]
    return [alert for alert in items if alert["rule"] == "ecg_asystole"]


@pytest.mark.timeout(180)
def test_seconds_of_an_ecg_that_come_late_move_the_begin_of_what_they_hid(vigil: Running) -> None:
    signal = heart(CALM, stop_s=14)
    stream = chunks(signal, start=round(time.time() * 1000) - 65_000)
    late = [stream[50], stream[52]]
    with bench_device(vigil, "LATE-CURVE") as bench:
        for chunk in [c for c in stream if c not in late]:
            bench.say(curve(chunk), bench.topics["waveform"])
        [first] = wait_for(lambda: asystoles(vigil, bench.patient), 60, "the asystole")
        for chunk in late:
            bench.say(curve(chunk), bench.topics["waveform"])
        began = told(stream)[0].started_at
        wait_for(lambda: begun(vigil.ask("doctor", "GET", f"/alerts/{first['id']}")) == began, 60, "the begin as of all that was said")
        reasons = [entry.get("reason") for entry in vigil.ask("doctor", "GET", f"/alerts/{first['id']}")["timeline"]]
    assert (begun(first) > began, reasons[-1]) == (True, "what came late shows when it was")
