"""Chromium, for the tests of the page only; apt installs it on the machine when we are root and it is missing."""

import shutil
from pathlib import Path

from deploy.parts import debian
from deploy.parts.prefix import Say

NAMES = ("chromium", "chromium-browser", "google-chrome")


def find() -> Path | None:
    """A Chromium that is there."""
    found = (shutil.which(name) for name in NAMES)
    return next((Path(path) for path in found if path), None)


def install(say: Say) -> Path:
    """Chromium, installed on the machine if it has none."""
    there = find()
    if there:
        return there
    debian.install_system(["chromium"], say)
    return Path("/usr/bin/chromium")
