"""A changed rule set over stored readings, from a real TimescaleDB, through the worker's own code."""

from datetime import UTC, datetime, timedelta

import msgspec
import psycopg
import pytest

from streams.detect.timescale_history import History
from streams.rehearse_main import main, rehearsed
from vitals.registry import index
from vitals.rules import default

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def stored(database: str) -> str:
    """Two patients for six hours around midnight, once a minute; p1's heart races at 150 for ten minutes; the cuffs are dead."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("INSERT INTO clinical.ward (id, name) VALUES ('north', 'North')")
        for n in (1, 2):
            connection.execute("INSERT INTO clinical.patient (id, ward) VALUES (%s, 'north')", (f"p{n}",))
            connection.execute("INSERT INTO clinical.device (id, kind) VALUES (%s, 'monitor')", (f"d{n}",))
        with (
            connection.cursor() as cursor,
            cursor.copy("COPY telemetry.reading (patient_no, vital, observed_at, device_no, seq, value, received_at) FROM STDIN") as copy,
        ):
            for minute in range(21 * 60, 27 * 60):
                at = BEGIN + timedelta(minutes=minute)
                for n in (1, 2):
                    racing = n == 1 and 1500 <= minute < 1510
                    copy.write_row((n, index("hr"), at, n, minute, 150.0 if racing else 80.0 + minute % 3, at))
                    copy.write_row((n, index("sbp"), at, n, minute, None, at))
    return database


def changed(**news):
    return msgspec.json.encode(msgspec.structs.replace(default(), **news))


def test_the_same_rules_find_the_same(stored):
    c = rehearsed(History(stored, BEGIN, BEGIN + timedelta(days=2)), changed(version=2))
    assert (c.found, len(c.lost), c.before.by_rule == c.after.by_rule, c.before.patient_days) == (1, 0, True, 0.5)


def test_wider_limits_lose_the_event_and_say_which(stored):
    limits = dict(default().limits)
    limits["hr"] = msgspec.structs.replace(limits["hr"], high=(160, 170))
    c = rehearsed(History(stored, BEGIN, BEGIN + timedelta(days=2)), changed(version=2, limits=limits))
    assert (c.found, [f.patient for f in c.lost]) == (0, ["p1"])


def test_a_dead_channel_is_one_technical_alert_however_long(stored):
    c = rehearsed(History(stored, BEGIN, BEGIN + timedelta(days=2)), changed(version=2))
    assert c.before.by_rule["signal", "low"] * c.before.patient_days == pytest.approx(2)


def test_the_command_names_the_line_of_a_mistake(stored, tmp_path, capsys):
    rules = tmp_path / "rules.json"
    rules.write_bytes(changed(version=2).replace(b'"hysteresis":3.0', b'"hysteresis":-3', 1))
    code = main(["--rules", str(rules), "--from", "2026-03-01", "--to", "2026-03-03"], {"VIGIL_DATABASE": stored})
    assert (code, "line 1" in capsys.readouterr().err) == (1, True)


def test_the_command_prints_a_table_and_draws_a_picture(stored, tmp_path, capsys):
    rules, report = tmp_path / "rules.json", tmp_path / "report.html"
    rules.write_bytes(changed(version=2))
    main(["--rules", str(rules), "--from", "2026-03-01", "--to", "2026-03-03", "--report", str(report)], {"VIGIL_DATABASE": stored})
    assert ("alerts a patient-day" in capsys.readouterr().out, "<svg" in report.read_text()) == (True, True)
