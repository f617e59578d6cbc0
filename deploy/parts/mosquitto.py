"""Eclipse Mosquitto 2.0: a plain listener for this machine, a TLS one, one for devices with certificates, accounts by its dynamic security.

From Debian's packages, unpacked. What is in flight to a gateway is bounded by the gateway alone, so that it is on its way before the
device hears of it (docs/adr/041); queues are wider than `Room`, so that while no gateway takes messages devices are told to keep theirs
before anything is dropped; the store is on disk. Two accounts
are made at the first start: `admin` manages accounts over `$CONTROL` and hears the log, `gateway` reads what devices say and answers
them. Nobody else gets in; devices are enrolled by the API. The listener for certificates takes those of the site's device authority that
are not on its list of revoked ones; the name in the certificate is the account.
"""

import hashlib
import json
import os
import secrets
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from deploy.parts import certificates, debian, mosquitto_watch, prefix, running
from deploy.parts.debian import Apt
from deploy.parts.prefix import Say
from deploy.parts.running import Program, Running

PART = "mosquitto-2.0"
PACKAGES = ("mosquitto", "mosquitto-clients", "libmosquitto1", "libcjson1")
READY_S = 60.0
ITERATIONS = 101  # mosquitto 2.0's own; its passwords here are 192 random bits, which no number of rounds improves


@dataclass(frozen=True, slots=True)
class Room:
    """When no gateway has taken messages for `quiet_s`, and the broker's heap is above `most_mib`, devices keep what they say.

    768 MiB are 1.6 million samples of a monitor, and less than any gateway's queue holds.
    """

    most_mib: int = 768
    quiet_s: int = 15


ROOM = Room()
SETTINGS = """\
# Written at every start by deploy/parts/mosquitto.py.
per_listener_settings false
allow_anonymous false
{watch}plugin {plugin}
plugin_opt_config_file {accounts}
persistence true
persistence_location {data}/
autosave_interval 1
max_inflight_messages 0
max_queued_messages 4000000
max_queued_bytes 1073741824
max_packet_size 16777216
set_tcp_nodelay true
sys_interval 10
log_dest stderr
log_dest topic
log_type error
log_type warning
log_type notice
connection_messages true
user {user}

listener {port} {plain_bind}
"""
_WATCH = """\
plugin {watch}
plugin_opt_most_mib {room.most_mib}
plugin_opt_quiet_s {room.quiet_s}
"""
TLS_SETTINGS = """
listener {tls_port} {bind}
cafile {ca}
certfile {certificate}
keyfile {key}
tls_version tlsv1.2
"""
CERTIFIED_SETTINGS = """
listener {mtls_port} {bind}
cafile {devices_ca}
crlfile {revoked}
certfile {certificate}
keyfile {key}
tls_version tlsv1.2
require_certificate true
use_identity_as_username true
"""


@dataclass(frozen=True, slots=True)
class Broker:
    """A broker and the passwords of its two accounts; `running` is None for one that was there before us."""

    running: Running | None
    host: str
    port: int
    tls_port: int | None
    ca_file: Path | None
    passwords: Mapping[str, str]
    mtls_port: int | None = None
    devices: Path | None = None  # the device authority's folder

    def url(self, account: str) -> str:
        """`mqtt://account:password@host:port`; account `gateway` or `admin`."""
        return f"mqtt://{account}:{self.passwords[account]}@{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the broker listens; `mtls` (for devices with certificates) 0: nowhere; `open_plain`: unencrypted beyond this machine too."""

    plain: int
    tls: int
    bind: str = "127.0.0.1"
    mtls: int = 0
    open_plain: bool = False

    @property
    def plain_bind(self) -> str:
        """Where it listens unencrypted: this machine alone, unless asked."""
        return self.bind if self.open_plain or self.bind.startswith("127.") else "127.0.0.1"

    @property
    def secure_binds(self) -> tuple[str, ...]:
        """Where it listens encrypted; this machine's programs reach all of its listeners at one address."""
        alone = self.bind in (self.plain_bind, "0.0.0.0")  # noqa: S104 - compared with, not bound to
        return (self.bind,) if alone else (self.bind, self.plain_bind)

    @property
    def host(self) -> str:
        """The address by which this machine reaches it."""
        return "127.0.0.1" if self.plain_bind == "0.0.0.0" else self.plain_bind  # noqa: S104 - compared with, not bound to

    @property
    def public(self) -> str:
        """`host:port` that devices are told: the encrypted one where the unencrypted one is for this machine alone."""
        if self.plain_bind == self.bind:
            return f"{self.host}:{self.plain}"
        return f"{self.host if self.bind == '0.0.0.0' else self.bind}:{self.tls}"  # noqa: S104 - compared with, not bound to


def install(say: Say) -> Path:
    """The folder into which the broker and its clients are unpacked."""
    return prefix.ensure(PART, lambda folder: _build(folder, say))


