"""Samples that a device holds back while it cannot speak: on disk, in order, until the broker has acknowledged them.

In: a sample's JSON bytes. Out: the oldest of them, at most so many at once. Promise: what is put in is given out again, also after a
restart, until `done` says that it arrived. A line is one sample; a last line cut short by a crash is dropped.
"""

import os
from collections import deque
from pathlib import Path


class Outbox:
    """A file of JSON lines and its unsent tail in memory."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._waiting: deque[bytes] = deque(_lines(path))
        self._out = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, samples: list[bytes]) -> None:
        """Keeps the samples behind those that wait already."""
        self._waiting.extend(samples)
        with self._path.open("ab") as file:
            file.writelines(sample + b"\n" for sample in samples)

    def oldest(self, most: int) -> list[bytes]:
        """Takes out the next ones, oldest first. They stay on disk until `done`."""
        taken = [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]
        self._out += len(taken)
        return taken

    def done(self, count: int) -> None:
        """So many of those taken have arrived; the file is removed when nothing is left."""
        self._out -= count
        if self._out <= 0 and not self._waiting:
            self._path.unlink(missing_ok=True)

    def back(self, samples: list[bytes]) -> None:
        """Puts taken samples back to the front: they did not arrive. They are on disk still."""
        self._out -= len(samples)
        self._waiting.extendleft(reversed(samples))


def _lines(path: Path) -> list[bytes]:
    """Its whole lines. What is behind them is taken off the file too, or the next sample would be written onto it."""
    if not path.exists():
        return []
    *lines, cut = path.read_bytes().split(b"\n")
    if cut:
        os.truncate(path, path.stat().st_size - len(cut))
    return [line for line in lines if line]
