"""Grafana's dashboards: every panel's SQL on the real schema under the account it gets, and the HTTP API's documented shapes."""

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import psycopg
import pytest

from deploy import grafana_dashboards, grafana_push
from deploy.grafana_dashboards import ALL, FOLDER, Panel

SQL_PANELS = [panel for dashboard in ALL for panel in dashboard.panels if panel.sql]
VARIABLES = [variable for dashboard in ALL for variable in dashboard.variables]
SINCE, UNTIL = "'2026-11-20T00:00:00Z'", "'2026-11-21T00:00:00Z'"
SETTING = """
INSERT INTO clinical.ward (id, name) VALUES ('north', 'North');
INSERT INTO clinical.patient (id, ward) VALUES ('p1', 'north');
INSERT INTO telemetry.rollup_1m VALUES (1, 0, '2026-11-20T10:00Z', 60, 60, 80, 4200, 70, '2026-11-20T10:00:59Z');
INSERT INTO telemetry.rollup_1h VALUES (1, 0, '2026-11-20T10:00Z', 60, 60, 80, 4200, 70, '2026-11-20T10:00:59Z');
INSERT INTO telemetry.link VALUES ('d1', 'online', 0.5, 0, '2026-11-20T10:00Z');
"""


def filled(sql: str) -> str:
    """The statement as Grafana sends it, its macros and variables filled in (PostgreSQL data source, TimescaleDB on)."""
    macros = (
        (r"\$__timeFilter\((\w+)\)", rf"\1 BETWEEN {SINCE} AND {UNTIL}"),
        (r"\$__timeGroup\((\w+), '(\w+)'\)", r"time_bucket('\2', \1)"),
        (r"\$__timeFrom\(\)", SINCE),
        (r"\$__timeTo\(\)", UNTIL),
        (r"\$patient", "p1"),
        (r"\$vital", "'hr','spo2'"),
    )
    for macro, text in macros:
        sql = re.sub(macro, text, sql)
    return sql.replace("'1h'", "'1 hour'").replace("'5m'", "'5 minutes'")


@pytest.fixture(scope="module")
def reader(module_database: str) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """A connection as the dashboards' account."""
    with psycopg.connect(module_database, autocommit=True) as connection:
        connection.execute(SETTING.encode())
        connection.execute((FOLDER.parent / "reader.sql").read_bytes())
        connection.execute("SET ROLE vigil_grafana")
        yield connection


@pytest.mark.parametrize("panel", SQL_PANELS, ids=lambda panel: panel.title)
def test_every_panel_s_sql_runs_and_gives_the_columns_that_grafana_wants(reader: psycopg.Connection[tuple[Any, ...]], panel: Panel) -> None:
    columns = [column.name for column in reader.execute(filled(panel.query).encode()).description or ()]
    assert columns == ["time", "metric", "value"] if panel.kind == "timeseries" else len(columns) >= 2


def test_a_patient_s_minutes_are_shown(reader: psycopg.Connection[tuple[Any, ...]]) -> None:
    rows = reader.execute(filled(grafana_dashboards.PATIENT.panels[0].query).encode()).fetchall()
    assert [row[1:] for row in rows] == [("hr", 70.0)]


@pytest.mark.parametrize("variable", VARIABLES, ids=lambda variable: variable.name)
def test_every_choice_has_something_to_choose(reader: psycopg.Connection[tuple[Any, ...]], variable: grafana_dashboards.Variable) -> None:
    assert reader.execute(variable.sql.encode()).fetchone() is not None


@pytest.mark.parametrize("table", ["identity.person", "access.account", "access.audit", "telemetry.refusal"])
def test_the_dashboards_account_sees_no_names_accounts_audit_or_payloads(reader: psycopg.Connection[tuple[Any, ...]], table: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        reader.execute(f"SELECT * FROM {table}".encode())  # noqa: S608 - the names above


@pytest.mark.parametrize("dashboard", ALL, ids=lambda dashboard: dashboard.file)
def test_the_files_are_what_the_tables_say(dashboard: grafana_dashboards.Dashboard) -> None:
    assert (FOLDER / f"{dashboard.file}.json").read_text() == grafana_dashboards.text(dashboard)


def test_panels_lie_beside_each_other_and_never_over() -> None:
    def cells(place: dict[str, int]) -> set[tuple[int, int]]:
        return {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}

    for dashboard in ALL:
        taken = [cells(place) for place in grafana_dashboards.places(dashboard.panels)]
        assert (sum(map(len, taken)), all(x < 24 for each in taken for x, _ in each)) == (len(set().union(*taken)), True)


def test_every_metric_asked_for_is_one_that_a_part_shows() -> None:
    sources = "".join(path.read_text() for room in ("ingest", "streams", "alerts", "dashboard_api") for path in Path(room).rglob("*.py"))
    shown = set(re.findall(r'"(vigil_\w+)"', sources))
    queries = " ".join(panel.query for dashboard in ALL for panel in dashboard.panels if not panel.sql)
    asked = set(re.findall(r"vigil_\w+", queries))
    assert {name for name in asked if not {name, re.sub("_(total|bucket)$", "", name)} & shown} == set()


class Grafana(BaseHTTPRequestHandler):
    """The few answers of Grafana's HTTP API that pushing needs, in the shapes of its documentation."""

    saved: list[dict[str, Any]] = []  # noqa: RUF012 - one server a test, which looks here

    def _answer(self, body: object) -> None:
        data = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self) -> None:
        self._answer([{"id": 1, "uid": "vigil-database", "name": "Vigil database"}] if self.path.startswith("/api/datasources") else [])

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path.startswith("/api/folders"):
            self._answer({"id": 1, "uid": body["uid"], "title": body["title"]})
            return
        self.saved.append(body)
        self._answer({"id": 1, "uid": body["dashboard"]["uid"], "status": "success", "version": 1, "url": "/d/x"})

    def log_message(self, *_parts: object) -> None:
        """Silent."""


def test_pushing_puts_every_dashboard_into_the_folder_and_names_what_is_absent(capsys: pytest.CaptureFixture[str]) -> None:
    server = HTTPServer(("127.0.0.1", 0), Grafana)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    Grafana.saved.clear()
    code = grafana_push.main(["--url", f"http://127.0.0.1:{server.server_port}"], {"GRAFANA_TOKEN": "t"})
    server.shutdown()
    saved = [(body["dashboard"]["uid"], body["folderUid"], body["overwrite"]) for body in Grafana.saved]
    assert (code, saved, "vigil-metrics" in capsys.readouterr().err) == (0, [(f"vigil-{d.file}", "vigil", True) for d in ALL], True)


def test_a_grafana_that_is_not_there_is_a_clear_error(capsys: pytest.CaptureFixture[str]) -> None:
    code = grafana_push.main(["--url", "http://127.0.0.1:9"], {"GRAFANA_TOKEN": "t"})
    assert (code, "http://127.0.0.1:9" in capsys.readouterr().err) == (1, True)
