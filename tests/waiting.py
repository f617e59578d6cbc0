"""Waiting for a condition with a deadline: what tests do instead of sleeping."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PAUSE_S, LONGEST_PAUSE_S, SHARE = 0.02, 0.5, 2.0
"""Between two looks: so many times as long as a look took, for what is waited for runs on the same two cores."""


def wait_for(condition: Callable[[], T], deadline_s: float = 30.0, what: str = "") -> T:
    """The first truthy value of `condition()`; an AssertionError that says `what` was waited for, at the deadline.

    The last falsy value is shown too. Exceptions of `condition` pass through.
    """
    until = time.monotonic() + deadline_s
    while True:
        began = time.monotonic()
        value = condition()
        if value:
            return value
        if time.monotonic() > until:
            raise AssertionError(f"waited {deadline_s:g} s for {what or condition}; last: {value!r}")
        time.sleep(min(max(PAUSE_S, SHARE * (time.monotonic() - began)), LONGEST_PAUSE_S))


async def until(condition: Callable[[], T], deadline_s: float = 30.0, what: str = "") -> T:
    """`wait_for` in a coroutine: what else runs in the loop goes on."""
    end = time.monotonic() + deadline_s
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"waited {deadline_s:g} s for {what or condition}; last: {value!r}")
        await asyncio.sleep(PAUSE_S)
    return value
