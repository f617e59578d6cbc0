"""The simulator's Prometheus page: whether its devices are connected, and its account so far."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from devices.account import Account

_COUNTS = ("samples", "readings", "messages", "acked", "repeats", "resent", "denied", "connects")


class Page(Collector):
    """`connected()` -> (devices connected now, devices)."""

    def __init__(self, account: Account, connected: Callable[[], tuple[int, int]]) -> None:
        self._account, self._connected = account, connected
        self._complete = False

    def collect(self) -> list[Metric]:
        """Ready once every device has been connected at the same time; a story's outage later does not take that back."""
        up, devices = self._connected()
        self._complete = self._complete or (up == devices > 0)
        refused = CounterMetricFamily("vigil_simulator_refused", "refusal notices heard", labels=["reason"])
        for reason, count in self._account.refused.items():
            refused.add_metric([reason], count)
        return [
            GaugeMetricFamily("vigil_ready", "1 = the devices speak", value=int(self._complete)),
            GaugeMetricFamily("vigil_behind_ms", "always 0: the simulator is the source", value=0),
            GaugeMetricFamily("vigil_simulator_connected", "devices connected now", value=up),
            *(CounterMetricFamily(f"vigil_simulator_{name}", name, value=getattr(self._account, name)) for name in _COUNTS),
            refused,
        ]


def serve(port: int, account: Account, connected: Callable[[], tuple[int, int]]) -> None:
    """/metrics on 127.0.0.1."""
    registry = CollectorRegistry()
    registry.register(Page(account, connected))
    start_http_server(port, "127.0.0.1", registry)
