"""`./vigil down` leaves no process, and the folder can be taken up again with what it holds."""

from pathlib import Path

import pytest

from tests.e2e.vigils import Running, processes_on
from tests.waiting import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

STORED = "SELECT count(*) FROM telemetry.reading"


def test_down_leaves_no_process_and_up_again_carries_on(tmp_path: Path) -> None:
    for place in (tmp_path, *tmp_path.parents[:3]):
        place.chmod(0o755)  # PostgreSQL's own user passes through
    running = Running(tmp_path)
    running.up("--patients", "2")
    wait_for(lambda: running.rows(STORED)[0][0], 60, "the first readings")
    code, left = running.down(), processes_on(tmp_path)
    running.up("--no-simulator")
    kept = running.rows(STORED)[0][0]
    running.down()
    assert (code, left, kept > 0, processes_on(tmp_path)) == (0, [], True, [])
