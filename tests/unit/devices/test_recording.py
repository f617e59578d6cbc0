"""Claims about recordings: every row is in one sample, formats read as charted, and the account adds up."""

import gzip
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.replay import text
from devices.replay.main import shift, speed_of
from devices.replay.recording import Row, Skipped, entries
from devices.replay.tally import tally
from devices.timescale import Kept

parts, vitals = st.sampled_from(["monitor", "cuff"]), st.sampled_from(["hr", "rr"])
rows = st.lists(st.builds(Row, st.sampled_from("ab"), parts, st.integers(0, 5), vitals, st.floats(1, 99)), max_size=40)


@settings(max_examples=60, deadline=None)
@given(rows)
def test_every_row_is_in_exactly_one_sample(given_rows: list[Row]) -> None:
    made = entries(given_rows)
    back = [(e.stay, e.part, e.at_ms, vital, value) for e in made for vital, value in e.vitals.items()]
    assert sorted(back) == sorted((r.stay, r.part, r.at_ms, r.vital, r.value) for r in given_rows)


@settings(max_examples=60, deadline=None)
@given(rows)
def test_numbers_count_up_in_the_order_of_time_for_each_device(given_rows: list[Row]) -> None:
    by_device: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for e in entries(given_rows):
        by_device.setdefault((e.stay, e.part), []).append((e.seq, e.at_ms))
    assert all([s for s, _ in one] == list(range(1, len(one) + 1)) and sorted(one, key=lambda p: p[1]) == one for one in by_device.values())


def test_mimic_splits_cuff_and_arterial_line_and_keeps_the_unit(tmp_path: Path) -> None:
    file = tmp_path / "v.csv.gz"
    head = "subject_id,icustay_id,charttime,name,loinc,valuenum,unit,itemid,warning,error\n"
    body = "1,9,2164-10-23 22:40:00,temp,8310-5,98.4,[degF],678,,\n1,9,2164-10-23 22:40:00,abp_sys,8480-6,0.0,mm[Hg],51,,\n"
    file.write_bytes(gzip.compress((head + body).encode()))
    said = [(r.part, r.vital, r.value) for r in text.mimic3(file, Skipped())]
    assert said == [("monitor", "temp", {"value": 98.4, "unit": "[degF]"}), ("arterial", "sbp", {"value": 0.0, "unit": "mm[Hg]"})]


def test_a_low_of_the_glucose_sensor_is_not_lost(tmp_path: Path) -> None:
    file = tmp_path / "d.csv"
    head = "Index,Timestamp (YYYY-MM-DDThh:mm:ss),Event Type,Source Device ID,Glucose Value (mg/dL)\n"
    file.write_text("\ufeff" + head + "1,,FirstName,,\n2,2016-10-24T11:24:17,EGV,g6,Low\n3,2016-10-24T11:29:17,EGV,g6,103\n")
    skipped = Skipped()
    assert ([r.value for r in text.dexcom(file, skipped)], skipped.reasons) == ([39, 103.0], {"not a reading": 1})


def test_not_measured_in_the_challenge_is_accounted_for_and_not_sent(tmp_path: Path) -> None:
    file = tmp_path / "c.csv"
    file.write_text("set,record_id,time_hhmm,parameter,value\na,1,00:00,Age,54\na,1,00:00,Weight,-1\na,1,01:30,NISysABP,120\n")
    skipped = Skipped()
    said = [(r.part, r.vital, r.value) for r in text.challenge2012(file, skipped)]
    assert (said, skipped.reasons) == ([("cuff", "sbp", 120.0)], {"not a reading": 1, "not measured (-1)": 1})


def test_a_recording_at_full_speed_ends_now() -> None:
    assert 7_000 + shift(1_000, 7_000, 50_000, None) == 50_000


@pytest.mark.parametrize("speed", [0.5, 1.0, 10.0])
def test_a_recording_is_never_ahead_of_the_clock(speed: float) -> None:
    first, last, now = 1_000, 61_000, 500_000
    moved = shift(first, last, now, speed)
    assert all(t + moved <= now + (t - first) / speed + 1 for t in range(first, last + 1, 500))


@pytest.mark.parametrize("words", ["0", "-1", "fast", ""])
def test_what_is_no_speed_is_said_so(words: str) -> None:
    with pytest.raises(SystemExit, match="speed"):
        speed_of(words)


def test_the_account_is_by_row_and_adds_up() -> None:
    sent = entries([Row("s", "monitor", 1, v, 1.0) for v in ("hr", "rr", "gcs", "spo2", "temp")])
    kept = Kept({("d", 1, "hr"): False, ("d", 1, "rr"): True}, {("d", 1, "gcs"): "unknown_vital", ("d", 1, "spo2"): "implausible"}, 0)
    found = tally(sent, {("s", "monitor"): "d"}, kept)
    assert (found.rows, found.stored, found.no_value, dict(found.refused), found.open) == (
        5, 1, 1, {"unknown_vital": 1, "implausible": 1}, 1,
    )  # fmt: skip
