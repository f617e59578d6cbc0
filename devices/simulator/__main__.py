"""`python -m devices.simulator`."""

import os
import sys

from devices.simulator.main import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
