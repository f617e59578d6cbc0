"""What a device is told to do: the retained message of `vigil/v1/{device_id}/config`, the only one to devices beside refusals.

In: what the site wants. Out: JSON, in which what is not told is absent and left to the device. An empty message: nothing is wanted any
more.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

EverySeconds = Annotated[float, Meta(ge=0.2, le=3600.0)]


class DeviceConfig(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """`every_s`: seconds between two samples; `waveforms`: whether curves are sent by a device that has them. `version` rises with every
    change; 0: nothing is told."""

    version: int
    every_s: EverySeconds | None = None
    waveforms: bool | None = None


UNTOLD = DeviceConfig(version=0)


def heard(message: bytes) -> DeviceConfig | None:
    """What a message of the topic tells; None for what cannot be read: the device stays with what it was told before.

    >>> heard(b'{"version": 3, "every_s": 5}')
    DeviceConfig(version=3, every_s=5.0, waveforms=None)
    >>> heard(b""), heard(b'{"version": 4, "every_s": 0}')
    (DeviceConfig(version=0, every_s=None, waveforms=None), None)
    """
    if not message:
        return UNTOLD
    try:
        return msgspec.json.decode(message, type=DeviceConfig)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
