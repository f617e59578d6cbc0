"""A thread of the worker that ends by itself takes the process with it: the supervisor starts it again, and nobody calls it ready."""

import contextlib
import threading
from collections.abc import Callable

import pytest

from alerts.alerts_main import ending


def fails() -> None:
    raise LookupError("not foreseen")


def returns() -> None:
    return


@pytest.mark.parametrize("work", [fails, returns])
def test_the_end_of_a_thread_however_it_came_stops_the_worker(work: Callable[[], None]) -> None:
    stop = threading.Event()
    with contextlib.suppress(LookupError):
        ending(stop, work)()
    assert stop.is_set()
