"""Keycloak 26.4, for the test of the log-in with OpenID Connect: one node with its embedded store, on 127.0.0.1.

Its distribution comes through Maven, pinned by SHA-256; it needs the machine's Java from 17 on, or the one in a wheel. It writes beside its
own files, so each start has a copy of its own.
"""

import hashlib
import shutil
import zipfile
from pathlib import Path

import httpx

from deploy.parts import java, maven, prefix, running
from deploy.parts.errors import PartError
from deploy.parts.prefix import Say
from deploy.parts.running import Program, Running

VERSION = "26.4.7"
JARS = Path(__file__).with_name("keycloak_jars")
READY_S = 240.0
ADMIN = "admin"


def install(say: Say) -> Path:
    """The folder of the unpacked distribution."""

    def build(folder: Path) -> None:
        say(f"fetching Keycloak {VERSION} (159 MB)")
        maven.copy(JARS / "pom.xml", folder / "lib", say)
        archive = next((folder / "lib").iterdir())
        wanted = (JARS / "jars.sha256").read_text().split()[0]
        if hashlib.sha256(archive.read_bytes()).hexdigest() != wanted:
            raise PartError(f"{archive.name} does not match jars.sha256")
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(folder)
        archive.unlink()

    return prefix.ensure(f"keycloak-{VERSION}", build) / f"keycloak-{VERSION}"


def start(home: Path, port: int, password: str, say: Say) -> Running:
    """A server that answers on `port`, with an administrator `ADMIN`; everything that it writes is below `home`."""
    distribution, java_program = install(say), java.install(say)
    env = {
        "KC_BOOTSTRAP_ADMIN_USERNAME": ADMIN, "KC_BOOTSTRAP_ADMIN_PASSWORD": password, "JAVA_HOME": str(java_program.resolve().parents[1]),
        "JAVA_OPTS_KC_HEAP": "-Xms128m -Xmx512m", "KC_CACHE": "local",
    }  # fmt: skip
    copied = home / "keycloak"
    shutil.copytree(distribution, copied)
    argv = ["sh", str(copied / "bin/kc.sh"), "start-dev", "--http-host", "127.0.0.1", "--http-port", str(port)]
    started = running.start(Program("keycloak", argv, env, home / "keycloak.log"), f"127.0.0.1:{port}")
    return running.wait_ready(started, lambda: is_ready(port), READY_S)


def is_ready(port: int) -> bool:
    """Whether it answers for its first realm."""
    try:
        return httpx.get(f"http://127.0.0.1:{port}/realms/master", timeout=5).status_code == 200
    except httpx.TransportError:
        return False
