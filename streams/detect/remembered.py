"""The columns of a partition's memory: of its patients, their vitals, their last half hour, what is set for them, their devices.

Numbers only; what they mean is said here, what becomes of them by `memory` and the detectors.
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from streams.detect.channels import W
from streams.detect.tables import kept
from vitals.registry import V

type_f64 = npt.NDArray[np.float64]
type_f16 = npt.NDArray[np.float16]
type_f32 = npt.NDArray[np.float32]
type_i64 = npt.NDArray[np.int64]
type_u8 = npt.NDArray[np.uint8]

NEVER = 1 << 60
SLOTS, RING = 8, 32
"""Samples that are kept of a minute, and minutes that are kept of a course: 160 bytes a patient and vital."""


@dataclass(slots=True, eq=False)
class Cells:
    """Of each patient and vital, flat (rows * V,): the newest good reading, its pace, the patient's own baseline, NEWS2's points.

    value: NaN = never read. at: ms, 0 = never. gap: mean ms between readings, 0 = unknown. mean, variance, n: the baseline.
    part: the cell of the NEWS2 chart that the value falls into (any change of it is a reason to score again). busy: channels' bits.
    """

    value: type_f64 = field(metadata=kept(np.float64, V, np.nan))
    at: type_i64 = field(metadata=kept(np.int64, V))
    gap: type_f32 = field(metadata=kept(np.float32, V))
    mean: type_f64 = field(metadata=kept(np.float64, V))
    variance: type_f64 = field(metadata=kept(np.float64, V))
    n: type_f32 = field(metadata=kept(np.float32, V))
    part: type_u8 = field(metadata=kept(np.uint8, V))
    busy: type_u8 = field(metadata=kept(np.uint8, V))


@dataclass(slots=True, eq=False)
class Rows:
    """Of each patient, (rows,). Times in ms.

    at: newest observed_at. received_at: of the newest sample. score_until: when an input of the last NEWS2 goes stale.
    score_changed: 0 no, 1 a value, 2 points. score_sent: when it was last told. history_at: when history last came in, 0 = none.
    minute: the number of the minute that runs. looked: the minute in which the courses were last looked at.
    """

    at: type_i64 = field(metadata=kept(np.int64))
    received_at: type_i64 = field(metadata=kept(np.int64))
    score_until: type_i64 = field(metadata=kept(np.int64))
    score_changed: type_u8 = field(metadata=kept(np.uint8))
    score_sent: type_i64 = field(metadata=kept(np.int64))
    history_at: type_i64 = field(metadata=kept(np.int64))
    minute: type_i64 = field(metadata=kept(np.int64))
    looked: type_i64 = field(metadata=kept(np.int64))


@dataclass(slots=True, eq=False)
class Courses:
    """Of each patient and each of the first `W` vitals, (rows * W * width,): its last half hour, and what is usual by day and by night.

    samples: of the minute that runs, NaN = none. minutes: the medians of the minutes, at the minute's number modulo `RING`.
    same_since: ms, since when the reading has not changed. doubted: ms, since when a jump is not believed.
    median, mad, known: by day, by night; minutes known of each. up, down: the two sums of the drift, in deviations.
    refused: the newest value that a poor signal gave.
    """

    samples: type_f16 = field(metadata=kept(np.float16, W * SLOTS, np.nan))
    minutes: type_f16 = field(metadata=kept(np.float16, W * RING, np.nan))
    same_since: type_i64 = field(metadata=kept(np.int64, W))
    doubted: type_i64 = field(metadata=kept(np.int64, W))
    median: type_f32 = field(metadata=kept(np.float32, 2 * W))
    mad: type_f32 = field(metadata=kept(np.float32, 2 * W))
    known: type_f32 = field(metadata=kept(np.float32, 2 * W))
    up: type_f32 = field(metadata=kept(np.float32, W))
    down: type_f32 = field(metadata=kept(np.float32, W))
    refused: type_f32 = field(metadata=kept(np.float32, W, np.nan))


@dataclass(slots=True, eq=False)
class Settings:
    """Of each patient, from its context and the rules; not part of a checkpoint. bounds (rows * V,) each.

    dirty: changed since the last checkpoint. joint: the row in the joint memory (`streams.detect.joint`), -1 = none. devices: how many the
    patient has had. whole: of an apart memory's row, the patient's row in the memory that it is beside (`streams.detect.apart`).
    common: of a joint memory's row, the vitals that several devices measure.
    """

    low1: type_f64 = field(metadata=kept(np.float64, V, -np.inf))
    low2: type_f64 = field(metadata=kept(np.float64, V, -np.inf))
    high1: type_f64 = field(metadata=kept(np.float64, V, np.inf))
    high2: type_f64 = field(metadata=kept(np.float64, V, np.inf))
    scale: type_u8 = field(metadata=kept(np.uint8, 1, 1))
    scored: type_u8 = field(metadata=kept(np.uint8, 1, 1))
    active: type_u8 = field(metadata=kept(np.uint8, 1, 1))
    expires: type_i64 = field(metadata=kept(np.int64, 1, NEVER))
    dirty: type_u8 = field(metadata=kept(np.uint8))
    joint: type_i64 = field(metadata=kept(np.int64, 1, -1))
    devices: type_i64 = field(metadata=kept(np.int64))
    whole: type_i64 = field(metadata=kept(np.int64, 1, -1))
    common: type_u8 = field(metadata=kept(np.uint8, V))


@dataclass(slots=True, eq=False)
class Devices:
    """Of each (patient, device) pair, (slots,). heard: newest received_at, at: newest observed_at, pause: mean ms between samples.
    step: ms between the newest two.

    row: the patient's row. n: samples so far. silent, flat: when the announced silence, the announced low battery began, 0 = none.
    offline: since when the link topic says so, 0 = online. current: the device is on this patient now.
    outage: the outage that it is part of (`streams.detect.outage`), 0 = none.
    """

    row: type_i64 = field(metadata=kept(np.int64))
    heard: type_i64 = field(metadata=kept(np.int64))
    at: type_i64 = field(metadata=kept(np.int64))
    pause: type_f64 = field(metadata=kept(np.float64))
    step: type_i64 = field(metadata=kept(np.int64))
    n: type_i64 = field(metadata=kept(np.int64))
    silent: type_i64 = field(metadata=kept(np.int64))
    flat: type_i64 = field(metadata=kept(np.int64))
    offline: type_i64 = field(metadata=kept(np.int64))
    current: type_u8 = field(metadata=kept(np.uint8))
    outage: type_i64 = field(metadata=kept(np.int64))
