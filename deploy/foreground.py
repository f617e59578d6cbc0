"""A command that another program carries out in our foreground: what ends us must end it too, in its own way.

In: an argument vector. Promise: a signal to us is never the end of the one and not of the other.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import NoReturn


def become(argv: Sequence[str], env: Mapping[str, str]) -> NoReturn:
    """From here on this process is that program: every signal is its own. Raises OSError."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(argv[0], list(argv), dict(env))  # noqa: S606 - our own Python with words of the command line; no shell is wanted


def carried(process: "subprocess.Popen[bytes]") -> int:
    """The exit code of a child, once it has ended; SIGTERM is passed on to it. 130 after Ctrl-C, which it got too."""
    before = signal.signal(signal.SIGTERM, lambda _number, _frame: process.terminate())
    try:
        return process.wait()
    except KeyboardInterrupt:  # it is left the time to end what it has begun
        process.wait()
        return 130
    finally:
        signal.signal(signal.SIGTERM, before)
