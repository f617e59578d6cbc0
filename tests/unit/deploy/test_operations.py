"""What docs/operations.md says of the running system is so."""

import re
import subprocess
import sys

import pytest

from deploy import grafana_dashboards
from deploy.home import ROOT

# module -> what makes its registry; none: the module itself, in the library's own
SERVED = {
    "alerts.metrics": "",
    "alerts.canary_main": "",
    "streams.detect.metrics": "",
    "streams.archive.metrics": "Metrics",
    "ingest.meter": "Meter",
    "dashboard_api.metrics": "Metrics",
    "dashboard_api.live.measure": "Measures",
}
SHOW = """
import importlib, sys, prometheus_client as library
module = importlib.import_module(sys.argv[1])
registry = getattr(module, sys.argv[2])().registry if sys.argv[2] else getattr(module, "REGISTRY", library.REGISTRY)
print(library.generate_latest(registry).decode())
"""


@pytest.fixture(scope="module")
def served() -> set[str]:
    """The names under which metrics are scraped; a process each, for some of them share a name."""
    processes = [
        subprocess.Popen([sys.executable, "-c", SHOW, module, maker], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for module, maker in SERVED.items()
    ]
    return {name for process in processes for name in re.findall(r"^# TYPE (\w+) ", process.communicate()[0], re.MULTILINE)}


@pytest.mark.slow
def test_every_sign_of_trouble_is_a_metric_that_a_process_serves(served: set[str]) -> None:
    signs = (ROOT / "docs/operations.md").read_text().partition("| Sign |")[2]
    assert sorted(set(re.findall(r"`(vigil_\w+)", signs)) - served) == []


def test_every_metric_on_a_dashboard_is_one_that_a_process_serves(served: set[str]) -> None:
    asked = " ".join(panel.query for dashboard in grafana_dashboards.ALL for panel in dashboard.panels if not panel.sql)
    assert {re.sub("_bucket$", "", name) for name in re.findall(r"vigil_\w+", asked)} - served == set()
