"""Every reading that a device sends is stored once, or refused with a reason: counted, also while the services are killed."""

from contextlib import suppress
from datetime import datetime
from pathlib import Path

import pytest

from tests.e2e.ledger import Gap, gap, sent
from tests.e2e.vigils import Running
from tests.waiting import wait_for

pytestmark = pytest.mark.slow

SERVICES = ("gateway", "detect", "archive", "alerts", "live", "http")
NOTHING = Gap((), 0)
STORED_SINCE = "SELECT seq FROM telemetry.reading WHERE observed_at > %s AND received_at > %s LIMIT 1"


def settled(vigil: Running, ledger: Path, deadline_s: float) -> Gap:
    """The gap, once it is closed or the deadline is over."""
    with suppress(AssertionError):
        wait_for(lambda: gap(vigil, ledger) == NOTHING, deadline_s)
    return gap(vigil, ledger)


def a_second_on(vigil: Running) -> datetime:
    """A second from now, by the database's clock."""
    moment: datetime = vigil.rows("SELECT now() + interval '1 s'")[0][0]
    return moment


def test_up_says_ready_with_its_patients(vigil: Running) -> None:
    shown = wait_for(lambda: vigil.ask("doctor", "GET", "/patients?limit=100")["items"], deadline_s=60, what="patients")
    assert (vigil.endpoints["ready"], len([p for p in shown if p["ward"] != "replay"]) >= 24) == (True, True)


def test_what_is_sent_is_stored_once(vigil: Running, tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    words = ["--patients", "12", "--rate", "4", "--duration", "20", "--onset", "0", "--seed", "2", "--ledger", str(ledger)]
    vigil.run("simulate", *words)
    assert (settled(vigil, ledger, 90), len(sent(ledger)) > 500) == (NOTHING, True)


@pytest.mark.timeout(400)
def test_nothing_is_lost_while_each_service_is_killed_in_turn(vigil: Running, tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    words = ["--patients", "10", "--rate", "5", "--duration", "75", "--scenario", "calm", "--seed", "3", "--ledger", str(ledger)]
    simulation = vigil.begin("simulate", *words)
    wait_for(lambda: ledger.exists() and ledger.stat().st_size > 0, 60, "the first samples")
    for service in SERVICES:
        before = vigil.status()[service]["restarts"]
        vigil.kill(service)
        wait_for(lambda s=service, b=before: vigil.status()[s]["restarts"] > b, 60, f"{service} to be started again")
        since = a_second_on(vigil)
        wait_for(lambda t=since: vigil.rows(STORED_SINCE, t, t), 60, "samples from between two kills in the database")
    simulation.communicate(timeout=200)
    assert settled(vigil, ledger, 120) == NOTHING
