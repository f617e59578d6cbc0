"""Commands that other parts of the project carry out: `python -m MODULE`, all arguments passed on.

`bench` is given servers of its own, on free ports in a folder that goes away, unless the environment names them.
"""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy import named, setup
from deploy.choices import PORTS, Choices, settle_ports
from deploy.foreground import become, carried
from deploy.home import DEFAULT, ROOT, Home
from deploy.parts.prefix import Say
from deploy.site import environment, plan
from deploy.supervisor import Supervisor


@dataclass(frozen=True, slots=True)
class Delegate:
    """A command, the module that does it, and whether it is about a running Vigil (`--data-dir`) or needs servers of its own."""

    module: str
    help: str
    data_dir: bool = True
    servers: bool = False


COMMANDS: Mapping[str, Delegate] = {
    "simulate": Delegate("devices.simulator", "simulated devices, over MQTT like real ones"),
    "replay": Delegate("devices.replay", "a recording, played through the devices' door"),
    "rehearse": Delegate("streams.rehearse_main", "what a changed rule set would have raised over stored history"),
    "watch": Delegate("vigil_client.watch_main", "a ward in the terminal, sorted by need"),
    "load": Delegate("loadtests.run", "the load test, with its report"),
    "bench": Delegate("loadtests.bench", "the benchmarks, one line each", data_dir=False, servers=True),
    "database": Delegate("deploy.database_main", "our own PostgreSQL alone, to restore a backup into"),
    "mutate": Delegate("tests.mutate", "changes detection one place at a time; a test must notice", data_dir=False),
}


def run(name: str, arguments: Sequence[str], say: Say) -> int:
    """Carry out the command; its exit code, where it does not take this process's place."""
    command = COMMANDS[name]
    words = list(arguments)
    if command.data_dir and not any(word.split("=")[0] == "--data-dir" for word in words):
        words += ["--data-dir", str(DEFAULT)]
    if command.servers and not {"-h", "--help"} & set(words):
        return _with_servers(command, words, say)
    return become(_argv(command, words), _environment({}))


def _argv(command: Delegate, words: Sequence[str]) -> Sequence[str]:
    return [sys.executable, "-m", command.module, *words]


def _environment(extra: Mapping[str, str]) -> dict[str, str]:
    return {**os.environ, **extra, "PYTHONPATH": str(ROOT)}


def _call(command: Delegate, words: Sequence[str], extra: Mapping[str, str], stdout: int | None = None) -> int:
    return carried(lambda: subprocess.Popen(_argv(command, words), env=_environment(extra), stdout=stdout))


def _with_servers(command: Delegate, words: Sequence[str], say: Say) -> int:
    wrong = _call(command, [*words, "--list"], {}, stdout=subprocess.DEVNULL)
    if wrong:
        return wrong
    named.check(os.environ)
    setup.parts(os.environ, say)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the servers are ended and their folder removed
    with tempfile.TemporaryDirectory(prefix="vigil-") as folder:
        Path(folder).chmod(0o755)  # PostgreSQL's user passes through it
        home, choices = Home(Path(folder)), Choices(Path(folder), {option.name: 0 for option in PORTS})
        home.make()
        ports = settle_ports(choices.ports, choices.bind, os.environ, choices.mqtt_plain)
        supervisor = Supervisor(home.run, say, tied=True)
        try:
            site = plan(home, choices, ports, os.environ, say)
            supervisor.start(site.jobs)
            extra = environment(site, home, choices, ports)
            more = {"VIGIL_DATABASE": site.own_database or site.database, "VIGIL_MQTT_TLS_PORT": str(site.mqtt_tls_port or "")}
            return _call(command, words, {**extra, **more})
        finally:
            supervisor.stop()
