"""`./vigil load`: makes the process one of greenlets, as locust's users need it, and hands over to `loadtests.load`."""

import sys

from gevent import monkey

monkey.patch_all()

from loadtests.load import main  # noqa: E402 - after the patch: whatever opens a socket or starts a thread must be imported later

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
