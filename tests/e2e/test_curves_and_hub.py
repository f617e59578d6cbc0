"""The simulator's curves are stored for the first two beds; a hub's members are each heard on their own patient."""

import json

import pytest

from tests.e2e.vigils import Running
from tests.waiting import wait_for

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
