"""Starting, watching and ending one server process.

In: an argument vector, an environment, a log file. Out: `Running`, a process in its own group, which the kernel ends when we die if
it is tied to us. Promised: `stop` returns when the process is gone, by force at the deadline. As root, a server that refuses root runs
as an unprivileged user (`as_user`).
"""

import contextlib
import errno
import fcntl
import os
import pwd
import secrets
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.parts.errors import NotOurAddress, NotReady, PortTaken

POLL_S = 0.05
FREE_PORTS = range(20_000, 32_000)
_given: set[int] = set()
_ledger: list[int] = []
SIGNAL_NAMES = {signal.SIGTERM: "TERM", signal.SIGINT: "INT", signal.SIGKILL: "KILL"}


@dataclass(frozen=True, slots=True)
class Running:
    """A started server: `address` is `host:port`, `log` its output, `stop_signal` what asks it to end cleanly."""

    name: str
    process: "subprocess.Popen[bytes]"
    address: str
    log: Path
    stop_signal: signal.Signals = signal.SIGTERM

    @property
    def pid(self) -> int:
        """The process id (of the group's leader)."""
        return self.process.pid

    def alive(self) -> bool:
        """Whether it still runs."""
        return self.process.poll() is None

    def stop(self, deadline_s: float = 30.0) -> None:
        """Ask it to end, wait, and force it at the deadline."""
        if self.alive():
            self.process.send_signal(self.stop_signal)
        self.wait(deadline_s)

    def wait(self, deadline_s: float) -> bool:
        """Wait for its end, and force it at the deadline; whether it ended by itself."""
        try:
            self.process.wait(deadline_s)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(10)
            return False
        return True


@dataclass(frozen=True, slots=True)
class Program:
    """What to start: its name, arguments, added environment, and how it is asked to end."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    log: Path
    stop_signal: signal.Signals = signal.SIGTERM
    user: str | None = None
    needs: Sequence[Path] = ()  # folders that `user` must reach


def start(program: Program, address: str, *, tied: bool = True) -> Running:
    """Start `program` in its own session, its output appended to its log; `tied`: the kernel asks it to end when we die."""
    program.log.parent.mkdir(parents=True, exist_ok=True)
    tie = ["--pdeathsig", SIGNAL_NAMES[program.stop_signal] if tied else "clear"]
    prefix = ["setpriv", *tie, *as_user(program.user, Path(program.argv[0]), *program.needs)]
    with program.log.open("ab") as log:
        process = subprocess.Popen(
            [*prefix, *program.argv],
            env={**os.environ, **program.env},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd="/",
        )
    return Running(program.name, process, address, program.log, program.stop_signal)


def wait_ready(running: Running, is_ready: Callable[[], bool], deadline_s: float) -> Running:
    """`running` once `is_ready()`; `NotReady` with the last log lines when it ends first or takes too long."""
    until = time.monotonic() + deadline_s
    while time.monotonic() < until:
        if not running.alive():
            raise NotReady(f"{running.name} ended with {running.process.returncode} while starting\n{tail(running.log)}")
        if is_ready():
            return running
        time.sleep(POLL_S)
    running.stop(5)
    raise NotReady(f"{running.name} did not answer on {running.address} within {deadline_s:.0f} s\n{tail(running.log)}")


def tail(log: Path, lines: int = 15) -> str:
    """The last `lines` of a log, indented, under its path."""
    text = log.read_bytes()[-20_000:].decode(errors="replace") if log.exists() else ""
    return "\n".join([f"  {log}:", *(f"    {line}" for line in text.splitlines()[-lines:])])


def unprivileged() -> str | None:
    """The user for servers that refuse root: None when we are not root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def give(user: str | None, *paths: Path) -> None:
    """Make `paths` and what they hold belong to `user`."""
    if user is None:
        return
    who = pwd.getpwnam(user)
    for path in paths:
        os.chown(path, who.pw_uid, who.pw_gid)
        for child in path.rglob("*"):
            os.chown(child, who.pw_uid, who.pw_gid, follow_symlinks=False)


def as_user(user: str | None, *paths: Path) -> list[str]:
    """Arguments for `setpriv` that drop root for `user`.

    Where `user` cannot reach one of `paths` (a home folder of mode 0700 above it), the process keeps the one right to pass
    through folders, and no other of root's.
    """
    if user is None:
        return []
    who = pwd.getpwnam(user)
    arguments = ["--reuid", str(who.pw_uid), "--regid", str(who.pw_gid), "--clear-groups"]
    if all(_reachable(path) for path in paths):
        return [*arguments, "--inh-caps=-all", "--bounding-set=-all"]
    right = "dac_read_search" if _may_pass("dac_read_search") else "dac_override"
    # no_setuid_fixup: access(2), by which PostgreSQL looks at its own programs, else forgets the right
    return [*arguments, "--securebits=+no_setuid_fixup", f"--inh-caps=-all,+{right}", f"--ambient-caps=-all,+{right}"]


def _reachable(path: Path) -> bool:
    return all(folder.stat().st_mode & 0o001 for folder in path.resolve().parents)


def _may_pass(right: str) -> bool:
    number = {"dac_override": 1, "dac_read_search": 2}[right]
    status = Path("/proc/self/status").read_text()
    bounding = next(line.split()[1] for line in status.splitlines() if line.startswith("CapBnd"))
    return bool(int(bounding, 16) >> number & 1)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now, another one at each call, and ours alone among this user's programs until we end:
    who is given a port may not listen yet, or not at the moment, when another asks.

    Below the range from which the kernel takes ports for outgoing connections, which could take it before the listener does.
    """
    while True:
        port = secrets.choice(FREE_PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            if port not in _given and _noted(port):
                _given.add(port)
                return port


def _noted(port: int) -> bool:
    """Whether no other program has the port: a lock on one byte of a shared file, which goes with the process, however it ends.

    Where the file cannot be had, nobody is asked.
    """
    try:
        if not _ledger:
            file = Path(tempfile.gettempdir()) / f"vigil-ports-{os.geteuid()}"
            _ledger.append(os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600))
        fcntl.lockf(_ledger[0], fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError as refused:
        return refused.errno not in (errno.EAGAIN, errno.EACCES) or not _ledger
    return True


def require_free(port: int, what: str, option: str = "", host: str = "127.0.0.1") -> None:
    """`PortTaken` when somebody listens on `port` already, `NotOurAddress` when `host` is none of this machine's."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as refused:
            if refused.errno == errno.EADDRNOTAVAIL or isinstance(refused, socket.gaierror):
                raise NotOurAddress(f"cannot listen on {host}: this machine has no such address; choose another with --bind") from refused
            if refused.errno == errno.EACCES:
                raise PortTaken(port, what, option, "may not be used without root's rights") from refused
            raise PortTaken(port, what, option) from refused


def accepts(host: str, port: int) -> bool:
    """Whether somebody takes connections on `port`."""
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False
