"""The site's keys: one secret of 32 bytes, and what derives from it (HKDF-SHA-256, RFC 5869).

In: the base64 text of VIGIL_KEY_FILE. Out: a key for each use, so that none serves two. Promise: nothing here prints a key.
"""

import base64
import binascii
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from vitals.errors import SettingError

SECRET_BYTES = 32
_USES = ("token", "person", "mrn", "stored", "factor", "login")


@dataclass(frozen=True, slots=True)
class SiteKeys:
    """Each 32 bytes: `token` signs access tokens, `person` wraps patients' keys, `mrn` digests record numbers, `stored` seals answers,
    `factor` the secrets of second factors, `login` what a browser carries to the OpenID provider and back.

    `secret` itself is for `vitals.pagelink`, which derives its own.
    """

    secret: bytes = field(repr=False)
    token: bytes = field(repr=False)
    person: bytes = field(repr=False)
    mrn: bytes = field(repr=False)
    stored: bytes = field(repr=False)
    factor: bytes = field(repr=False)
    login: bytes = field(repr=False)


def derive(secret: bytes) -> SiteKeys:
    """The keys of a site whose secret this is (32 bytes)."""
    return SiteKeys(secret, *(_derive(secret, f"vigil {use} v1".encode()) for use in _USES))


def parse(text: str) -> SiteKeys:
    """The keys from a key file's text. Raises SettingError when it is not 32 bytes of base64."""
    try:
        secret = base64.b64decode(text.strip(), validate=True)
    except binascii.Error as error:
        raise SettingError("VIGIL_KEY_FILE: expected 32 random bytes in base64") from error
    if len(secret) != SECRET_BYTES:
        raise SettingError(f"VIGIL_KEY_FILE: expected 32 random bytes in base64, got {len(secret)}")
    return derive(secret)


def _derive(secret: bytes, use: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=use).derive(secret)
