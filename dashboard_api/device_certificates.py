"""Devices' certificates: what the site's device authority signs, and its list of revoked ones.

In: the authority's folder (`ca.pem`, `ca.key`, made by the launcher), a device's id, a key or a request for a certificate (PKCS #10). Out:
X.509 certificates whose common name is the device, good for a client only; `revoked.crl`, written whole or not at all. A request's own
subject and extensions count for nothing: only its key is taken, and only when its signature shows that the asker has it.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

EARLIER = timedelta(minutes=5)
"""How much a device's clock may be behind and its new certificate still be good."""
LIST_LASTS = timedelta(days=3650)
_PEM = serialization.Encoding.PEM
DeviceKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey


class BadRequest(ValueError):
    """A request for a certificate that is not one; says why."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A signed certificate; `serial` in hexadecimal."""

    pem: str
    serial: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Authority:
    """The device authority of a site, by its folder."""

    folder: Path

    def sign(self, device: str, key: DeviceKey, now: datetime, days: float) -> Certificate:
        """A certificate for `device` that ends `days` after `now`. Raises OSError where the authority's files are not."""
        authority, signer = self._loaded()
        serial, expires = x509.random_serial_number(), (now + timedelta(days=days)).replace(microsecond=0)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, device)])
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(authority.subject).public_key(key).serial_number(serial)
        builder = builder.not_valid_before(min(now, expires) - EARLIER).not_valid_after(expires)
        builder = builder.add_extension(x509.BasicConstraints(False, None), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        return Certificate(builder.sign(signer, hashes.SHA256()).public_bytes(_PEM).decode(), f"{serial:x}", expires)

    def revoke(self, serials: Iterable[tuple[str, datetime]], now: datetime) -> None:
        """Writes the list of all that are revoked, each with the time. Raises OSError."""
        authority, signer = self._loaded()
        file = self.folder / "revoked.crl"
        before = x509.load_pem_x509_crl(file.read_bytes()).last_update_utc
        # OpenSSL keeps the lists it read before and goes by the newer one: to the second, and none from the future
        since = max(before + timedelta(seconds=1), (now - timedelta(days=1)).replace(microsecond=0))
        builder = x509.CertificateRevocationListBuilder().issuer_name(authority.subject).last_update(since).next_update(now + LIST_LASTS)
        for serial, at in serials:
            one = x509.RevokedCertificateBuilder().serial_number(int(serial, 16)).revocation_date(at)
            builder = builder.add_revoked_certificate(one.build())
        making = file.with_name(".revoked.new")
        making.write_bytes(builder.sign(signer, hashes.SHA256()).public_bytes(_PEM))
        os.replace(making, file)

    def _loaded(self) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        signer = serialization.load_pem_private_key((self.folder / "ca.key").read_bytes(), None)
        assert isinstance(signer, ec.EllipticCurvePrivateKey)
        return x509.load_pem_x509_certificate((self.folder / "ca.pem").read_bytes()), signer


def new_key() -> tuple[str, DeviceKey]:
    """A new private key as PEM (PKCS #8, not encrypted), and its public half."""
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return pem.decode(), key.public_key()


def key_of(request: str) -> DeviceKey:
    """The key of a PEM request. Raises BadRequest where it is none, its signature is wrong or its key too weak."""
    try:
        read = x509.load_pem_x509_csr(request.encode())
        signed, key = read.is_signature_valid, read.public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm, InvalidSignature) as error:
        raise BadRequest("not a PKCS #10 request in PEM") from error
    if not signed:
        raise BadRequest("its signature is not that of its key")
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.key_size >= 256:
        return key
    if isinstance(key, rsa.RSAPublicKey) and 2048 <= key.key_size <= 4096:
        return key
    raise BadRequest("its key must be on a curve of at least 256 bits, or RSA of 2048 to 4096 bits")
