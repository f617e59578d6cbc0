"""Records of processes name exactly one process."""

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from deploy import records
from deploy.records import Record


def mine() -> Record:
    return Record("me", os.getpid(), records.created(os.getpid()), "", 0, 1, 15, boot=records.boot())


def test_a_record_of_this_process_is_alive() -> None:
    assert records.alive(mine())


def test_a_pid_that_is_another_program_by_now_is_not_alive() -> None:
    assert not records.alive(replace(mine(), created=mine().created - 60))


def test_a_record_outlasts_a_step_of_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    held, steps = mine(), psutil.boot_time() + 2  # when the machine was started is reckoned from the clock
    monkeypatch.setattr("psutil._pslinux.boot_time", lambda: steps)
    assert records.alive(held)


def test_a_record_from_before_the_machine_was_started_again_is_not_alive() -> None:
    assert not records.alive(replace(mine(), boot="another"))


def test_a_record_of_the_version_before_is_alive() -> None:
    assert records.alive(Record("me", os.getpid(), psutil.Process().create_time(), "", 0, 1, 15))


@pytest.mark.parametrize("boot", ["", records.boot()])
def test_a_record_that_knows_no_creation_is_of_no_process(boot: str) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    assert not records.alive(replace(mine(), pid=ended.pid, created=records.created(ended.pid), boot=boot))


def test_a_process_whose_name_is_odd_is_found(tmp_path: Path) -> None:
    odd = tmp_path / "a) Z 1"
    odd.symlink_to("/bin/sleep")
    process = subprocess.Popen([odd, "600"])
    found = records.created(process.pid)
    process.kill()
    process.wait()
    assert found >= records.created(os.getpid())


def test_what_is_written_is_read_in_the_order_of_stopping(tmp_path: Path) -> None:
    late, early = replace(mine(), name="broker", stage=90), replace(mine(), name="source", stage=10)
    for record in (late, early):
        records.write(tmp_path, record)
    assert records.read(tmp_path) == [early, late]


def test_a_record_that_was_cut_short_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"name": "x", "pi')
    assert records.read(tmp_path) == []


def test_ending_a_record_ends_its_process() -> None:
    process = subprocess.Popen(["sleep", "600"], start_new_session=True)
    record = Record("sleeper", process.pid, records.created(process.pid), "", 0, 1, 15, boot=records.boot())
    assert (records.end(record, 10), records.alive(record)) == (True, False)
