"""`./vigil watch [--data-dir DIR] [--ward WARD ...]`: a ward in the terminal, sorted by need; `q` quits.

In: a running Vigil's endpoints.json and its demonstration account of a role, or `--site` with `--username` (the password is asked for,
or comes in VIGIL_PASSWORD). Out: a screen that follows the live feed; where the output is no terminal, a line for each change of an alert.
"""

import argparse
import contextlib
import getpass
import json
import os
import select
import shutil
import sys
import termios
import threading
import time
import tty
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx

from vigil_client.feed import Feed
from vigil_client.screen import changed, head, line, screen
from vigil_client.session import Refused
from vigil_client.vigil import Vigil
from vigil_client.ward import Ward, by_need, told

_DRAWN_EVERY_S = 0.25


def parser() -> argparse.ArgumentParser:
    """The options."""
    options = argparse.ArgumentParser(prog="vigil watch", description="A ward in the terminal, sorted by need.")
    options.add_argument(
        "--data-dir", type=Path, default=Path(".vigil"), metavar="DIR", help="the folder of a running Vigil (default .vigil)"
    )
    options.add_argument("--role", default="nurse", help="whose demonstration account (default nurse)")
    options.add_argument("--site", help="the address of another site, instead of --data-dir")
    options.add_argument("--username", help="with --site")
    options.add_argument("--ward", action="append", default=[], help="which; more than once for several; all within reach when left out")
    options.add_argument("--once", action="store_true", help="one picture as plain lines, then end")
    return options


def account(options: argparse.Namespace) -> tuple[str, str, str, str | None]:
    """Site, user name, password, and the live feed's address where it is known. Raises SystemExit saying what is missing."""
    if options.site:
        name = options.username or input("user name: ")
        return options.site, name, os.environ.get("VIGIL_PASSWORD") or getpass.getpass("password: "), None
    try:
        ends = json.loads((options.data_dir / "endpoints.json").read_text())
    except FileNotFoundError:
        raise SystemExit(f"no Vigil runs on {options.data_dir}; start one with ./vigil up, or name a site with --site") from None
    found = next((a for a in ends["accounts"] if a["role"] == options.role), None)
    if found is None:
        raise SystemExit(f"there is no demonstration account with the role {options.role}")
    return ends["http"], found["username"], found["password"], ends["live"]


class Watch:
    """The ward as the feed has told it, kept by a thread of its own."""

    def __init__(self, feed: Feed, plain: bool) -> None:
        self.ward, self.known, self.failure = Ward(), threading.Event(), ""
        self._feed, self._plain = feed, plain
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def alive(self) -> bool:
        """Whether the feed goes on."""
        return self._thread.is_alive()

    def end(self) -> None:
        """Closes the feed."""
        self._feed.close()
        self._thread.join(5)

    def _follow(self) -> None:
        try:
            for event in self._feed:
                self.ward = told(self.ward, event)
                if self.ward.tiles:
                    self.known.set()
                if self._plain and (text := changed(event)):
                    print(text, flush=True)
        except Refused as refused:
            self.failure = str(refused)
        finally:
            self.known.set()


@contextlib.contextmanager
def keys() -> Iterator[None]:
    """Single keys as they are pressed, the cursor hidden, on a screen of its own; as it was afterwards."""
    before = termios.tcgetattr(sys.stdin)
    try:
        tty.setcbreak(sys.stdin)
        sys.stdout.write("\x1b[?1049h\x1b[?25l")
        yield
    finally:
        sys.stdout.write("\x1b[?25h\x1b[?1049l")
        sys.stdout.flush()
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def drawn(watch: Watch, title: str) -> None:
    """Until `q`."""
    with keys():
        while watch.alive():
            size = shutil.get_terminal_size()
            sys.stdout.write(screen(watch.ward, title, (size.columns, size.lines)))
            sys.stdout.flush()
            if select.select([sys.stdin], [], [], _DRAWN_EVERY_S)[0] and b"q" in os.read(sys.stdin.fileno(), 32).lower():
                return


def main(arguments: Sequence[str]) -> int:
    """0 when it was left; 1 when the site says no."""
    options = parser().parse_args(arguments)
    site, username, password, live = account(options)
    on_screen = sys.stdout.isatty() and sys.stdin.isatty() and not options.once
    try:
        with Vigil(site, username, password, live=live, code=lambda: input("code of the second factor: ")) as vigil:
            wards = options.ward or [ward.id for ward in vigil.wards()]
            watch = Watch(vigil.live(wards=wards), plain=not on_screen and not options.once)
            title = ", ".join(wards)
            _shown(watch, title, on_screen, options.once)
            watch.end()
    except (Refused, httpx.HTTPError) as error:
        print(f"vigil watch: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    if watch.failure:
        print(f"vigil watch: {watch.failure}", file=sys.stderr)
    return 1 if watch.failure else 0


def _shown(watch: Watch, title: str, on_screen: bool, once: bool) -> None:
    if on_screen:
        drawn(watch, title)
        return
    watch.known.wait(30)
    print(head(watch.ward, title))
    for tile in by_need(watch.ward):
        print(line(tile))
    sys.stdout.flush()
    while watch.alive() and not once:
        time.sleep(_DRAWN_EVERY_S)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
