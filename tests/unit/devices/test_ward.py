"""Claims about the pace of a simulated ward: each device speaks as often as it was told."""

from dataclasses import dataclass, field

import pytest

from devices.simulator.stories import story_of
from devices.simulator.ward import Bed, Pace, Slot
from devices.simulator.waveform import Phases
from vitals.device_config import UNTOLD, DeviceConfig

T0 = 1_800_000_000_000


@dataclass
class Told:
    """A device that notes what it says, and was told something."""

    config: DeviceConfig = UNTOLD
    said: list[int] = field(default_factory=list)
    chunks: int = 0
    battery: float = 1.0
    away: bool = False
    up: bool = True
    waiting: int = 0
    unsettled: int = 0

    def next_seq(self) -> int:
        return len(self.said)

    def say(self, seq: int, readings: int, sample: bytes, twice: bool = False) -> None:
        self.said.append(seq)

    def stream(self, chunk: bytes) -> None:
        self.chunks += 1

    def status(self) -> None: ...

    async def live(self) -> None: ...

    async def leave(self) -> None: ...


def said(devices: list[Told], seconds: float, period_s: float = 1.0) -> list[int]:
    """How often each spoke."""
    slot = Slot([Bed(story_of("ward", 0), device, waves=Phases()) for device in devices], Pace(period_s, 1.0, 1e9), 1)
    turn_s = min(period_s, slot.period_s)
    for n in range(round(seconds / turn_s)):
        late_s = 0.1 * turn_s * (n % 3)  # as a busy machine is
        slot.turn(T0 + round(1000 * n * turn_s), n * turn_s + late_s, turn_s)
    return [len(device.said) for device in devices]


@pytest.mark.parametrize(("every_s", "times"), [(None, 60), (1.0, 60), (2.0, 30), (2.5, 24), (10.0, 6), (0.5, 120), (0.2, 300), (3600, 1)])
def test_a_device_speaks_as_often_as_it_was_told(every_s: float | None, times: int) -> None:
    assert said([Told(DeviceConfig(version=1, every_s=every_s))], 60.0) == [times]


def test_one_that_was_told_to_hurry_hurries_nobody_else() -> None:
    assert said([Told(), Told(DeviceConfig(version=1, every_s=0.25)), Told(DeviceConfig(version=1, every_s=4.0))], 60.0) == [60, 240, 15]


@pytest.mark.parametrize(("waveforms", "some"), [(None, True), (True, True), (False, False)])
def test_curves_are_sent_unless_it_was_told_not_to(waveforms: bool | None, some: bool) -> None:
    device = Told(DeviceConfig(version=1, waveforms=waveforms))
    said([device], 5.0)
    assert (device.chunks > 0, len(device.said)) == (some, 5)
