"""Grafana's dashboards, as tables of panels: `python -m deploy.grafana_dashboards` writes deploy/grafana/dashboards/*.json.

In: the tables below. Out: the JSON that Grafana's file provisioning and its HTTP API take. Promise: the files are what this module makes
(a test compares them), every SQL statement runs on the schema as it is (a test runs each), and no panel shows who a patient is: ids are
pseudonyms.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

FOLDER = Path(__file__).parent / "grafana" / "dashboards"
DATABASE = {"type": "grafana-postgresql-datasource", "uid": "vigil-database"}
METRICS = {"type": "prometheus", "uid": "vigil-metrics"}
WIDTH = 24

Kind = Literal["timeseries", "table", "stat", "barchart"]


@dataclass(frozen=True, slots=True)
class Panel:
    """`query`: SQL where `sql`, else PromQL; a timeseries of SQL gives time, metric, value. `width` of 24; `unit` as Grafana calls it."""

    title: str
    query: str
    kind: Kind = "timeseries"
    width: int = 12
    height: int = 8
    unit: str = "short"
    sql: bool = True
    help: str = ""


@dataclass(frozen=True, slots=True)
class Variable:
    """A choice at the top, filled by `sql`."""

    name: str
    label: str
    sql: str
    several: bool = False


@dataclass(frozen=True, slots=True)
class Dashboard:
    """`file` without .json; `since` Grafana's "now-6h"."""

    file: str
    title: str
    since: str
    panels: Sequence[Panel]
    variables: Sequence[Variable] = ()


_HISTORY = """SELECT bucket AS "time", v.name AS metric, {value} AS value FROM telemetry.{table} r JOIN telemetry.vital v ON v.no = r.vital
WHERE r.patient_no = (SELECT no FROM clinical.patient WHERE id = '$patient') AND v.name IN ($vital) AND $__timeFilter(bucket)
    AND $__timeTo()::timestamptz - $__timeFrom()::timestamptz {when} interval '2 days'"""


def _history(value: str) -> str:
    """Minutes up to two days, hours beyond: at most 2,880 points a series."""
    parts = (_HISTORY.format(value=value, table="rollup_1m", when="<="), _HISTORY.format(value=value, table="rollup_1h", when=">"))
    return "\nUNION ALL\n".join(parts) + "\nORDER BY 1"


_DELAY = """SELECT $__timeGroup(raised_at, '1h') AS "time", '{word}' AS metric,
    percentile_cont({share}) WITHIN GROUP (ORDER BY (until - since) / 1000.0) AS value
FROM (
    SELECT raised_at, (body->'delays'->>'{until}')::bigint AS until, (body->'delays'->>'{since}')::bigint AS since
    FROM alerting.alert WHERE $__timeFilter(raised_at) AND NOT retrospective
) AS delays WHERE until IS NOT NULL AND since IS NOT NULL
GROUP BY 1 ORDER BY 1"""

PATIENT = Dashboard(
    file="patient",
    title="Vigil: a patient's vitals",
    since="now-24h",
    variables=(
        Variable("patient", "Patient", "SELECT id FROM clinical.patient WHERE discharged_at IS NULL ORDER BY id"),
        Variable("vital", "Vitals", "SELECT name FROM telemetry.vital ORDER BY no", several=True),
    ),
    panels=(
        Panel("Mean of each minute, or hour", _history("total / nullif(n, 0)"), width=24, height=10),
        Panel("Lowest", _history("low")),
        Panel("Highest", _history("high")),
        Panel("Readings with a value", _history("n::float8"), help="Falls when a probe is off or a device is silent."),
        Panel(
            "Alerts",
            """SELECT started_at AS "time", priority, state, rule, body->>'title' AS title, ended_at FROM alerting.alert
WHERE patient = '$patient' AND $__timeFilter(started_at) ORDER BY started_at DESC LIMIT 200""",
            kind="table",
        ),
    ),
)

FLOW = Dashboard(
    file="flow",
    title="Vigil: what came in, what was refused, what was raised",
    since="now-6h",
    panels=(
        Panel(
            "Readings stored, each minute",
            """SELECT bucket AS "time", 'readings' AS metric, sum(n)::float8 AS value FROM telemetry.rollup_1m
WHERE $__timeFilter(bucket) GROUP BY 1 ORDER BY 1""",
        ),
        Panel(
            "Refused, by reason, each five minutes",
            """SELECT $__timeGroup(last_at, '5m') AS "time", reason AS metric, sum(times)::float8 AS value FROM telemetry.refusal
WHERE $__timeFilter(last_at) GROUP BY 1, 2 ORDER BY 1""",
        ),
        Panel(
            "Alerts raised, by priority, each hour",
            """SELECT $__timeGroup(raised_at, '1h') AS "time", priority AS metric, count(*)::float8 AS value FROM alerting.alert
WHERE $__timeFilter(raised_at) GROUP BY 1, 2 ORDER BY 1""",
        ),
        Panel("Gateway to raised, 95th percentile", _DELAY.format(word="p95", share=0.95, since="received", until="raised"), unit="s"),
        Panel("Raised to acknowledged, median", _DELAY.format(word="median", share=0.5, since="raised", until="acknowledged"), unit="s"),
        Panel(
            "Most refused devices",
            """SELECT coalesce(device, 'unknown') AS device, reason, sum(times)::bigint AS times, max(last_at) AS last
FROM telemetry.refusal WHERE $__timeFilter(last_at) GROUP BY 1, 2 ORDER BY 3 DESC LIMIT 50""",
            kind="table",
        ),
        Panel(
            "Devices by their link",
            "SELECT state, count(*) AS devices FROM telemetry.link GROUP BY 1 ORDER BY 1",
            kind="table",
            width=6,
        ),
        Panel(
            "Silent for more than ten minutes",
            """SELECT l.device, l.state, l.battery, l.buffered, l.at FROM telemetry.link l JOIN clinical.device d ON d.id = l.device
WHERE d.revoked_at IS NULL AND l.at < now() - interval '10 minutes' ORDER BY l.at LIMIT 50""",
            kind="table",
            width=18,
        ),
    ),
)


