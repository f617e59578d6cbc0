"""Which lines of some files run, while it is looked: in the first `MOST_CALLS` calls of each function, for looking is slow.

In: the files. Out: (name, line) of what ran in functions; what runs at a module's top is left out.
"""

import sys
from collections import Counter
from collections.abc import Mapping
from types import CodeType, FrameType
from typing import Any

MOST_CALLS = 500
Lines = set[tuple[str, int]]


class Traced:
    """What runs of the files of `paths` (file -> the name by which it is told) while it is on."""

    def __init__(self, paths: Mapping[str, str]) -> None:
        self.lines: Lines = set()
        self._paths = paths
        self._calls: Counter[CodeType] = Counter()

    def __enter__(self) -> "Traced":
        sys.settrace(self._call)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)

    def _call(self, frame: FrameType, event: str, arg: object) -> Any:
        code = frame.f_code
        path = self._paths.get(code.co_filename)
        if path is None or code.co_name == "<module>":
            return None
        self._calls[code] += 1
        if self._calls[code] > MOST_CALLS:
            return None
        add = self.lines.add

        def line(frame: FrameType, event: str, arg: object) -> Any:
            add((path, frame.f_lineno))
            return line

        return line
