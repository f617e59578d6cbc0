"""Builds the page (`dashboard_api/web`) with npm and Vite when its sources changed since the last build.

Out: `dist/`, stamped with a digest of the sources; ESLint's findings on request. Promised: the packages are those of package-lock.json,
nothing newer. Two builds at once in one checkout wait for one another.
"""

import fcntl
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from deploy.home import ROOT
from deploy.parts import node
from deploy.parts.debian import checked
from deploy.parts.prefix import Say

WEB = ROOT / "dashboard_api" / "web"
NOT_SOURCES = {"node_modules", "dist", "test-results"}


def digest(web: Path) -> str:
    """SHA-256 over every source file's path and content."""
    total = hashlib.sha256()
    for file in sorted(_sources(web)):
        total.update(f"{file.relative_to(web)}\0".encode())
        total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()


def _sources(web: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(web):
        folders[:] = [name for name in folders if name not in NOT_SOURCES]
        yield from (path for path in map(Path(folder).joinpath, files) if path.name not in NOT_SOURCES and path.is_file())


def build(say: Say, web: Path = WEB) -> bool:
    """Build when stale; whether it was."""
    if not (web / "package.json").exists():
        return False
    with (web / "package.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted, stamp = digest(web), web / "dist" / ".sources"
        if stamp.exists() and stamp.read_text() == wanted:
            return False
        _build(web, say)
        stamp.write_text(wanted)
        return True


def lint(say: Say, web: Path = WEB) -> None:
    """ESLint over the sources (`build` fetched it). Raises PartError with its findings."""
    tools = node.install(say)
    checked([*tools.npm, "run", "--silent", "lint"], what="eslint", cwd=web, env=_environment(tools))


def _environment(tools: node.Node) -> dict[str, str]:
    return {**os.environ, "PATH": f"{tools.path}:{os.environ['PATH']}"}


def _build(web: Path, say: Say) -> None:
    tools = node.install(say)
    environment = _environment(tools)
    lock_digest = hashlib.sha256((web / "package-lock.json").read_bytes()).hexdigest()
    stamp = web / "node_modules" / ".vigil-lock"
    if not stamp.exists() or stamp.read_text() != lock_digest:
        say("fetching the page's packages")
        arguments = ["ci", "--no-audit", "--no-fund", "--loglevel", "error"]
        checked([*tools.npm, *arguments], what="npm ci", cwd=web, env=environment)
        stamp.write_text(lock_digest)
    say("building the page")
    checked([*tools.npm, "run", "--silent", "build"], what="building the page", cwd=web, env=environment)
