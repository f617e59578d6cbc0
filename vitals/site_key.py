"""The site's secret, 32 bytes, and the keys that derive from it (HKDF-SHA-256, RFC 5869), so that none serves two uses.

In: the base64 text of VIGIL_KEY_FILE. Promise: nothing here prints a key.
"""

import base64
import hmac

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from vitals.errors import SettingError

SECRET_BYTES = 32


def secret(text: str) -> bytes:
    """The secret from a key file's text. Raises SettingError when it is not 32 bytes of base64."""
    try:
        found = base64.b64decode(text.strip(), validate=True)
    except ValueError as error:  # base64 that is none, or text that is not ASCII
        raise SettingError("VIGIL_KEY_FILE: expected 32 random bytes in base64") from error
    if len(found) != SECRET_BYTES:
        raise SettingError(f"VIGIL_KEY_FILE: expected 32 random bytes in base64, got {len(found)}")
    return found


def derived(site_secret: bytes, use: str) -> bytes:
    """The key, 32 bytes, of one use."""
    return HKDF(SHA256(), 32, salt=None, info=f"vigil {use} v1".encode()).derive(site_secret)


def record_digest(key: bytes, number: str) -> bytes:
    """HMAC-SHA-256 of a record number, by the key of use `mrn`: to find a patient by it without reading or storing any."""
    return hmac.digest(key, number.strip().encode(), "sha256")
