"""Time-based one-time codes (RFC 6238: SHA-1, six digits, 30 s) and the codes for who lost the device. Pure: time and randomness come in.

In: a shared secret. Out: its code at a time, whether a code is right and of which step, the address that an authenticator app scans.
Promise: a step that was used, or an older one, is never right again; one step to either side is, for clocks that differ.
"""

import base64
import hmac

import pyotp

STEP_S = 30
DIGITS = 6
SECRET_BYTES = 20
"""RFC 4226, section 4: at least 128 bits, 160 recommended."""
RECOVERY_CODES = 10
RECOVERY_BYTES = 10
_DRIFT = 1


def code(secret: bytes, step: int, digits: int = DIGITS) -> str:
    """The code of a step (30 s each, counted from 1970)."""
    return pyotp.HOTP(_text(secret), digits=digits).at(step)


def step_of(now: float) -> int:
    """The step at `now` (epoch seconds)."""
    return int(now // STEP_S)


def matching(secret: bytes, said: str, now: float, used: int) -> int | None:
    """The step whose code was said; None for a wrong one and for one up to the step `used`."""
    near = range(step_of(now) - _DRIFT, step_of(now) + _DRIFT + 1)
    right = [step for step in near if hmac.compare_digest(code(secret, step).encode(), said.encode())]
    return next((step for step in right if step > used), None)


def uri(secret: bytes, username: str) -> str:
    """What an authenticator app reads (otpauth://)."""
    return pyotp.TOTP(_text(secret)).provisioning_uri(name=username, issuer_name="Vigil")


def shown(secret: bytes) -> str:
    """The secret as a person may type it: base32."""
    return _text(secret)


def recovery(entropy: bytes) -> str:
    """A code for who lost the device, of RECOVERY_BYTES: four groups of four letters and digits."""
    text = base64.b32encode(entropy).decode().lower()
    return "-".join(text[i : i + 4] for i in range(0, len(text), 4))


def _text(secret: bytes) -> str:
    return base64.b32encode(secret).decode()
