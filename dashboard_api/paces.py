"""How fast who may go, and what wrong log-ins lock: all the numbers (docs/operations.md has them for people)."""

from collections.abc import Mapping
from datetime import timedelta

from dashboard_api.throttle import Rate

RATES: Mapping[str, Rate] = {
    "stranger": Rate(per_second=50, burst=300),
    "address": Rate(per_second=5, burst=60),
    "login": Rate(per_second=0.5, burst=15),
    "caller": Rate(per_second=200, burst=1000),
}
"""By the fields of `site.Throttles`."""

BY_ADDRESS, BY_NAME, BY_CODE = "from", "name", "code"
LOCKS: Mapping[str, int] = {BY_ADDRESS: 5, BY_NAME: 100, BY_CODE: 5}
"""How many wrong ones lock a name: passwords from one address, there alone; passwords from anywhere, everywhere; codes of the second
factor, everywhere: who says those knows the password."""
LOCKED_FOR = timedelta(minutes=5)
FORGET_AFTER = timedelta(minutes=15)
