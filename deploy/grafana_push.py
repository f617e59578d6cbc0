"""Puts Vigil's dashboards into a Grafana that is run by others, over its HTTP API: `python -m deploy.grafana_push --url URL` (token in
GRAFANA_TOKEN).

For one's own Grafana, mount deploy/grafana/provisioning instead. Promise: it may be run again; a dashboard is replaced by its uid,
others are left alone. Data sources are made by whoever keeps their passwords: uids `vigil-database` and `vigil-metrics`.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from grafana_client import GrafanaApi
from grafana_client.client import GrafanaException, TokenAuth

from deploy.grafana_dashboards import ALL, DATABASE, METRICS, dashboard_json

FOLDER = {"uid": "vigil", "title": "Vigil"}


def push(api: Any) -> list[str]:
    """The uids that Grafana now has. Raises GrafanaException in Grafana's words."""
    if FOLDER["uid"] not in {folder.get("uid") for folder in api.folder.get_all_folders()}:
        api.folder.create_folder(FOLDER["title"], FOLDER["uid"])
    answers = [
        api.dashboard.update_dashboard(
            {"dashboard": dashboard_json(dashboard), "folderUid": FOLDER["uid"], "overwrite": True, "message": "Vigil"}
        )
        for dashboard in ALL
    ]
    return [str(answer["uid"]) for answer in answers]


def absent_sources(api: Any) -> list[str]:
    """The data sources that the dashboards ask for and Grafana does not have."""
    known = {source.get("uid") for source in api.datasource.list_datasources()}
    return [source["uid"] for source in (DATABASE, METRICS) if source["uid"] not in known]


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """1 when Grafana does not take them."""
    parser = argparse.ArgumentParser(prog="deploy.grafana_push", description="Puts Vigil's dashboards into a Grafana.")
    parser.add_argument("--url", required=True)
    options = parser.parse_args(arguments)
    if not environ.get("GRAFANA_TOKEN"):
        print("GRAFANA_TOKEN is not set: a service account's token that may edit dashboards", file=sys.stderr)
        return 1
    api = GrafanaApi.from_url(options.url, TokenAuth(environ["GRAFANA_TOKEN"]), timeout=10.0)
    try:
        done = push(api)
        absent = absent_sources(api)
    except (GrafanaException, OSError) as error:
        print(f"Grafana at {options.url}: {error}", file=sys.stderr)
        return 1
    print("\n".join(f"dashboard {uid}" for uid in done))
    if absent:
        print(f"still to be made in Grafana: data source {', '.join(absent)}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:], os.environ))
