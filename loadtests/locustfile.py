"""For `locust -f loadtests/locustfile.py` itself, with its own page: the same users on the Vigil of VIGIL_LOAD_DIR (default .vigil).

`./vigil load` is the other way in: it needs no browser and judges the run by the objectives.
"""

import os
from pathlib import Path

from loadtests.load import prepared
from loadtests.users import DashboardUser, DeviceUser, ReaderUser

__all__ = ["DashboardUser", "DeviceUser", "ReaderUser"]

prepared(Path(os.environ.get("VIGIL_LOAD_DIR", ".vigil")), int(os.environ.get("VIGIL_LOAD_DEVICES", "50")))
