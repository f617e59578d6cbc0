"""What a page of a checkpoint holds, as it is written: plain structs, no behaviour. What each means: `checkpoint`, and where it is from."""

import msgspec

from streams.detect.held_back import Queue
from streams.detect.newcomer import Newcomer
from streams.detect.order import Belief, Shown
from streams.detect.waiting import Row
from streams.detect.watermark import Lane, Said
from vitals.finding import Finding

Summed = tuple[int, tuple[int, int, int, float, int]]
"""A cell of the page, and a `Backlog`."""


class Device(msgspec.Struct, array_like=True):
    """From `belief` on: what `Order.saved` gives."""

    row: int
    name: str
    current: bool
    top: int
    holes: list[tuple[int, int]]
    belief: Belief = (0, 0, 0, 0)
    waiting: list[Row] = []
    step: int = 0
    shown: Shown = (0, 0, 0, 0)
    """Of before it was kept: nothing was shown."""


class Apart(msgspec.Struct):
    """Of a device of a patient with several: its row of the apart memory. elsewhere: by vital (`lapse`)."""

    device: str
    first: bool
    columns: dict[str, bytes]
    timers: dict[str, bytes]
    past: dict[str, bytes]
    backlog: list[Summed]
    elsewhere: dict[int, int]


class Joint(msgspec.Struct):
    """Of a patient (their place in the page) with several devices: their rows of the joint and the apart memory, and their lane."""

    patient: int
    columns: dict[str, bytes]
    timers: dict[str, bytes]
    backlog: list[Summed]
    lane: Lane
    said: dict[int, dict[str, Said]]
    apart: list[Apart] = []
    """Empty in a layout of before."""


class ToldOf(msgspec.Struct, array_like=True):
    """Of a patient (their place in the page): ids under which conditions were told, by their own; what was told and does not come out."""

    patient: int
    names: dict[str, str]
    doubted: list[Finding]


class Page(msgspec.Struct):
    layout: str
    included: int
    patients: list[str]
    columns: dict[str, bytes]
    timers: dict[str, bytes]
    past: dict[str, bytes]
    devices: list[Device]
    device_columns: dict[str, bytes]
    backlog: list[Summed]
    combinations: list[str] = []
    """By channel; those of the version before did not say."""
    joint: list[Joint] = []
    held_back: list[tuple[int, Queue]] = []
    """By the patient's place in the page."""
    told: list[ToldOf] = []
    newcomers: list[tuple[int, dict[str, Newcomer]]] = []
    """By the patient's place in the page."""
