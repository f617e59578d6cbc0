"""Recordings of real patients through the devices' door: every row accounted for, zeros of a dead line never a number."""

import re
from pathlib import Path

import pytest

from tests.e2e.vigils import ROOT, Running
from tests.waiting import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

DATA = ROOT.parent / "shared" / "data"
MIMIC = DATA / "mimic3_demo" / "vitals.csv.gz"
MONITOR = DATA / "wfdb" / "s00001-2896-10-10-00-31n"
READINGS = "SELECT count(*) FROM telemetry.reading r JOIN clinical.patient p ON p.no = r.patient_no WHERE p.ward = 'replay'"

ZEROS = "SELECT count(*) FROM telemetry.reading r JOIN clinical.patient p ON p.no = r.patient_no WHERE p.bed = %s AND r.value = 0"

ALERTS = "FROM alerting.alert a JOIN clinical.patient p ON p.id = a.patient WHERE p.bed = %s"
PRESSURE = f"SELECT a.class, a.rule, a.body->>'subject' {ALERTS} AND a.body->>'subject' IN ('sbp', 'dbp', 'map') AND a.class = 'technical'"
OF_A_ZERO = f"SELECT count(*) {ALERTS} AND a.class = 'physiological' AND (a.body->'evidence'->>'worst')::float = 0"


def needs(path: Path) -> None:
    """Skips, with the reason, where the recordings are not beside the checkout."""
    if not path.with_suffix(".hea" if not path.suffix else path.suffix).exists():
        pytest.skip(f"{path.name}: the recordings are not beside this checkout")


def account(text: str) -> dict[str, int]:
    """The lines of a replay's account; of two lines of one name (rows, then notices) the first."""
    found: dict[str, int] = {}
    for name, number in re.findall(r"^(\S.*?)\s{2,}([\d,]+)$", text, re.MULTILINE):
        found.setdefault(name, int(number.replace(",", "")))
    return found


def test_every_row_of_mimic_is_stored_once_or_refused_and_a_second_time_changes_nothing(vigil: Running) -> None:
    needs(MIMIC)
    first = account(vigil.run("replay", str(MIMIC), "--format", "mimic3", "--speed", "max").stdout)
    before = vigil.rows(READINGS)
    second = account(vigil.run("replay", str(MIMIC), "--format", "mimic3", "--speed", "max").stdout)
    parts = [first[name] for name in ("stored once", "stored as no value", "refused: implausible", "refused: unknown_vital")]
    assert (first["rows played"], sum(parts), first["not accounted for"]) == (58_243, 58_243, 0)
    assert (vigil.rows(READINGS), second["stored once"], second["not accounted for"]) == (before, first["stored once"], 0)


def test_a_dead_arterial_line_is_one_technical_condition_and_its_zeros_are_no_numbers(vigil: Running) -> None:
    needs(MONITOR)
    done = account(vigil.run("replay", str(MONITOR), "--format", "wfdb", "--speed", "max").stdout)
    assert (done["rows played"], done["not accounted for"], vigil.rows(ZEROS, MONITOR.name)) == (14_008, 0, [(0,)])
    pressure = wait_for(lambda: vigil.rows(PRESSURE, MONITOR.name), 60, "the technical condition")
    assert (pressure, vigil.rows(OF_A_ZERO, MONITOR.name)) == ([("technical", "signal", "sbp")], [(0,)])
