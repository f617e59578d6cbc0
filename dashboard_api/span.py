"""Which resolution answers a question about a span of time. Pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Literal

Resolution = Literal["raw", "1m", "5m", "1h"]
MOST_POINTS = 5000
BUCKETS: Mapping[Resolution, timedelta] = MappingProxyType(
    {"raw": timedelta(seconds=1), "1m": timedelta(minutes=1), "5m": timedelta(minutes=5), "1h": timedelta(hours=1)}
)
"""Length of a bucket; raw readings are taken to be one a second, as a monitor sends them."""


def resolution_for(since: datetime, to: datetime) -> Resolution:
    """The finest whose points over this span fit an answer; 1h when none does."""
    return next((name for name, step in BUCKETS.items() if (to - since) / step <= MOST_POINTS), "1h")


def coarser(resolution: Resolution) -> Resolution:
    """The next one; 1h is the last."""
    names = list(BUCKETS)
    return names[min(names.index(resolution) + 1, len(names) - 1)]
