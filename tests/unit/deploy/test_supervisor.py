"""The supervisor, with real processes (`sleep` and small shell loops)."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from deploy import records
from deploy.parts.errors import NotReady
from deploy.parts.running import Program
from deploy.supervisor import PAUSES_S, Job, Supervisor, pause_s
from tests.waiting import wait_for


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def supervisor(tmp_path: Path, said: list[str]) -> Iterator[Supervisor]:
    made = Supervisor(tmp_path, said.append, tied=True)
    yield made
    made.stop()


def job(tmp_path: Path, name: str = "sleeper", script: str = "exec sleep 600", stage: int = 1) -> Job:
    program = Program(name, ["/bin/sh", "-c", script], {}, tmp_path / f"{name}.log")
    return Job(name, stage, lambda: program, lambda: True, "", ready_s=5.0)


def test_a_killed_process_is_started_again(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.start([job(tmp_path)])
    before = supervisor.children[0].process.pid
    os.kill(before, signal.SIGKILL)

    def restarted() -> bool:
        supervisor.check()
        return supervisor.children[0].restarts == 1 and supervisor.children[0].process.alive()

    wait_for(restarted, 30, "a restart")
    assert records.read(tmp_path)[0].pid == supervisor.children[0].process.pid != before


@pytest.mark.slow
def test_a_process_that_cannot_be_recorded_is_not_left_running(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.start([job(tmp_path, script=f"sleep 600; : {tmp_path}")])
    (tmp_path / ".sleeper.json.new").mkdir()  # no record can be written any more, as on a full disk
    os.kill(supervisor.children[0].process.pid, signal.SIGKILL)

    def tried_again() -> bool:
        supervisor.check()
        return supervisor.children[0].restarts > 2

    wait_for(tried_again, 60, "three starts")
    running = [process for process in psutil.Process().children() if records.created(process.pid)]
    assert [process for process in running if str(tmp_path) in " ".join(process.cmdline())] == []


def test_a_process_that_cannot_be_prepared_again_ends_none_of_the_others(supervisor: Supervisor, tmp_path: Path, said: list[str]) -> None:
    prepared = iter([job(tmp_path).program()])
    supervisor.start([Job("sleeper", 1, lambda: next(prepared), lambda: True, ""), job(tmp_path, "other")])
    os.kill(supervisor.children[0].process.pid, signal.SIGKILL)
    wait_for(lambda: supervisor.check() or [line for line in said if "sleeper cannot be started" in line], 30, "a failed start")
    assert supervisor.children[1].process.alive()


def test_a_process_that_keeps_dying_is_named_with_its_last_words(supervisor: Supervisor, tmp_path: Path) -> None:
    dying = job(tmp_path, "dying", "echo no luck; exit 3")
    never = Job("dying", 1, dying.program, lambda: False, "", ready_s=30.0)
    with pytest.raises(NotReady, match=r"(?s)dying does not stay up.*no luck"):
        supervisor.start([never])


def test_stages_end_in_order(tmp_path: Path, said: list[str]) -> None:
    supervisor = Supervisor(tmp_path, said.append, tied=True)
    supervisor.start([job(tmp_path, "broker", stage=90), job(tmp_path, "worker", stage=30), job(tmp_path, "source", stage=10)])
    supervisor.stop()
    assert said == ["stopping source", "stopping worker", "stopping broker"]


def test_after_the_stop_no_process_and_no_record_is_left(tmp_path: Path, said: list[str]) -> None:
    supervisor = Supervisor(tmp_path, said.append, tied=True)
    supervisor.start([job(tmp_path, name) for name in ("a", "b")])
    held = records.read(tmp_path)
    supervisor.stop()
    assert ([records.alive(record) for record in held], records.read(tmp_path)) == ([False, False], [])


def test_pauses_grow_and_stay_at_the_longest() -> None:
    assert [pause_s(deaths) for deaths in range(1, 10)] == [*PAUSES_S, PAUSES_S[-1], PAUSES_S[-1]]
