"""The Python client on the real live feed: it comes back by itself and skips no alert; the terminal view follows."""

import signal
from dataclasses import dataclass

import pytest

from deploy.parts.running import free_port
from tests.integration.live.stage import Stage
from vigil_client.feed import Feed
from vigil_client.session import Refused
from vigil_client.shapes import AlertChange, Delta, Snapshot

pytestmark = pytest.mark.slow


@dataclass
class Fixed:
    """A session whose token needs no renewal."""

    kept: str
    until: float = float("inf")

    def token(self) -> str:
        return self.kept

    def renew(self) -> None:
        """There is no other."""


def feed(port: int, token: str, *wards: str) -> Feed:
    wish = {"type": "subscribe", "wards": list(wards), "patients": [], "waveforms": []}
    return Feed(f"ws://127.0.0.1:{port}/live", Fixed(token), wish)  # type: ignore[arg-type]  # as much of a session as it needs


def test_it_resumes_after_the_feed_died_and_no_alert_is_skipped(stage: Stage) -> None:
    patient, token, port = stage.patient("north"), stage.account("n1", "nurse", ("north",)), free_port()
    mine = feed(port, token, "north")
    events = iter(mine)
    with stage.feed(port) as first:
        assert [p.id for e in [next(e for e in events if isinstance(e, Snapshot))] for p in e.patients] == [patient]
        before = stage.alert(patient, "north")
        assert next(e for e in events if isinstance(e, AlertChange)).alert.id == before
        assert next(e for e in events if isinstance(e, Delta)).cursor == mine.cursor
        first.stop(signal.SIGKILL)
    missed = stage.alert(patient, "north")
    with stage.feed(port):
        assert next(e for e in events if isinstance(e, (AlertChange, Snapshot))).alert.id == missed  # type: ignore[union-attr]  # a snapshot here is the failure
        mine.close()


def test_a_ward_that_is_not_ours_is_refused(stage: Stage) -> None:
    stage.patient("south")
    token, port = stage.account("n1", "nurse", ("north",)), free_port()
    with stage.feed(port), pytest.raises(Refused) as caught:
        next(e for e in feed(port, token, "south") if isinstance(e, Snapshot))
    assert caught.value.status == 404
