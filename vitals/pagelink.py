"""The one-time link of a page: a token that names the page and nothing else, signed and expiring. Using it once is the database's to see
(`alerting.link_use`).

In: the site's key. Token: base64url of page id (16 bytes) | expiry (8 bytes, ms, big-endian) | HMAC-SHA-256 of both, cut to 16 bytes.
"""

import base64
import binascii
import hashlib
import hmac
import uuid
from typing import Literal

Refusal = Literal["malformed", "forged", "expired"]


def token(site_key: bytes, page: str, expires: int) -> str:
    """The token of this page, good until `expires` (ms since 1970 UTC)."""
    said = uuid.UUID(page).bytes + expires.to_bytes(8, "big")
    return base64.urlsafe_b64encode(said + _mac(site_key, said)).decode().rstrip("=")


def page_of(site_key: bytes, text: str, now: int) -> uuid.UUID | Refusal:
    """The page that the token names, or why not."""
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return "malformed"
    if len(raw) != 40:
        return "malformed"
    said, mac = raw[:24], raw[24:]
    if not hmac.compare_digest(mac, _mac(site_key, said)):
        return "forged"
    return "expired" if int.from_bytes(said[16:], "big") <= now else uuid.UUID(bytes=said[:16])


def _mac(site_key: bytes, said: bytes) -> bytes:
    key = hmac.digest(site_key, b"vigil page link v1", hashlib.sha256)
    return hmac.digest(key, said, hashlib.sha256)[:16]
