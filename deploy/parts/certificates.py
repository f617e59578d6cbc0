"""Two local certificate authorities and the broker's server certificate, made at the first start and kept.

One authority signs the broker's certificate: its key never leaves `home` (mode 0600), devices are given its `ca.pem`. A server certificate
with less than a month left, or for other hosts, is made anew from it. The other signs devices' certificates, which the API does: whoever
has its key can be any device, but not the broker. Its list of revoked certificates is empty here and written by the API from then on.
"""

import datetime
import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = datetime.timedelta(days=1)
RENEW = 30 * DAY


@dataclass(frozen=True, slots=True)
class Certificates:
    """Paths of the authority's certificate, the server's certificate and its key."""

    ca: Path
    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class DeviceAuthority:
    """A folder with `ca.pem`, `ca.key` and `revoked.crl`: what signs devices' certificates, and which of them are good no more."""

    folder: Path

    @property
    def ca(self) -> Path:
        """The authority's certificate."""
        return self.folder / "ca.pem"

    @property
    def revoked(self) -> Path:
        """The list of revoked certificates."""
        return self.folder / "revoked.crl"


def ensure(home: Path, hosts: Sequence[str], now: datetime.datetime) -> Certificates:
    """Certificates in `home` that are valid for `hosts` (names or addresses) at `now`."""
    home.mkdir(parents=True, exist_ok=True)
    made = Certificates(home / "ca.pem", home / "server.pem", home / "server.key")
    if not made.ca.exists() or not (home / "ca.key").exists():
        _make_authority(home, "Vigil local authority", now)
    if _outdated(made, hosts, now):
        _make_server(home, hosts, now)
    return made


def ensure_devices(folder: Path, now: datetime.datetime) -> DeviceAuthority:
    """The device authority in `folder`, with a list of revoked certificates."""
    folder.mkdir(parents=True, exist_ok=True)
    devices = DeviceAuthority(folder)
    if not devices.ca.exists() or not (folder / "ca.key").exists():
        _make_authority(folder, "Vigil device authority", now)
        devices.revoked.unlink(missing_ok=True)
    if not devices.revoked.exists():
        authority, signer = _authority(folder)
        empty = x509.CertificateRevocationListBuilder().issuer_name(authority.subject)
        empty = empty.last_update(now - DAY).next_update(now + 3650 * DAY)
        _write(devices.revoked, empty.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM), 0o644)
    return devices


def _make_authority(home: Path, called: str, now: datetime.datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, called)])
    builder = _certificate(name, name, key.public_key(), now, 3650).add_extension(x509.BasicConstraints(True, 0), critical=True)
    usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
    builder = builder.add_extension(usage, critical=True)
    _write_private(home / "ca.key", key)
    _write(home / "ca.pem", builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM), 0o644)


def _make_server(home: Path, hosts: Sequence[str], now: datetime.datetime) -> None:
    authority, signer = _authority(home)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0])])
    builder = _certificate(name, authority.subject, key.public_key(), now, 397)
    builder = builder.add_extension(x509.SubjectAlternativeName([_alternative(host) for host in hosts]), critical=False)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    _write_private(home / "server.key", key)
    _write(home / "server.pem", builder.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM), 0o644)


def _authority(home: Path) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    signer = serialization.load_pem_private_key((home / "ca.key").read_bytes(), None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    return x509.load_pem_x509_certificate((home / "ca.pem").read_bytes()), signer


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime.datetime, days: int
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    builder = builder.serial_number(x509.random_serial_number())
    return builder.not_valid_before(now - DAY).not_valid_after(now + days * DAY)


def _outdated(made: Certificates, hosts: Sequence[str], now: datetime.datetime) -> bool:
    """Too old, for other hosts, not there, or cut short: the power may have gone between the key and the certificate."""
    try:
        held = x509.load_pem_x509_certificate(made.certificate.read_bytes())
        key = serialization.load_pem_private_key(made.key.read_bytes(), None)
    except (FileNotFoundError, ValueError):
        return True
    names = held.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    wanted = {_alternative(host) for host in hosts}
    return now + RENEW > held.not_valid_after_utc or set(names) != wanted or held.public_key() != key.public_key()


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _write_private(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    _write(path, pem, 0o600)


def _write(path: Path, content: bytes, mode: int) -> None:
    """Whole or not at all, whenever the power goes."""
    making = path.with_name(f".{path.name}.new")
    with os.fdopen(os.open(making, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    making.replace(path)
