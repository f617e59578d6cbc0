"""The state of a device's connection: the record of the compacted topic `vitals.links`."""

from typing import Literal

import msgspec


class Link(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """`at` is when the gateway heard it (ms). `battery` 0..1; `buffered` samples still on the device; `patient` whom it is on now.

    `gateway`: the hub that speaks for it, where one does.
    """

    device: str
    state: Literal["online", "offline"]
    at: int
    battery: float | None = None
    buffered: int | None = None
    patient: str | None = None
    ward: str | None = None
    kind: str | None = None
    gateway: str | None = None

    def after(self, before: "Link | None") -> "Link":
        """With what was known of the battery, where it says nothing of it: a will is written when the device connects, not when it dies."""
        if self.battery is not None or before is None:
            return self
        return msgspec.structs.replace(self, battery=before.battery)
