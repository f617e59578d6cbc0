"""Devices' certificates: signing one, shown once, and revoking the earlier ones where that is asked for."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from dashboard_api import device_certificates, revocation
from dashboard_api.api.devices import found
from dashboard_api.device_certificates import BadRequest
from dashboard_api.problems import Problem
from dashboard_api.route import Call, Reply
from vitals.errors import PartAway


class NewCertificate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`csr`: a request in PEM, so that the key never leaves the device; without one the key is made here and shown once.

    `revoke_earlier`: the device's other certificates are good no more, at once (a lost key); else they go on to their end, so that a device
    changes over when it likes.
    """

    csr: Annotated[str, Meta(max_length=10_000)] | None = None
    days: Annotated[int, Meta(ge=1, le=397)] = 90
    revoke_earlier: bool = False


class Certified(msgspec.Struct, frozen=True):
    """`certificate` and `ca` (whose certificate the broker shows) in PEM; `key` only where it was made here; `mqtts`: where it is good."""

    id: str
    certificate: str
    key: str | None
    ca: str
    serial: str
    expires_at: datetime
    mqtts: str


async def certify(call: Call) -> Reply:
    """A certificate whose name is the device's id. The earlier ones are revoked only where that is asked for, and last."""
    new: NewCertificate = call.body
    row = await found(call, call.path["id"])
    authority = call.site.certificates
    if row["revoked_at"] is not None:
        raise Problem(409, "the device is revoked")
    if authority is None:
        raise Problem(409, "this site's broker has no listener for certificates")
    try:
        key, public = (None, device_certificates.key_of(new.csr)) if new.csr is not None else device_certificates.new_key()
        made = authority.sign(row["id"], public, call.now, new.days)
        ca = Path(call.site.facts.mqtt_ca).read_text() if call.site.facts.mqtt_ca else ""
    except BadRequest as error:
        raise Problem(422, f"csr: {error}") from error
    except OSError as error:
        raise PartAway(f"the device authority cannot be read: {error.strerror}") from error
    sql = "INSERT INTO clinical.device_certificate (serial, device, issued_at, expires_at) VALUES (%s, %s, %s, %s)"
    await call.site.database.do(sql, [made.serial, row["id"], call.now, made.expires_at])
    if new.revoke_earlier:
        await revocation.revoke_all(call.site, row["id"], call.now, but=made.serial)
    answer = Certified(row["id"], made.pem, key, ca, made.serial, made.expires_at, call.site.facts.mqtt_certified)
    return Reply(answer, 201, {"Cache-Control": "no-store"}, detail={"device": row["id"], "serial": made.serial})
