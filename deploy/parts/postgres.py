"""PostgreSQL 15 with TimescaleDB on 127.0.0.1, from Debian's packages, unpacked, and TimescaleDB's Debian source, built.

The superuser is `vigil` with a random password (scram); there is no Unix socket. As root the server runs as an unprivileged
user that owns the data folder. `synchronous_commit` stays on: what was committed is on disk.
"""

import os
import shutil
import signal
from collections.abc import Sequence
from pathlib import Path

import psycopg

from deploy.parts import debian, prefix, running, wheels
from deploy.parts.debian import Apt, checked
from deploy.parts.errors import Missing
from deploy.parts.prefix import Say
from deploy.parts.running import Program, Running

MAJOR = "15"
PART = f"postgresql-{MAJOR}-timescaledb-2"
SUITE = "trixie"  # whose source package of TimescaleDB is built; none of its binaries is used
PACKAGES = (f"postgresql-{MAJOR}", f"postgresql-client-{MAJOR}", f"postgresql-server-dev-{MAJOR}", "libpq5", "libpq-dev")
USER = "vigil"
READY_S = 120.0
BUILDER = Path(__file__).with_name("build-timescaledb.sh")

SETTINGS = """\
# Written at every start by deploy/parts/postgres.py.
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = ''
max_connections = 200
shared_buffers = 256MB
work_mem = 16MB
maintenance_work_mem = 128MB
effective_cache_size = 1GB
max_wal_size = 2GB
checkpoint_timeout = 10min
wal_compression = on
synchronous_commit = on
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
log_min_messages = warning
shared_preload_libraries = 'timescaledb'
timescaledb.telemetry_level = off
timescaledb.max_background_workers = 4
password_encryption = 'scram-sha-256'
"""


def install(say: Say) -> Path:
    """The folder with PostgreSQL's programs."""
    return prefix.ensure(PART, lambda folder: _build(folder, say)) / f"root/usr/lib/postgresql/{MAJOR}/bin"


def prepare(home: Path, port: int, password: str, say: Say, logs: Path | None = None) -> Program:
    """The server that will answer on `port`, its cluster in `home/data`, superuser `vigil` with `password` (fixed at the first start)."""
    programs, user = install(say), running.unprivileged()
    data = home / "data"
    home.mkdir(parents=True, exist_ok=True)
    if not (data / "PG_VERSION").exists() or (home / ".initialising").exists():
        _initialise(home, programs, user, password)
    (data / "vigil.conf").write_text(SETTINGS.format(port=port))
    running.give(user, data / "vigil.conf")
    _drop_stale_pid_file(data)
    argv = [str(programs / "postgres"), "-D", str(data)]
    log = (logs or home / "logs") / "postgres.log"
    return Program("postgres", argv, environment(programs), log, signal.SIGINT, user, (data,))  # INT: a "fast" shutdown


def start(home: Path, port: int, password: str, say: Say, logs: Path | None = None) -> Running:
    """A server that answers on `port`."""
    started = running.start(prepare(home, port, password, say, logs), f"127.0.0.1:{port}")
    return running.wait_ready(started, lambda: is_ready(url(port, password)), READY_S)


def url(port: int, password: str, database: str = "postgres") -> str:
    """The superuser's address of `database`."""
    return f"postgresql://{USER}:{password}@127.0.0.1:{port}/{database}"


def ensure_database(admin: str, name: str) -> None:
    """Make the database `name` when it is not there."""
    with psycopg.connect(admin, autocommit=True) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone():
            connection.execute(f'CREATE DATABASE "{name}"'.encode())


def is_ready(address: str) -> bool:
    """Whether the server takes a connection of ours."""
    try:
        with psycopg.connect(address, connect_timeout=2):
            return True
    except psycopg.OperationalError:
        return False


def missing_tools() -> Sequence[str]:
    """What the build of TimescaleDB lacks on this machine (cmake comes as a wheel)."""
    if prefix.installed(PART):
        return ()
    return [name for name in ("gcc", "make", "xz", "tar") if not shutil.which(name)]


def _build(folder: Path, say: Say) -> None:
    tools = {"gcc": "gcc", "make": "make", "xz": "xz-utils", "tar": "tar"}
    lacking = [tools[name] for name in missing_tools()]
    if "gcc" in lacking:
        lacking.append("libc6-dev")
    if not Path("/usr/share/zoneinfo/UTC").exists():
        lacking.append("tzdata")
    if lacking:
        debian.install_system(lacking, say)
    root, apt = folder / "root", Apt(folder / ".apt", say, source_suite=SUITE)
    say(f"unpacking PostgreSQL {MAJOR}")
    apt.unpack(apt.closure(PACKAGES), root)
    say("building TimescaleDB (a minute)")
    _build_timescaledb(apt.source("timescaledb"), root, folder / ".build", say)
    shutil.rmtree(folder / ".apt")
    shutil.rmtree(folder / ".build")
    _readable(folder)


def _build_timescaledb(tarball: Path, root: Path, work: Path, say: Say) -> None:
    path = os.environ["PATH"]
    if not shutil.which("cmake"):
        path = f"{wheels.install('cmake', say)}/cmake/data/bin:{path}"
    environment = {**os.environ, "PATH": path, "LD_LIBRARY_PATH": debian.library_path(root)}
    config = root / f"usr/lib/postgresql/{MAJOR}/bin/pg_config"
    checked([str(BUILDER), str(tarball), str(config), str(work)], what="building TimescaleDB", env=environment)


def _readable(folder: Path) -> None:
    """The server's user must read and run all of it."""
    checked(["chmod", "-R", "a+rX", str(folder)], what="chmod")


def environment(programs: Path) -> dict[str, str]:
    """What its programs need to find their libraries, and to mean UTC."""
    return {"LD_LIBRARY_PATH": debian.library_path(programs.parents[4]), "TZ": "UTC", "LC_ALL": "C.UTF-8"}


def _initialise(home: Path, programs: Path, user: str | None, password: str) -> None:
    """initdb, repeated from the start when it was cut short."""
    marker, secret, data = home / ".initialising", home / ".password", home / "data"
    marker.touch()
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(mode=0o700)
    secret.touch(mode=0o600)
    secret.write_text(password)
    running.give(user, data, secret)
    initdb = [str(programs / "initdb"), "-D", str(data), "-U", USER, f"--pwfile={secret}", "--auth=scram-sha-256", "--no-instructions"]
    locale = ["--encoding=UTF8", "--locale=C.UTF-8", "--data-checksums"]
    drop = running.as_user(user, data, programs / "initdb")
    command = ["setpriv", *drop, *initdb, *locale] if drop else [*initdb, *locale]
    try:
        checked(command, what="initdb", env={**os.environ, **environment(programs)}, cwd=Path("/"))
    finally:
        secret.unlink(missing_ok=True)
    with (data / "postgresql.conf").open("a") as settings:
        settings.write("include = 'vigil.conf'\n")
    marker.unlink()


def _drop_stale_pid_file(data: Path) -> None:
    """A SIGKILLed server leaves its pid file, and after a reboot another program may have that pid: then it would refuse to start."""
    file = data / "postmaster.pid"
    if not file.exists():
        return
    pid = file.read_text().split("\n", 1)[0].strip()
    name = Path(f"/proc/{pid}/comm")
    if not pid.isdigit() or not name.exists() or name.read_text().strip() != "postgres":
        file.unlink()
        return
    raise Missing(f"a PostgreSQL (pid {pid}) already runs on {data}; stop it first: ./vigil down")
