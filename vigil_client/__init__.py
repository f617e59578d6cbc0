"""Vigil's HTTP API and live feed from Python: typed, blocking, with its own sessions.

with Vigil("https://vigil.example", "nurse", "...") as vigil:
    for alert in vigil.alerts(state="open"):
        print(alert.title)
    for event in vigil.live(wards=["north"]):
        ...
"""

from vigil_client.feed import Feed
from vigil_client.session import Refused
from vigil_client.vigil import Vigil

__all__ = ["Feed", "Refused", "Vigil"]
