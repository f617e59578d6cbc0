"""What a device is told to do: kept here, and retained on the device's config topic for whenever it listens."""

from datetime import datetime

import msgspec

from dashboard_api import dynsec
from dashboard_api.api.devices import found
from dashboard_api.problems import Problem
from dashboard_api.route import Call, Reply
from vitals.device_config import DeviceConfig, EverySeconds


class NewDeviceConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole of it: what is absent or null is left to the device."""

    every_s: EverySeconds | None = None
    waveforms: bool | None = None


class ToldConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What a device is told, by whom and since when; version 0: nothing was ever."""

    device: str
    version: int
    every_s: float | None
    waveforms: bool | None
    by: str | None
    at: datetime | None


_SELECT = "SELECT device, version, every_s, waveforms, author AS by, at FROM clinical.device_config WHERE device = %s"
_PUT = """INSERT INTO clinical.device_config AS c (device, version, every_s, waveforms, author, at)
          VALUES (%(device)s, 1, %(every_s)s, %(waveforms)s, %(author)s, %(at)s) ON CONFLICT (device) DO UPDATE
          SET version = c.version + 1, every_s = excluded.every_s, waveforms = excluded.waveforms,
              author = excluded.author, at = excluded.at
          RETURNING device, version, every_s, waveforms, author AS by, at"""


async def read(call: Call) -> Reply:
    """As it was last put."""
    device = (await found(call, call.path["id"]))["id"]
    row = await call.site.database.row(_SELECT, [device])
    return Reply(row or ToldConfig(device=device, version=0, every_s=None, waveforms=None, by=None, at=None))


async def put(call: Call) -> Reply:
    """Kept and told, or neither: 503 when the broker is away. The row's lock keeps the last version the one that is told last."""
    wish: NewDeviceConfig = call.body
    device = await found(call, call.path["id"])
    if device["revoked_at"] is not None:
        raise Problem(409, "the device is revoked")
    facts = {"device": device["id"], "every_s": wish.every_s, "waveforms": wish.waveforms, "author": call.caller.username, "at": call.now}
    async with call.site.database.transaction() as transaction:
        row = await transaction.row(_PUT, facts)
        assert row is not None, "INSERT ... RETURNING gives a row"
        told = DeviceConfig(version=row["version"], every_s=wish.every_s, waveforms=wish.waveforms)
        topic = dynsec.topics(device["id"], device["kind"])["config"]
        await call.site.devices.publish(topic, msgspec.json.encode(told), retain=True)
    return Reply(row, detail={"device": device["id"], "told": msgspec.to_builtins(told)})
