"""`./vigil up`, wired straight: set up, parts, schema, services, simulator; undone in reverse.

In: the person's choices, the environment. Out: a running Vigil and its `endpoints.json`, which is there only while everything answers.
Promised: on a failure, on Ctrl-C and on SIGTERM all that was started is stopped, in order.
"""

import fcntl
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from types import FrameType
from typing import Any

import httpx

from deploy import canary, migrate, named, probe, processes, setup
from deploy.choices import Choices, settle_ports, unheard
from deploy.down import remember_supervisor, sweep
from deploy.home import ROOT, Home, write_json
from deploy.parts import kafka, postgres, running
from deploy.parts.debian import checked
from deploy.parts.errors import NotReady, PartError
from deploy.parts.prefix import Say
from deploy.parts.running import Program
from deploy.processes import Process
from deploy.renewal import Renewal
from deploy.site import Site, environment, plan
from deploy.supervisor import Job, Supervisor
from vitals.topics import Topics

PARTITIONS = "4"


class AlreadyRunning(PartError):
    """Another `up` has this folder."""


class Stop(BaseException):
    """SIGINT or SIGTERM: not an error, the way to the end."""


@dataclass(frozen=True, slots=True)
class Vigil:
    """One `up` while it runs."""

    home: Home
    choices: Choices
    ports: Mapping[str, int]
    site: Site
    env: Mapping[str, str]
    supervisor: Supervisor
    say: Say

    def job(self, process: Process, values: Mapping[str, str]) -> Job:
        """How `process` is kept running; its metrics get a port of their own."""
        metrics = running.free_port()
        own = {name: value.format(**values) for name, value in process.env.items()}
        env = {**self.env, **own, "VIGIL_METRICS_PORT": str(metrics), "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
        argv = [sys.executable, "-m", *(word.format(**values) for word in process.argv)]
        program = Program(process.name, argv, env, self.home.logs / f"{process.name}.log")
        if process.ready == "enrolled":
            memory, patients = self.home.simulator / "simulator.json", self.choices.patients
            return Job(process.name, process.stage, lambda: program, lambda: probe.enrolled(memory, patients), "", process.ready_s)
        ready = {"metrics": lambda: probe.ask(metrics).ready, "answers": lambda: running.accepts("127.0.0.1", metrics)}[process.ready]
        return Job(process.name, process.stage, lambda: program, ready, f"127.0.0.1:{metrics}", process.ready_s, metrics)


def run(choices: Choices, environ: Mapping[str, str], say: Say, announce: Say) -> None:
    """Bring Vigil up, say where it is (`announce`), keep it running until Ctrl-C or SIGTERM, stop it."""
    home = Home(choices.data_dir)
    home.make()
    with _alone(home), _stoppable():
        home.endpoints.unlink(missing_ok=True)
        sweep(home, say)
        ports = settle_ports(choices.ports, choices.bind, environ, choices.mqtt_plain)
        named.check(environ)
        setup.parts(environ, say)
        if note := unheard(choices.bind, environ):
            say(note)
        supervisor = Supervisor(home.run, say)
        try:
            accounts, site = _bring_up(home, choices, ports, environ, supervisor)
            announce(_summary(home, accounts))
            supervisor.watch(_looking_after(site, say))
        except Stop:
            pass
        finally:
            _ignore_signals()
            home.endpoints.unlink(missing_ok=True)
            supervisor.stop()
            say("stopped")


def _bring_up(
    home: Home, choices: Choices, ports: Mapping[str, int], environ: Mapping[str, str], supervisor: Supervisor
) -> tuple[list[dict[str, str]], Site]:
    say = supervisor.say
    site = plan(home, choices, ports, environ, say)
    say("starting " + (", ".join(job.name for job in site.jobs) or "no part: all are named"))
    supervisor.start(site.jobs)
    _prepare_data(site, environ, say)
    env = environment(site, home, choices, ports)
    vigil = Vigil(home, choices, ports, site, env, supervisor, say)
    accounts = _seed(env)
    values = _start_services(vigil, environ)
    if choices.simulator:
        say(f"starting the simulator with {choices.patients} patients")
        write_json(home.simulator / "endpoints.json", _endpoints(vigil, accounts))
        supervisor.start([vigil.job(processes.SIMULATOR, values)])
        accounts = _seed(env)  # the patient's account belongs to the first simulated patient, who is there now
    if choices.canary:
        start_canary(vigil, accounts)
    write_json(home.endpoints, _endpoints(vigil, accounts))
    return accounts, site


def _looking_after(site: Site, say: Say) -> Callable[[], bool]:
    """What the supervisor asks between its rounds whether to end: never, but the broker's certificates are looked after."""
    if site.certificates is None:
        return lambda: False
    renewal = Renewal(site.certificates, time.monotonic, lambda: datetime.now(UTC), say)
    renewal.keep()

    def look() -> bool:
        renewal.look()
        return False

    return look


def _prepare_data(site: Site, environ: Mapping[str, str], say: Say) -> None:
    if site.own_database:
        postgres.ensure_database(site.own_database, site.database.rsplit("/", 1)[1])
    ran = migrate.migrate(site.database)
    if ran:
        say(f"migrated the database: {', '.join(ran)}")
    topics = Topics(environ.get("VIGIL_TOPIC_PREFIX", Topics().prefix))
    kafka.make_topics(site.kafka, topics.settings(), int(environ.get("VIGIL_PARTITIONS", PARTITIONS)))


def _start_services(vigil: Vigil, environ: Mapping[str, str]) -> Mapping[str, str]:
    values = {
        "fhir_port": str(running.free_port()),
        "mllp_back_port": str(running.free_port()),
        "simulator_dir": str(vigil.home.simulator),
        "patients": str(vigil.choices.patients),
        "speed": f"{vigil.choices.speed:g}",
    }
    table = (*processes.SERVICES, *([processes.ACM] if environ.get("VIGIL_ACM") else []))
    vigil.say("starting " + ", ".join(process.name for process in table))
    vigil.supervisor.start([vigil.job(process, values) for process in table])
    return values


def start_canary(vigil: Vigil, accounts: list[dict[str, str]]) -> None:
    """Last of all: what it watches is there. A ward does not end with its watch: a canary that is not let in any more (the site has changed
    the demonstration administrator's account) runs as it was, and where its page does not come it tells operations itself."""
    vigil.say("starting the canary")
    kept, pager = vigil.home.secrets / "canary.json", running.free_port()
    admin = next(account for account in accounts if account["role"] == "admin")
    try:
        with canary.logged_in(f"http://{vigil.choices.host}:{vigil.ports['http']}", admin) as api:
            account = canary.enrol(api, kept, pager)
    except (canary.Refused, httpx.HTTPError) as failed:
        vigil.say(f"THE CANARY IS NOT ENROLLED: {failed}; it runs as it was before, and operations are called if its page does not come")
        account = canary.as_it_was(kept, pager)
    values = {"canary_mqtt": account.url(vigil.site.mqtt), "canary_port": str(account.pager)}
    try:
        vigil.supervisor.start([vigil.job(processes.CANARY, values)])
    except NotReady as failed:  # its pager's port may be taken; the supervisor goes on trying
        vigil.say(f"THE CANARY DOES NOT RUN: {failed}")


def _seed(env: Mapping[str, str]) -> list[dict[str, str]]:
    """The demonstration accounts, by the process that may write them."""
    command = [sys.executable, "-m", "dashboard_api.seed_main"]
    said = checked(command, what="making the demonstration accounts", env={**os.environ, **env, "PYTHONPATH": str(ROOT)}, cwd=ROOT)
    accounts: list[dict[str, str]] = json.loads(said)
    return accounts


def _endpoints(vigil: Vigil, accounts: list[dict[str, str]]) -> dict[str, Any]:
    """`endpoints.json`, as the contract has it."""
    site, ports, host = vigil.site, vigil.ports, vigil.choices.host
    return {
        "http": f"http://{host}:{ports['http']}",
        "live": vigil.env["VIGIL_LIVE_URL"],
        "mqtt": {
            "host": site.mqtt_host,
            "port": site.mqtt_port,
            "tls_port": site.mqtt_tls_port,
            "mtls_port": site.mqtt_mtls_port,
            "ca_file": str(site.mqtt_ca) if site.mqtt_ca else None,
        },
        "mllp": {"host": host, "port": ports["mllp"]},
        "kafka": site.kafka,
        "database": site.database,
        "accounts": accounts,
        "ready": True,
    }


def _summary(home: Home, accounts: list[dict[str, str]]) -> str:
    where = json.loads(home.endpoints.read_text())
    lines = [f"  {account['role']:<12} {account['username']:<12} {account['password']}" for account in accounts]
    return "\n".join(["", f"Dashboard: {where['http']}", "Accounts (role, user name, password):", *lines, ""])


@contextmanager
def _alone(home: Home) -> Iterator[None]:
    """Nobody else runs on this folder meanwhile; the lock goes with the process, however it ends."""
    with (home.run / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as taken:
            raise AlreadyRunning(f"a Vigil already runs on {home.path}; see ./vigil status, stop it with ./vigil down") from taken
        with remember_supervisor(home):
            yield


@contextmanager
def _stoppable() -> Iterator[None]:
    def on_signal(_number: int, _frame: FrameType | None) -> None:
        raise Stop

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _ignore_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
