"""Fetching jars with Maven, which knows its registry itself: the machine's `mvn`, else Debian's, unpacked into the prefix.

Every jar is checked against a list of SHA-256 sums that is kept beside the POM; one more, one fewer or another one is refused.
"""

import contextlib
import hashlib
import os
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from deploy.parts import java, prefix
from deploy.parts.debian import Apt, checked
from deploy.parts.errors import PartError
from deploy.parts.prefix import Say

COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
SYSTEM_TRUST = "/etc/ssl/certs/ca-certificates.crt"
STORE_WORD = b"changeit"  # not a secret: Java wants a word, and the store holds public certificates only
END = "-----END CERTIFICATE-----"
LAUNCHER = "org.codehaus.plexus.classworlds.launcher.Launcher"


def fetch(pom: Path, sums: Path, into: Path, say: Say) -> None:
    """Put the run-time jars of `pom` into `into`, exactly those that `sums` names."""
    copy(pom, into, say)
    verify(into, sums)


def copy(pom: Path, into: Path, say: Say) -> None:
    """Put what `pom` depends on into `into`, unchecked: that is the caller's next step."""
    local = into.parent / ".m2"
    options = ["-B", "-q", "-f", str(pom), f"-Dmaven.repo.local={local}", "-DincludeScope=runtime", f"-DoutputDirectory={into}"]
    command, environment = _maven(say)
    checked([*command, *options, COPY], what="mvn dependency:copy-dependencies", env={**os.environ, **environment})
    shutil.rmtree(local, ignore_errors=True)


def verify(folder: Path, sums: Path) -> None:
    """Raise `PartError` unless the jars in `folder` are exactly those of `sums` (lines of sha256sum)."""
    expected = {line.split()[1]: line.split()[0] for line in sums.read_text().splitlines()}
    found = {jar.name: hashlib.sha256(jar.read_bytes()).hexdigest() for jar in folder.glob("*.jar")}
    wrong = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
    if wrong:
        raise PartError(f"jars that do not match {sums.name}: {', '.join(wrong)}")


def _maven(say: Say) -> tuple[list[str], dict[str, str]]:
    system = shutil.which("mvn")
    if system:
        return [system], {}
    home = prefix.ensure("maven-3", lambda folder: _unpack(folder, say)) / "usr/share/maven"
    worlds = next((home / "boot").glob("plexus-classworlds*.jar"))
    properties = [f"-Dclassworlds.conf={home / 'bin/m2.conf'}", f"-Dmaven.home={home}", f"-Dmaven.multiModuleProjectDirectory={home}"]
    return [str(java.install(say)), *_trust(home / "trusted.p12"), "-cp", str(worlds), *properties, LAUNCHER], {}


def _trust(store: Path) -> list[str]:
    """Java options by which a runtime from a wheel trusts whom the machine trusts (its own list may lack a site's authority)."""
    system = Path(os.environ.get("SSL_CERT_FILE", SYSTEM_TRUST))
    if not system.exists():
        return []
    held = [pkcs12.PKCS12Certificate(certificate, None) for certificate in _certificates(system.read_text())]
    store.write_bytes(pkcs12.serialize_java_truststore(held, serialization.BestAvailableEncryption(STORE_WORD)))
    return [
        f"-Djavax.net.ssl.trustStore={store}",
        "-Djavax.net.ssl.trustStoreType=PKCS12",
        f"-Djavax.net.ssl.trustStorePassword={STORE_WORD.decode()}",
    ]


def _unpack(folder: Path, say: Say) -> None:
    apt = Apt(folder / ".apt", say)
    say("unpacking Debian's Maven")
    apt.unpack(apt.java_closure(["maven"]), folder)
    shutil.rmtree(folder / ".apt")
    # Debian's links to its jars are absolute or lead through /etc: point them into this folder
    for link in [path for path in folder.rglob("*") if path.is_symlink()]:
        target = os.readlink(link)
        if target.startswith("/"):
            link.unlink()
            link.symlink_to(os.path.relpath(folder / target[1:], link.parent))


def _certificates(pem: str) -> Iterator[x509.Certificate]:
    """Each certificate of a bundle that can be read; some old authorities' cannot, by today's rules."""
    for block in pem.split(END)[:-1]:
        with warnings.catch_warnings(), contextlib.suppress(ValueError, Warning):
            warnings.simplefilter("error")
            yield x509.load_pem_x509_certificate((block + END).encode())
