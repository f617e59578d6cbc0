"""`./vigil database`: our own PostgreSQL alone, with an empty database where there is none, for a backup to be restored into.

`up` would migrate it first, and a backup wants an empty one. In: a data folder. Out: the database's address on stdout. Promised: nothing is
migrated; Ctrl-C and SIGTERM wait for the server's end, and it ends however else this process does.
"""

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from deploy.home import DEFAULT, Home
from deploy.parts import postgres, running
from deploy.parts.errors import PartError
from deploy.site import DATABASE


def main(words: Sequence[str]) -> int:
    """Until Ctrl-C; 1 when it cannot be started, with the reason on stderr."""
    parser = argparse.ArgumentParser(prog="vigil database", description="Our own PostgreSQL alone, to restore a backup into.")
    parser.add_argument("--data-dir", type=Path, default=DEFAULT, metavar="DIR", help="the folder of this Vigil (default .vigil)")
    try:
        _serve(Home(parser.parse_args(words).data_dir.resolve()))
    except PartError as failed:
        print(f"vigil: {failed}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


def _serve(home: Home) -> None:
    home.make()
    port, password = running.free_port(), home.database_password()
    server = postgres.start(home.path / "postgres", port, password, lambda text: print(text, file=sys.stderr), home.logs)
    try:
        postgres.ensure_database(postgres.url(port, password), DATABASE)
        print(postgres.url(port, password, DATABASE), flush=True)
        server.process.wait()
    finally:
        server.stop()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main(sys.argv[1:]))