def prepare(home: Path, ports: Ports, now: datetime, say: Say, logs: Path | None = None, room: Room = ROOM) -> tuple[Program, Broker]:
    """The broker that will answer on its ports, its store and accounts in `home`, and how it is reached."""
    root, data = install(say), home / "data"
    data.mkdir(parents=True, exist_ok=True)
    passwords = _accounts(home)
    certified, devices = certificates.ensure(home / "tls", hosts(ports), now), certificates.ensure_devices(home / "tls" / "devices", now)
    listeners = {"port": ports.plain, "tls_port": ports.tls, "mtls_port": ports.mtls, "plain_bind": ports.plain_bind}
    tls = {"ca": certified.ca, "certificate": certified.certificate, "key": certified.key}
    tls |= {"devices_ca": devices.ca, "revoked": devices.revoked}
    watch = mosquitto_watch.install(say)
    files = {
        "watch": _WATCH.format(watch=watch, room=room) if watch else "",
        "plugin": next(root.rglob("mosquitto_dynamic_security.so")),
        "accounts": home / "accounts.json",
        "data": data,
        "user": "root" if os.geteuid() == 0 else "mosquitto",
    }
    secure = TLS_SETTINGS + (CERTIFIED_SETTINGS if ports.mtls else "")
    text = SETTINGS.format(**listeners, **files) + "".join(secure.format(bind=at, **listeners, **tls) for at in ports.secure_binds)
    (home / "mosquitto.conf").write_text(text)
    argv = [str(root / "usr/sbin/mosquitto"), "-c", str(home / "mosquitto.conf")]
    log = (logs or home / "logs") / "mosquitto.log"
    program = Program("mosquitto", argv, {"LD_LIBRARY_PATH": debian.library_path(root)}, log)
    broker = Broker(None, ports.host, ports.plain, ports.tls, certified.ca, passwords, ports.mtls or None, devices.folder)
    return program, broker


def hosts(ports: Ports) -> list[str]:
    """The names and addresses that the server's certificate is for."""
    return ["localhost", *sorted({"127.0.0.1", ports.host, ports.bind} - {"0.0.0.0"})]  # noqa: S104 - taken out, not bound to


def start(home: Path, ports: Ports, now: datetime, say: Say, logs: Path | None = None, room: Room = ROOM) -> Broker:
    """A broker that answers on its ports."""
    program, broker = prepare(home, ports, now, say, logs, room)
    started = running.start(program, f"{ports.host}:{ports.plain}")
    return replace(broker, running=running.wait_ready(started, lambda: is_ready(ports), READY_S))


def is_ready(ports: Ports) -> bool:
    """Whether its listeners take connections."""
    return all(running.accepts(ports.host, port) for port in (ports.plain, ports.tls, ports.mtls) if port)


def _build(folder: Path, say: Say) -> None:
    apt = Apt(folder / ".apt", say)
    say("unpacking Mosquitto")
    apt.unpack(apt.closure(PACKAGES), folder)
    for part in (".apt", "usr/share/doc", "usr/share/man"):
        debian.checked(["rm", "-rf", str(folder / part)], what="tidying")
    debian.checked(["chmod", "-R", "a+rX", str(folder)], what="chmod")


def _accounts(home: Path) -> dict[str, str]:
    """The two passwords, made with the accounts' file at the first start."""
    kept = home / "passwords.json"
    if not kept.exists():
        made = {name: secrets.token_urlsafe(24) for name in ("admin", "gateway")}
        _write_secret(home / "accounts.json", json.dumps(_initial(made), indent=1))
        _write_secret(kept, json.dumps(made))
    passwords: dict[str, str] = json.loads(kept.read_text())
    return passwords


def _write_secret(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)


def _initial(passwords: Mapping[str, str]) -> dict[str, Any]:
    def allow(*rules: tuple[str, str]) -> list[dict[str, Any]]:
        return [{"acltype": kind, "topic": topic, "priority": 0, "allow": True} for kind, topic in rules]

    everything = ("publishClientSend", "publishClientReceive", "subscribePattern", "unsubscribePattern")
    control = "$CONTROL/dynamic-security/#"
    roles = {
        "admin": allow(*((kind, control) for kind in everything), *((kind, "$SYS/#") for kind in everything[1:])),
        "gateway": allow(*((kind, "vigil/#") for kind in everything), *((kind, "$share/vigil/vigil/#") for kind in everything[2:])),
    }
    return {
        "defaultACLAccess": {"publishClientSend": False, "publishClientReceive": False, "subscribe": False, "unsubscribe": True},
        "clients": [_client(name, password) for name, password in passwords.items()],
        "groups": [],
        "roles": [{"rolename": name, "acls": acls} for name, acls in roles.items()],
    }


def _client(name: str, password: str) -> dict[str, Any]:
    salt = secrets.token_bytes(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, ITERATIONS)
    return {
        "username": name,
        "textName": "",
        "password": b64encode(digest).decode(),
        "salt": b64encode(salt).decode(),
        "iterations": ITERATIONS,
        "roles": [{"rolename": name, "priority": 0}],
    }
