"""What a simulated ward needs of a device, on a connection of its own (`devices.device`) or behind a hub (`devices.hub`)."""

from typing import Protocol

from vitals.device_config import DeviceConfig


class Voice(Protocol):
    """`away` cuts it off and keeps it off; `battery` is what its status says; `config` what it was told to do."""

    battery: float
    config: DeviceConfig

    @property
    def away(self) -> bool:
        """Whether it is cut off."""

    @away.setter
    def away(self, cut_off: bool) -> None: ...

    @property
    def up(self) -> bool:
        """Whether what it says can get out."""

    @property
    def waiting(self) -> int:
        """Samples that it holds back."""

    @property
    def unsettled(self) -> int:
        """Samples and messages that the broker has not acknowledged."""

    def next_seq(self) -> int:
        """A sample number that this device never used."""

    def say(self, seq: int, readings: int, sample: bytes, twice: bool = False) -> None:
        """A new sample of so many readings; `twice`: says it again."""

    def stream(self, chunk: bytes) -> None:
        """A chunk of a curve: said now, or never."""

    def status(self) -> None:
        """State, battery, how much is buffered."""

    async def live(self) -> None:
        """Keeps connected, and sends what waits, until cancelled."""

    async def leave(self) -> None:
        """Says goodbye."""
