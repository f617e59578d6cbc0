"""WFDB records with monitor numerics (PhysioNet): a monitor, an arterial line and a cuff, as the record has them.

In: a record's path without its ending. Out: `Row`s; zeros are sent as the monitor said them. A sample that the record marks as absent is
no row. Waveform channels are counted in `Skipped`.
"""

from collections.abc import Iterator
from datetime import UTC
from pathlib import Path
from typing import Any

import numpy as np
import wfdb

from devices.replay.recording import Row, Skipped

_SIGNALS = {
    "HR": ("monitor", "hr"), "PULSE": ("monitor", "pulse"), "RESP": ("monitor", "rr"), "SPO2": ("monitor", "spo2"),
    "ABPSYS": ("arterial", "sbp"), "ABPDIAS": ("arterial", "dbp"), "ABPMEAN": ("arterial", "map"),
    "NBPSYS": ("cuff", "sbp"), "NBPDIAS": ("cuff", "dbp"), "NBPMEAN": ("cuff", "map"),
}  # fmt: skip


def rows(path: Path, skipped: Skipped) -> Iterator[Row]:
    """Every value of every known signal."""
    record: Any = wfdb.rdrecord(str(path.with_suffix("") if path.suffix in (".hea", ".dat") else path))
    begin = record.base_datetime.replace(tzinfo=UTC).timestamp() * 1000 if record.base_datetime else 0.0
    for column, name in enumerate(record.sig_name):
        values = record.p_signal[:, column]
        present = np.flatnonzero(~np.isnan(values))
        if name.upper() not in _SIGNALS:
            skipped.reasons["not a numeric signal"] = skipped.reasons.get("not a numeric signal", 0) + len(present)
            continue
        part, vital = _SIGNALS[name.upper()]
        for i in present.tolist():
            yield Row(path.stem, part, round(begin + i / record.fs * 1000), vital, round(float(values[i]), 3))
