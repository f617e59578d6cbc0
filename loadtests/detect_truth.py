"""What there is to find in the readings of `detect_ward`: every excursion beyond limits, by the plain pass, reading by reading.

In: how many patients and seconds. Out: `Truth`. Only vitals that are ever beyond a first limit are walked through: the others have none.
"""

from dataclasses import dataclass

import numpy as np

from loadtests.detect_ward import COLUMNS, NAMES, moment, seconds
from loadtests.plain_limits import Excursion as Plain
from vitals.rules import default

Excursion = tuple[str, str, int]
"""Patient, vital, ms at which it began."""


@dataclass(frozen=True, slots=True)
class Truth:
    """readings: in all. over: the excursions that became a condition. open: those that time alone may still make one."""

    readings: int
    over: frozenset[Excursion]
    open: frozenset[Excursion]


def offline(patients: int, steps: int) -> Truth:
    """All of them."""
    values = np.stack([second[:, COLUMNS] for second in seconds(patients, steps)])
    over: set[Excursion] = set()
    still: set[Excursion] = set()
    for column, name in enumerate(NAMES):
        rule = default().limits[name]
        low, high = (rule.low or (-np.inf,))[0], (rule.high or (np.inf,))[0]
        readings = values[:, :, column]
        for patient in np.flatnonzero(((readings < low) | (readings > high)).any(axis=0)).tolist():
            plain = Plain(rule)
            for second in np.flatnonzero(~np.isnan(readings[:, patient])).tolist():
                plain.reads(int(moment(second, patient)), float(readings[second, patient]))
            over |= {(f"P{patient:05d}", name, since) for phase, since in plain.told if phase == "start"}
            if plain.open_since is not None:
                still.add((f"P{patient:05d}", name, plain.open_since))
    return Truth(int((values == values).sum()), frozenset(over), frozenset(still))
