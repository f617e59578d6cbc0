"""Patients grow older: the band that scores and limits go by is renewed from the birth date.

In: the sealed persons of patients under care who are not adults yet. Out: clinical.patient's `age_band`, and their contexts on the topic.
Promise: within an hour of a birthday, and at once when somebody is taken in again, the band is the age's; several processes may do it.
An erased person's band stays as it was.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime

from dashboard_api import sealing
from dashboard_api.contexts import Contexts
from dashboard_api.keys import SiteKeys
from dashboard_api.timescale import Database
from vitals.errors import PartAway

EVERY_S = 3600.0
_log = logging.getLogger(__name__)

_GROWING = """
SELECT p.id, p.age_band, i.wrapped_key, i.sealed FROM clinical.patient p JOIN identity.person i ON i.patient = p.id
WHERE p.age_band <> 'adult' AND p.discharged_at IS NULL AND (%(patient)s::text IS NULL OR p.id = %(patient)s)
"""
_GROWN = "UPDATE clinical.patient SET age_band = %s, version = version + 1 WHERE id = %s AND age_band = %s"


class AgeBands:
    """The one who renews; `run` is its task."""

    def __init__(self, database: Database, keys: SiteKeys, contexts: Contexts, clock: Callable[[], datetime]) -> None:
        self._database, self._keys, self._contexts, self._clock = database, keys, contexts, clock

    async def run(self) -> None:
        """Everybody, every hour until cancelled."""
        while True:
            try:
                await self.renew()
                await asyncio.sleep(EVERY_S)
            except PartAway:
                _log.warning("event=age_bands_not_renewed")
                await asyncio.sleep(EVERY_S / 60)

    async def renew(self, patient: str | None = None) -> None:
        """Of everybody, or of one. Raises PartAway."""
        today, grown = self._clock().date(), []
        for row in await self._database.rows(_GROWING, {"patient": patient}):
            born = sealing.opened(self._keys, row["id"], bytes(row["wrapped_key"]), bytes(row["sealed"])).birth_date
            band = sealing.age_band(born, today)
            if band != row["age_band"] and await self._database.do(_GROWN, [band, row["id"], row["age_band"]]):
                grown.append(row["id"])
        if grown:
            await self._contexts.publish(*grown)
