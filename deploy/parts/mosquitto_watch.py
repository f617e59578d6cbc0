"""The broker's watch plugin: who asked to be let in, and who tried what is not theirs, as lines of Mosquitto's log.

Built from `mosquitto_watch.c` by the machine's own gcc, which TimescaleDB needs too, and kept by what the source says. Where there is no
gcc, and none can be installed, the broker runs without it, and `say` tells what is then missing.
"""

import hashlib
import shutil
from pathlib import Path

from deploy.parts import debian, prefix
from deploy.parts.errors import Missing
from deploy.parts.prefix import Say

SOURCE = Path(__file__).with_suffix(".c")
FLAGS = ("-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared")


def install(say: Say) -> Path | None:
    """The plugin's shared object; None without a compiler."""
    part = f"mosquitto-watch-{hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:12]}"
    try:
        return prefix.ensure(part, lambda folder: _build(folder, say)) / "watch.so"
    except Missing as missing:
        say(f"the broker runs without its watch, and publishing on another's topic is refused but not audited: {missing}")
        return None


def _build(folder: Path, say: Say) -> None:
    if not shutil.which("gcc"):
        debian.install_system(["gcc", "libc6-dev"], say)
    say("building the broker's watch")
    debian.checked(["gcc", *FLAGS, "-o", str(folder / "watch.so"), str(SOURCE)], what="building the broker's watch")
    debian.checked(["chmod", "-R", "a+rX", str(folder)], what="chmod")
