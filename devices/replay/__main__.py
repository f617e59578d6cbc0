"""`python -m devices.replay`."""

import sys

from devices.replay.main import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
