"""Putting a device's certificates on the broker's list of revoked ones.

In: a device. Out: `clinical.device_certificate` and the authority's `revoked.crl`, which the launcher has the broker read again. Promise:
both or neither; of two at once, the one that comes second writes both. The device's rights and its connection are dynamic security's
matter and are gone before: the list is what stops a revoked certificate at the handshake.
"""

from datetime import datetime

from dashboard_api.site import Site
from vitals.errors import PartAway

_MARK = "UPDATE clinical.device_certificate SET revoked_at = %s WHERE device = %s AND serial <> %s AND revoked_at IS NULL"
_LISTED = "SELECT serial, revoked_at FROM clinical.device_certificate WHERE revoked_at IS NOT NULL AND expires_at > %s ORDER BY serial"


async def revoke_all(site: Site, device: str, now: datetime, but: str = "") -> None:
    """All of the device's certificates but that one. Raises PartAway where the list cannot be written; it is then as it was."""
    async with site.database.transaction() as transaction:
        await transaction.do("SELECT pg_advisory_xact_lock(hashtext('device_certificate'))")
        if not await transaction.do(_MARK, [now, device, but]) or site.certificates is None:
            return
        rows = await transaction.rows(_LISTED, [now])
        try:
            site.certificates.revoke([(row["serial"], row["revoked_at"]) for row in rows], now)
        except OSError as error:
            raise PartAway(f"the list of revoked certificates cannot be written: {error.strerror}") from error
