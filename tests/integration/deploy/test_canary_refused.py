"""A Vigil whose canary is not let in: it stands, and operations hear of it."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from deploy import up
from deploy.choices import Choices
from deploy.home import Home, write_json
from deploy.parts.running import free_port
from deploy.site import Site
from deploy.supervisor import Supervisor
from tests.integration.alerts.stage import Receiver
from tests.waiting import wait_for

ADMIN = {"role": "admin", "username": "admin", "password": "what it was before the site changed it"}
SOON = {"VIGIL_CANARY_EVERY_S": "100", "VIGIL_CANARY_ILL_S": "99", "VIGIL_CANARY_LIMIT_S": "1"}


@pytest.fixture
def refusing() -> Iterator[int]:
    """The port of an API that lets nobody in."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


def test_a_canary_whose_pager_finds_its_port_taken_ends_nothing(tmp_path: Path, refusing: int) -> None:
    said: list[str] = []
    home, supervisor = Home(tmp_path), Supervisor(tmp_path / "run", said.append, tied=True)
    home.make()
    write_json(home.secrets / "canary.json", {"device": "d", "password": "p", "pager": refusing})
    site = Site(mqtt=f"mqtt://gateway:x@127.0.0.1:{free_port()}")
    up.start_canary(up.Vigil(home, Choices(tmp_path, {}), {"http": refusing}, site, SOON, supervisor, said.append), [ADMIN])
    supervisor.stop()
    assert [line.partition(":")[0] for line in said if "CANARY" in line] == ["THE CANARY IS NOT ENROLLED", "THE CANARY DOES NOT RUN"]


@pytest.mark.slow
@pytest.mark.parametrize("answers", [True, False], ids=["refused", "nobody answers"])
def test_a_canary_that_is_not_let_in_calls_operations_and_ends_nothing(tmp_path: Path, refusing: int, answers: bool) -> None:
    operations, supervisor = Receiver(), Supervisor(tmp_path / "run", print, tied=True)
    home, site = Home(tmp_path), Site(mqtt=f"mqtt://gateway:x@127.0.0.1:{free_port()}")
    home.make()
    env = SOON | {"VIGIL_OPERATIONS_URL": operations.url}
    api = refusing if answers else free_port()
    up.start_canary(up.Vigil(home, Choices(tmp_path, {}), {"http": api}, site, env, supervisor, print), [ADMIN])
    wait_for(lambda: operations.got, 90, "the call to operations")
    supervisor.stop()
    operations.close()
    assert [body["kind"] for _, body, _ in operations.got] == ["canary_silent"]
