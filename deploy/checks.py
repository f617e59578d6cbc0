"""`./vigil test`: the cheap checks (style, types, imports), the page, the parts, then pytest with the given arguments.

Unless a place is named (or `-n`), processes run the tests side by side, each with servers of its own: three, for the slow ones wait more
than they work, two where none of those is asked for.

Promised: every check runs, and the exit code is not 0 when any failed; a failed check is said again after pytest, before its summary line
cannot be missed: pytest's line stays the last one.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from deploy import page, setup
from deploy.foreground import carried
from deploy.home import ROOT
from deploy.parts import chromium
from deploy.parts.errors import Missing, PartError
from deploy.parts.prefix import Say

BIN = Path(sys.executable).parent
LANES = ("-n", "3", "--dist", "loadscope", "--no-loadscope-reorder")  # the lanes are tests/conftest.py's, the longest first
QUICK = ("-n", "2", *LANES[2:])

CHECKS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("ruff", ("ruff", "check", "--quiet", ".")),
    ("mypy", ("mypy", "--no-error-summary")),
    ("imports", ("lint-imports", "--no-logo")),
)


def test(arguments: Sequence[str], say: Say) -> int:
    """Run all; 0 when all passed, else the first failure's exit code."""
    codes = [_check(name, command, say) for name, command in CHECKS]
    try:
        setup.parts({}, say)
    except PartError as failed:
        say(f"FAILED set-up: {failed}")
        return 1
    _bring_chromium(say)
    failed_checks = [name for (name, _), code in zip(CHECKS, codes, strict=True) if code]
    if not _page_is_clean(say):
        failed_checks.append("eslint")
        codes.append(1)
    if failed_checks:
        say(f"FAILED before the tests: {', '.join(failed_checks)}")
    sys.stdout.flush()
    pytest = [sys.executable, "-m", "pytest", *lanes(arguments), *arguments]
    codes.append(carried(lambda: subprocess.Popen(pytest, cwd=ROOT, env=_environment())))
    return next((code for code in reversed(codes) if code), 0)


def lanes(arguments: Sequence[str]) -> Sequence[str]:
    """How the tests are spread: a named place runs in one process, in its own order, with its output seen as it comes."""
    named = any("/" in argument or (ROOT / argument).exists() for argument in arguments if argument and not argument.startswith("-"))
    chosen = any(argument.startswith(("-n", "--numprocesses", "--dist", "--collect-only", "--pdb")) for argument in arguments)
    return () if named or chosen else QUICK if "not slow" in arguments else LANES


def _check(name: str, command: Sequence[str], say: Say) -> int:
    done = subprocess.run([str(BIN / command[0]), *command[1:]], cwd=ROOT, env=_environment(), capture_output=True, text=True, check=False)
    say(f"{name}: {'ok' if not done.returncode else 'FAILED'}")
    if done.returncode:
        say(done.stdout + done.stderr)
    return done.returncode


def _page_is_clean(say: Say) -> bool:
    try:
        page.lint(say)
    except PartError as failed:
        say(f"eslint: FAILED\n{failed}")
        return False
    say("eslint: ok")
    return True


def _bring_chromium(say: Say) -> None:
    try:
        chromium.install(say)
    except Missing as missing:
        say(f"the tests of the page will fail: {missing}")


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}
