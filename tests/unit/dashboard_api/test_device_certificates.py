"""Devices' certificates: what is signed, what is refused, and the list of revoked ones."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given
from hypothesis import strategies as st

from dashboard_api.device_certificates import Authority, BadRequest, key_of, new_key
from deploy.parts import certificates

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """A new site's."""
    return Authority(certificates.ensure_devices(tmp_path / "devices", NOW).folder)


def request(key: Key, name: str = "somebody else") -> str:
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def test_a_certificate_names_the_device_and_is_good_for_a_client_only(authority: Authority) -> None:
    made = authority.sign("dev-a", key_of(request(ec.generate_private_key(ec.SECP256R1()))), NOW, 30)
    read = x509.load_pem_x509_certificate(made.pem.encode())
    read.verify_directly_issued_by(x509.load_pem_x509_certificate((authority.folder / "ca.pem").read_bytes()))
    usage = list(read.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    facts = (read.subject.rfc4514_string(), usage, read.not_valid_after_utc, f"{read.serial_number:x}")
    assert facts == ("CN=dev-a", [ExtendedKeyUsageOID.CLIENT_AUTH], NOW + timedelta(days=30), made.serial)


def test_a_key_made_here_belongs_to_its_certificate(authority: Authority) -> None:
    pem, public = new_key()
    read = x509.load_pem_x509_certificate(authority.sign("dev-a", public, NOW, 1).pem.encode())
    assert serialization.load_pem_private_key(pem.encode(), None).public_key() == read.public_key()


def weak() -> str:
    return request(rsa.generate_private_key(65537, 1024))  # noqa: S505 - the weak key is what is tried


def altered() -> str:
    good = x509.load_pem_x509_csr(request(ec.generate_private_key(ec.SECP256R1()), "a" * 20).encode())
    spoiled = good.public_bytes(serialization.Encoding.DER).replace(b"a" * 20, b"b" * 20)
    return x509.load_der_x509_csr(spoiled).public_bytes(serialization.Encoding.PEM).decode()


@pytest.mark.parametrize(
    ("make", "why"),
    [(lambda: "", "not a PKCS #10"), (lambda: "-----BEGIN", "not a PKCS #10"), (weak, "2048"), (altered, "signature")],
    ids=["empty", "cut off", "weak key", "signature of another"],
)
def test_a_request_that_is_no_good_says_why(make, why: str) -> None:  # type: ignore[no-untyped-def]  # parametrised
    with pytest.raises(BadRequest, match=re.escape(why)):
        key_of(make())


@given(st.text() | st.binary().map(lambda b: f"-----BEGIN CERTIFICATE REQUEST-----\n{b.hex()}\n-----END CERTIFICATE REQUEST-----\n"))
def test_any_text_is_a_request_or_a_named_refusal(text: str) -> None:
    with pytest.raises(BadRequest):
        key_of(text)


def test_each_list_of_revoked_ones_is_newer_than_the_last_and_not_from_the_future(authority: Authority) -> None:
    read = []
    for n in range(1, 4):
        authority.revoke([(f"{serial:x}", NOW) for serial in range(1, n + 1)], NOW)
        read.append(x509.load_pem_x509_crl((authority.folder / "revoked.crl").read_bytes()))
    times = [each.last_update_utc for each in read]
    assert ([len(each) for each in read], times == sorted(set(times)), times[-1] < NOW) == ([1, 2, 3], True, True)


def test_the_authority_and_its_list_stay_over_restarts(authority: Authority) -> None:
    authority.revoke([("a1", NOW)], NOW)
    before = [(file.name, file.read_bytes()) for file in sorted(authority.folder.iterdir())]
    certificates.ensure_devices(authority.folder, NOW + timedelta(days=400))
    assert [(file.name, file.read_bytes()) for file in sorted(authority.folder.iterdir())] == before
