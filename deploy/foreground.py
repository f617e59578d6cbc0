"""A command that another program carries out in our foreground: what ends us must end it too, in its own way.

In: an argument vector. Promise: a signal to us is never the end of the one and not of the other.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn


def become(argv: Sequence[str], env: Mapping[str, str]) -> NoReturn:
    """From here on this process is that program: every signal is its own. Raises OSError."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(argv[0], list(argv), dict(env))  # noqa: S606 - our own Python with words of the command line; no shell is wanted


def carried(start: "Callable[[], subprocess.Popen[bytes]]") -> int:
    """The exit code of the child that is started, once it has ended; SIGTERM is passed on to it, also one that came while it was being
    started. 130 after Ctrl-C, which it got too."""
    children, asked = list["subprocess.Popen[bytes]"](), list[int]()

    def pass_on(number: int, _frame: object) -> None:
        asked.append(number)
        for child in children:
            child.terminate()

    before = signal.signal(signal.SIGTERM, pass_on)
    try:
        children.append(start())
        if asked:
            children[0].terminate()
        return children[0].wait()
    except KeyboardInterrupt:  # it is left the time to end what it has begun
        for child in children:
            child.wait()
        return 130
    finally:
        signal.signal(signal.SIGTERM, before)
