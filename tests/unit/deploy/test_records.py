"""Records of processes name exactly one process."""

import os
import subprocess
from dataclasses import replace
from pathlib import Path

from deploy import records
from deploy.records import Record


def mine() -> Record:
    return Record("me", os.getpid(), records.created(os.getpid()), "", 0, 1, 15)


def test_a_record_of_this_process_is_alive() -> None:
    assert records.alive(mine())


def test_a_pid_that_is_another_program_by_now_is_not_alive() -> None:
    assert not records.alive(replace(mine(), created=mine().created - 60))


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
    record = Record("sleeper", process.pid, records.created(process.pid), "", 0, 1, 15)
    assert (records.end(record, 10), records.alive(record)) == (True, False)
