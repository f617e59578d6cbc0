"""Where parts are kept between runs and clones, and how one gets in there whole or not at all.

A part is built in a folder beside its final place and renamed when it is done, under a lock, so that two set-ups at
once do not clash and a killed one leaves nothing that looks finished. The folder's name carries the version: a new version is
a new folder, and the old clone goes on with its own.
"""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

Say = Callable[[str], None]
Build = Callable[[Path], None]

STAMP = ".vigil-part"


def root() -> Path:
    """The folder of all parts: `VIGIL_PARTS_DIR`, else the user's cache."""
    chosen = os.environ.get("VIGIL_PARTS_DIR")
    if chosen:
        return Path(chosen).resolve()
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(cache).resolve() / "vigil" / "parts"


def installed(name: str) -> Path | None:
    """The finished part `name` (with its version in the name), if it is there."""
    place = root() / name
    return place if (place / STAMP).exists() else None


def ensure(name: str, build: Build) -> Path:
    """The finished part `name`, built by `build(folder)` when it is not there.

    `build` works in a temporary folder that is renamed afterwards: what it leaves must not hold absolute paths into itself.
    """
    there = installed(name)
    if there:
        return there
    with _locked(name):
        return installed(name) or _build(name, build)


def _build(name: str, build: Build) -> Path:
    place, making = root() / name, root() / f".making-{name}"
    shutil.rmtree(making, ignore_errors=True)
    shutil.rmtree(place, ignore_errors=True)
    making.mkdir(parents=True)
    try:
        build(making)
        (making / STAMP).write_text(name + "\n")
        making.rename(place)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return place


@contextmanager
def _locked(name: str) -> Iterator[None]:
    root().mkdir(parents=True, exist_ok=True)
    with (root() / f".{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