def _prometheus(title: str, query: str, unit: str = "short", width: int = 12, kind: Kind = "timeseries") -> Panel:
    return Panel(title, query, kind=kind, unit=unit, width=width, sql=False)


ENGINE = Dashboard(
    file="engine",
    title="Vigil: the machinery",
    since="now-1h",
    panels=(
        _prometheus("Ready", "min by (job) (vigil_ready)", kind="stat", width=24),
        _prometheus("Behind", "max by (job) (vigil_behind_ms)", "ms"),
        _prometheus("Samples made durable by the gateways", "sum(rate(vigil_ingest_samples_total[1m]))", "ops"),
        _prometheus("Readings folded in by detection", "sum(rate(vigil_detect_readings_total[1m]))", "ops"),
        _prometheus("Rows stored by the archive", "sum by (topic) (rate(vigil_archive_rows_total[1m]))", "ops"),
        _prometheus(
            "Refused, by reason", 'sum by (reason) (rate({__name__=~"vigil_ingest_refused_total|vigil_archive_refused_total"}[5m]))'
        ),
        _prometheus(
            "The archive's transactions, 99th percentile",
            "histogram_quantile(0.99, sum by (le, topic) (rate(vigil_archive_store_seconds_bucket[5m])))",
            "s",
        ),
        _prometheus("Parts that were away", "sum by (topic) (increase(vigil_archive_retries_total[5m]))"),
        _prometheus("Holes in what Kafka handed out", 'sum(increase({__name__=~"vigil_archive_gaps_total|vigil_detect_gaps_total"}[1h]))'),
        _prometheus("Alerts raised within", "histogram_quantile(0.99, sum by (le) (rate(vigil_alert_raised_seconds_bucket[5m])))", "s"),
        _prometheus("Pages, by outcome", "sum by (channel, outcome) (increase(vigil_pages_total[1h]))"),
        _prometheus("HTTP answers", "sum by (status) (rate(vigil_http_requests_total[1m]))", "ops"),
        _prometheus("Dashboards connected", "sum(vigil_live_connections)"),
    ),
)

ALL = (PATIENT, FLOW, ENGINE)


def places(panels: Sequence[Panel]) -> list[dict[str, int]]:
    """Grafana's grid: from left to right, a new row when the next does not fit."""
    found: list[dict[str, int]] = []
    x = y = row = 0
    for panel in panels:
        if x + panel.width > WIDTH:
            x, y, row = 0, y + row, 0
        found.append({"x": x, "y": y, "w": panel.width, "h": panel.height})
        x, row = x + panel.width, max(row, panel.height)
    return found


def panel_json(number: int, panel: Panel, place: dict[str, int]) -> dict[str, Any]:
    """One panel in Grafana's schema."""
    target: dict[str, Any] = {"refId": "A"}
    if panel.sql:
        form = "time_series" if panel.kind == "timeseries" else "table"
        target |= {"datasource": DATABASE, "format": form, "rawQuery": True, "editorMode": "code", "rawSql": panel.query}
    else:
        target |= {"datasource": METRICS, "expr": panel.query, "editorMode": "code", "range": True}
    return {
        "id": number,
        "title": panel.title,
        "description": panel.help,
        "type": panel.kind,
        "gridPos": place,
        "datasource": target["datasource"],
        "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
        "options": {},
        "targets": [target],
    }


def variable_json(variable: Variable) -> dict[str, Any]:
    """A query variable in Grafana's schema; several values are quoted and joined by commas."""
    return {
        "name": variable.name,
        "label": variable.label,
        "type": "query",
        "datasource": DATABASE,
        "query": variable.sql,
        "definition": variable.sql,
        "refresh": 1,
        "multi": variable.several,
        "includeAll": variable.several,
        "sort": 0,
    }


def dashboard_json(dashboard: Dashboard) -> dict[str, Any]:
    """The whole dashboard."""
    pairs = zip(dashboard.panels, places(dashboard.panels), strict=True)
    return {
        "uid": f"vigil-{dashboard.file}",
        "title": dashboard.title,
        "tags": ["vigil"],
        "schemaVersion": 39,
        "editable": False,
        "timezone": "browser",
        "refresh": "30s",
        "time": {"from": dashboard.since, "to": "now"},
        "templating": {"list": [variable_json(v) for v in dashboard.variables]},
        "panels": [panel_json(number, panel, place) for number, (panel, place) in enumerate(pairs, 1)],
    }


def text(dashboard: Dashboard) -> str:
    """What its file holds."""
    return json.dumps(dashboard_json(dashboard), indent=2, ensure_ascii=False) + "\n"


def write() -> None:
    """Writes every file."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for dashboard in ALL:
        (FOLDER / f"{dashboard.file}.json").write_text(text(dashboard), encoding="utf-8")
        print(f"{dashboard.file}.json: {len(dashboard.panels)} panels")


if __name__ == "__main__":
    write()
