"""Debian packages without touching the machine: a private apt that downloads, and dpkg-deb that unpacks.

The mirror is the machine's own: its `debian.sources` (or `sources.list`) is copied, whatever host it names. Only the Debian entries
are used, so that another vendor's broken source cannot stop us.
"""

import os
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from deploy.parts.errors import Missing, PartError
from deploy.parts.prefix import Say

SOURCES = Path("/etc/apt/sources.list.d/debian.sources")
OLD_SOURCES = Path("/etc/apt/sources.list")
MULTIARCH_DIRS = ("usr/lib/{}", "lib/{}")

_CONF = """\
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Post-Invoke;
Dir::Etc::sourcelist "{home}/sources.list";
Dir::Etc::sourceparts "{home}/sources.d";
Dir::Etc::preferencesparts "{home}/pref.d";
Dir::State::lists "{home}/lists";
Dir::Cache "{home}/cache";
APT::Sandbox::User "{user}";
Acquire::Languages "none";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
Acquire::IndexTargets::deb::DEP-11-icons-small::DefaultEnabled "false";
Acquire::IndexTargets::deb::DEP-11-icons::DefaultEnabled "false";
Acquire::Retries "3";
"""


class Apt:
    """A private apt in `home`, which the caller removes; needs no root."""

    def __init__(self, home: Path, say: Say, source_suite: str | None = None) -> None:
        """Fetch the package lists; `source_suite` adds that suite's source packages (no binary of it is ever used)."""
        self.home, self.say = home, say
        for folder in ("sources.d", "pref.d", "lists/partial", "cache/archives/partial", "debs", "tmp"):
            (home / folder).mkdir(parents=True, exist_ok=True)
        self._write_sources(source_suite)
        (home / "apt.conf").write_text(_CONF.format(home=home, user=_user_name()))
        say("reading Debian's package lists")
        self.run("-qq", "update")

    def _write_sources(self, suite: str | None) -> None:
        if SOURCES.exists():
            text = SOURCES.read_text()
            (self.home / "sources.d/base.sources").write_text(text)
            if suite:
                (self.home / "sources.d/source.sources").write_text(source_stanza(text, suite))
            return
        if not OLD_SOURCES.exists():
            raise Missing(f"neither {SOURCES} nor {OLD_SOURCES} is there: this set-up needs Debian 12")
        text = OLD_SOURCES.read_text()
        extra = source_line(text, suite) if suite else ""
        (self.home / "sources.list").write_text(text + "\n" + extra)

    def run(self, *arguments: str, cwd: Path | None = None) -> str:
        """`apt-get` with the private configuration; its output."""
        command = ["apt-get", "-c", str(self.home / "apt.conf"), *arguments]
        verb = next(word for word in arguments if not word.startswith("-"))
        return checked(command, cwd=cwd, what=f"apt-get {verb}", env={**os.environ, "TMPDIR": str(self.home / "tmp")})

    def closure(self, packages: Iterable[str]) -> list[str]:
        """`packages` and every library package they need that the machine lacks."""
        wanted = list(packages)
        libraries = [words[1] for words in self._plan(wanted) if words[1].startswith("lib") and not words[2].startswith("[")]
        return wanted + [name for name in libraries if name not in wanted and name not in {"libc6", "libc-bin"}]

    def java_closure(self, packages: Iterable[str]) -> list[str]:
        """`packages` and every Java library they need, whether the machine has it or not: their jars link to one another."""
        wanted = list(packages)
        plan = self._plan(wanted, "-oDir::State::status=/dev/null")
        return wanted + [words[1] for words in plan if words[1].endswith("-java") and words[1] not in wanted]

    def _plan(self, packages: Sequence[str], *options: str) -> list[list[str]]:
        """The words of what apt would install: `Inst NAME (VERSION ...` or `Inst NAME [OLD] (VERSION ...`."""
        plan = self.run("-s", "-y", "--no-install-recommends", "-oDebug::NoLocking=1", *options, "install", *packages)
        return [line.split() for line in plan.splitlines() if line.startswith("Inst ")]

    def unpack(self, packages: Sequence[str], into: Path) -> None:
        """Download exactly `packages` and unpack them under `into`."""
        debs = self.home / "debs"
        shutil.rmtree(debs)
        debs.mkdir()
        self.run("-qq", "download", *packages, cwd=debs)
        into.mkdir(parents=True, exist_ok=True)
        for deb in sorted(debs.glob("*.deb")):
            checked(["dpkg-deb", "-x", str(deb), str(into)], what=f"unpacking {deb.name}")

    def source(self, package: str) -> Path:
        """The upstream tarball of the source package `package`."""
        self.run("-qq", "--download-only", "--only-source", "source", package, cwd=self.home)
        return next(self.home.glob(f"{package}_*.orig.tar.*z"))


def source_stanza(deb822: str, suite: str) -> str:
    """A deb-src stanza for `suite` on the mirror of the first stanza that is not for security updates."""
    for stanza in deb822.split("\n\n"):
        lines = [line for line in stanza.splitlines() if not line.startswith("#")]
        if any(line.startswith("Suites:") and "-security" not in line for line in lines):
            changed = {"Types:": "Types: deb-src", "Suites:": f"Suites: {suite}"}
            return "\n".join(changed.get(line.split(" ")[0], line) for line in lines) + "\n"
    raise Missing(f"{SOURCES} names no Debian suite")


def source_line(one_line_sources: str, suite: str) -> str:
    """The same for the older one-line format."""
    for line in one_line_sources.splitlines():
        words = line.split()
        if words[:1] == ["deb"] and "-security" not in line and "[" not in line:
            return f"deb-src {words[1]} {suite} main\n"
    raise Missing(f"{OLD_SOURCES} names no Debian suite")


def library_path(unpacked: Path) -> str:
    """`LD_LIBRARY_PATH` for programs under `unpacked`."""
    folders = [unpacked / pattern.format(f"{os.uname().machine}-linux-gnu") for pattern in MULTIARCH_DIRS]
    present = [str(folder) for folder in folders if folder.exists()]
    inherited = os.environ.get("LD_LIBRARY_PATH")
    return ":".join(present + ([inherited] if inherited else []))


def install_system(packages: Sequence[str], say: Say) -> None:
    """Install on the machine itself, as root only; for what cannot be unpacked. Says what it does."""
    if os.geteuid() != 0:
        raise Missing(f"missing: {' '.join(packages)}; as root: apt-get install {' '.join(packages)}")
    say(f"apt-get install {' '.join(packages)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "-qq", "update"], env=environment, check=False, capture_output=True)
    checked(
        ["apt-get", "-y", "-qq", "--no-install-recommends", "install", *packages],
        what=f"apt-get install {' '.join(packages)}",
        env=environment,
    )


def checked(command: Sequence[str], *, what: str, cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
    """Run `command`; its standard output, or a `PartError` with the last lines that it wrote."""
    try:
        done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    except FileNotFoundError as missing:
        raise Missing(f"{what}: there is no {command[0]} on this machine") from missing
    if done.returncode:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
        raise PartError(f"{what} failed (exit {done.returncode}):\n{tail}")
    return done.stdout


def _user_name() -> str:
    return checked(["id", "-un"], what="id").strip()
