"""The command line of `./vigil`: words in, one call out. Long work says what it does on stderr; results go to stdout.

Exit codes: 0 done; 1 failed, with the reason and the way out on stderr; 2 wrong arguments; 130 interrupted.
"""

import argparse
import contextlib
import errno
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from deploy import checks, daemon, delegate, doctor, down, status, up
from deploy.choices import PORTS, Choices
from deploy.home import DEFAULT, Home
from deploy.parts.errors import PartError
from deploy.parts.prefix import Say
from vitals.errors import VigilError

_STARTED = time.monotonic()
OF_THE_MACHINE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EMFILE, errno.ENFILE)
"""What a folder, a disk or a limit refuses: said in a line. Any other OSError is our own defect and shows its trace."""


def say(text: str) -> None:
    """One line of progress, with the seconds since the start."""
    _tell(f"[{time.monotonic() - _STARTED:6.1f}] {text}", sys.stderr)


def plain(text: str) -> None:
    """A line of a result."""
    _tell(text, sys.stdout)


def _to_stderr(text: str) -> None:
    _tell(text, sys.stderr)


def _tell(text: str, out: TextIO) -> None:
    """A line that cannot be written (the log's disk is full, the terminal is gone) must not end a ward."""
    with contextlib.suppress(OSError):
        print(text, file=out, flush=True)


def main(words: Sequence[str]) -> int:
    """Carry out one command; its exit code."""
    if words and words[0] in delegate.COMMANDS:
        return _guarded(lambda: delegate.run(words[0], words[1:], say))
    if words and words[0] == "test":
        return _guarded(lambda: checks.test(words[1:], say))
    options = parser().parse_args(words)
    return _guarded(lambda: COMMANDS[options.command](options))


def _guarded(command: Callable[[], int]) -> int:
    try:
        return command()
    except (PartError, VigilError) as failed:
        print(f"vigil: {failed}", file=sys.stderr)
        return 1
    except OSError as refused:
        if refused.errno not in OF_THE_MACHINE:
            raise
        print(f"vigil: {refused.filename or 'the disk'}: {refused.strerror}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


_OF_A_FOLDER: Mapping[str, str] = {
    "down": "stop a detached one",
    "status": "what runs, since when, how far behind",
    "doctor": "what is missing here and how to get it",
}


def parser() -> argparse.ArgumentParser:
    """Every command and option, but for those that are passed on."""
    top = argparse.ArgumentParser(prog="vigil", description="Real-time remote patient monitoring.")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_up(commands.add_parser("up", help="set up what is missing and start everything"))
    for name, text in _OF_A_FOLDER.items():
        _add_data_dir(commands.add_parser(name, help=text))
    commands.choices["status"].add_argument("--json", action="store_true", help="for machines")
    commands.add_parser("test", help="the whole test suite on the real parts; arguments go to pytest")
    for name, other in delegate.COMMANDS.items():
        commands.add_parser(name, help=other.help, add_help=False)
    return top


def _add_up(command: argparse.ArgumentParser) -> None:
    _add_data_dir(command)
    command.add_argument("--patients", type=_at_least_one, default=24, help="simulated patients (default 24)")
    command.add_argument("--speed", type=_above_nothing, default=1.0, help="how fast the simulator's time goes (default 1)")
    command.add_argument("--no-simulator", action="store_true", help="no simulated patients")
    command.add_argument("--canary", action="store_true", help="a canary patient whose page must come (always with VIGIL_OPERATIONS_URL)")
    command.add_argument("--bind", default="127.0.0.1", help="the address that page, API, live feed and devices' doors listen on")
    command.add_argument(
        "--mqtt-plain", action="store_true", help="MQTT without encryption beyond this machine too, if --bind is beyond it"
    )
    command.add_argument("--detach", action="store_true", help="return once all is ready; stop it with `vigil down`")
    for port in PORTS:
        text = f"{port.what} (default {port.default}; 0: a free one)"
        command.add_argument(port.option, type=_port, default=port.default, metavar="PORT", help=text)


def _add_data_dir(command: argparse.ArgumentParser) -> None:
    command.add_argument("--data-dir", type=Path, default=DEFAULT, metavar="DIR", help="the folder of this Vigil (default .vigil)")


def _at_least_one(text: str) -> int:
    if not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError("expected a whole number above 0")
    return int(text)


def _above_nothing(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError("expected a number above 0")
    return number


def _port(text: str) -> int:
    if not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError("expected a port, 0 to 65535")
    return int(text)


def _up(options: argparse.Namespace) -> int:
    home = Home(options.data_dir.resolve())
    if options.detach:
        return _detached(home, options)
    ports = {port.name: getattr(options, f"{port.name}_port") for port in PORTS}
    simulator = not options.no_simulator
    canary = options.canary or bool(os.environ.get("VIGIL_OPERATIONS_URL"))
    choices = Choices(home.path, ports, options.patients, options.speed, simulator, options.bind, canary, options.mqtt_plain)
    up.run(choices, os.environ, say, plain)
    return 0


def _detached(home: Home, options: argparse.Namespace) -> int:
    running = down.supervisor(home)
    if running:
        raise up.AlreadyRunning(f"a Vigil already runs on {home.path} (pid {running.pid}); see ./vigil status")
    words = ["--data-dir", str(home.path), "--patients", str(options.patients), "--speed", str(options.speed), "--bind", options.bind]
    words += ["--no-simulator"] * options.no_simulator + ["--canary"] * options.canary + ["--mqtt-plain"] * options.mqtt_plain
    for port in PORTS:
        words += [port.option, str(getattr(options, f"{port.name}_port"))]
    return daemon.start(home, words, _to_stderr, plain)


def _down(options: argparse.Namespace) -> int:
    if not down.down(options.data_dir.resolve(), say):
        print(f"no Vigil runs on {options.data_dir}")
    return 0


def _status(options: argparse.Namespace) -> int:
    found = status.of(Home(options.data_dir.resolve()))
    print(json.dumps(status.as_json(found), indent=2) if options.json else status.as_text(found, datetime.now(UTC)))
    return 0 if found.running else 1


def _doctor(options: argparse.Namespace) -> int:
    found = doctor.examine(Home(options.data_dir.resolve()))
    print(doctor.as_text(found))
    return 0 if doctor.is_well(found) else 1


COMMANDS: Mapping[str, Callable[[argparse.Namespace], int]] = {"up": _up, "down": _down, "status": _status, "doctor": _doctor}

__all__ = ["Say", "main", "parser"]

if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
