"""Fixtures that every test may ask for: the real servers (started when first asked for), and a space of one's own on each."""

import os
import signal
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from deploy.parts import kafka as kafka_part
from deploy.parts import mosquitto as mosquitto_part
from tests import accounts, parts
from vitals.topics import Topics

settings.register_profile("untimed", deadline=None)  # speed is a benchmark's to say, and other tests run beside
if settings.get_current_profile_name() == "default":  # CI and a run of mutants have profiles of their own
    settings.load_profile("untimed")

os.environ.setdefault("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1")  # brokers that live for minutes: the second compiler never pays here

PARTITIONS = 4
ORDER = ("unit", "contract", "integration", "e2e")


def pytest_configure(config: pytest.Config) -> None:
    """Told to end (SIGTERM), a run ends as by Ctrl-C: what it started is stopped. Side by side it is the lanes that have started it."""
    lanes = bool(config.getoption("numprocesses", 0)) and not hasattr(config, "workerinput")
    signal.signal(signal.SIGTERM, _told_the_lanes if lanes else signal.default_int_handler)


def _told_the_lanes(*_: object) -> None:
    """Each ends by itself, and the run with the last of them; told once more it ends at once."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    for lane in psutil.Process().children():
        lane.terminate()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Where nothing slow is asked for, folders in which all is slow are not even read: what they import takes seconds in each process."""
    return True if config.getoption("markexpr") == "not slow" and _rank(collection_path, config) > 0 else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What is quickest to tell comes first, the whole system last; side by side the longest comes first, and a folder is one process's.

    Whatever is no unit test needs servers or processes, and is slow.
    """
    for item in items:
        if _rank(item.path, config) > 0:
            item.add_marker("slow")
    items.sort(key=lambda item: _rank(item.path, config), reverse=hasattr(config, "workerinput"))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Iterator[None]:
    """The names of what failed by themselves, just before the last line: of a long log often only the end is kept."""
    yield
    for outcome in ("failed", "error"):
        for report in terminalreporter.stats.get(outcome, []):
            terminalreporter.write_line(f"{outcome}: {report.nodeid}")


def _rank(path: Path, config: pytest.Config) -> int:
    """Of a path in the tree, wherever that lies."""
    parts = path.relative_to(config.rootpath).parts if path.is_relative_to(config.rootpath) else ()
    return next((n for n, part in enumerate(ORDER) if part in parts), -1)


class Lanes(LoadScopeScheduling):
    """Tests of one lane run in one process, in order: they share its servers. All end-to-end tests share one Vigil.

    A module of unit tests shares nothing, and is a lane of its own.
    """

    def _split_scope(self, nodeid: str) -> str:
        where = nodeid.partition("::")[0].split("/")[1:]
        return "/".join(where[: {"e2e": 1, "unit": len(where)}.get(where[0], 2)])


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Lanes:
    """Side by side always means by lanes: xdist's own loadgroup reads marks that this pytest no longer puts into a test's id."""
    return Lanes(config, log)


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`host:port` of a real Kafka."""
    with parts.kafka_server(tmp_path_factory.mktemp("kafka")) as address:
        yield address


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The administrating address of a real PostgreSQL with TimescaleDB."""
    with parts.postgres_server(tmp_path_factory.mktemp("postgres")) as address:
        yield address


@pytest.fixture(scope="session")
def mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[mosquitto_part.Broker]:
    """A real Mosquitto: `host`, `port`, `tls_port`, `ca_file`, `url("gateway")`, `url("admin")`, `passwords[account]`."""
    with parts.mosquitto_server(tmp_path_factory.mktemp("mosquitto")) as broker:
        yield broker


@pytest.fixture
def database(postgres: str) -> Iterator[str]:
    """The address of a fresh, migrated database."""
    with parts.fresh_database(postgres) as address:
        yield address


@pytest.fixture(scope="module")
def module_database(postgres: str) -> Iterator[str]:
    """The same, one for all tests of a module."""
    with parts.fresh_database(postgres) as address:
        yield address


@pytest.fixture
def topic_prefix() -> str:
    """A VIGIL_TOPIC_PREFIX that no other test has; its topics are not made (see `topics`)."""
    return f"t{uuid.uuid4().hex[:10]}"


@pytest.fixture
def topics(kafka: str, topic_prefix: str) -> Topics:
    """Vigil's topics under `topic_prefix`, made, with four partitions each."""
    mine = Topics(topic_prefix)
    kafka_part.make_topics(kafka, mine.settings(), PARTITIONS)
    return mine


@pytest.fixture
def device_account(mosquitto: mosquitto_part.Broker) -> Iterator[Callable[[str], str]]:
    """`device_account(device_id)` makes a device's broker account (user name = id) and returns its password."""
    made: dict[str, str] = {}

    def enrol(device_id: str) -> str:
        made[device_id] = accounts.enrol(mosquitto, device_id)
        return made[device_id]

    yield enrol
    for device_id, password in made.items():
        accounts.silence(mosquitto, device_id, password)
