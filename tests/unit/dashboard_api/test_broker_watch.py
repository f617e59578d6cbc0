"""The broker's log becomes audit entries: each refusal once, then counted."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard_api.audit import Entry
from dashboard_api.broker_watch import MOST, WINDOW, Watch

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
DENIED = "vigil:denied\tdev-a\tclient-a\t10.0.0.1\tpublish\tvigil/v1/dev-b/vitals"


def said(*lines: str) -> list[tuple[str, str, object, object]]:
    watch = Watch()
    entries = [entry for line in lines for entry in watch.read(f"1700000000: {line}", NOW)]
    return [(entry.actor, entry.resource, entry.detail["why"], entry.detail["address"]) for entry in entries]


def test_a_log_in_that_failed_is_told_with_the_name_that_was_offered() -> None:
    lines = ["vigil:attempt\tdev-a\tmonitor-7\t10.0.0.1", "Client monitor-7 disconnected, not authorised."]
    assert said(*lines) == [("dev-a", "mqtt connect", "the name or the secret is wrong", "10.0.0.1")]


def test_without_the_plugin_it_is_told_with_the_client() -> None:
    watch = Watch()
    entries = watch.read("Client monitor-7 disconnected, not authorised.", NOW)
    assert [(entry.actor, entry.detail["client"]) for entry in entries] == [("unknown", "monitor-7")]


def test_a_topic_of_another_is_told() -> None:
    assert said(DENIED) == [("dev-a", "mqtt publish vigil/v1/dev-b/vitals", "not a topic of its own", "10.0.0.1")]


@pytest.mark.parametrize(
    "line",
    [
        "OpenSSL Error[0]: error:0A000086:SSL routines::certificate verify failed",
        "Client connection from 10.0.0.9 failed: error:0A000086:SSL routines::certificate verify failed.",
    ],
)
def test_a_handshake_that_the_broker_broke_off_is_told_with_its_address_or_the_newest_connections(line: str) -> None:
    lines = ["New connection from 10.0.0.9:50100 on port 8884.", line]
    assert said(*lines) == [("unknown", "mqtt tls handshake", "certificate verify failed", "10.0.0.9")]


@pytest.mark.parametrize(
    ("line", "entry"),
    [
        (
            "vigil:full\t769",
            ("devices", "mqtt publish", "no gateway takes messages, the broker holds 769 MiB: devices keep theirs", ""),
        ),
        ("vigil:room\t12", ("devices", "mqtt publish", "the broker takes messages again; 12 were not taken meanwhile", "")),
        (
            "Outgoing messages are being dropped for client gw-2.",
            ("gw-2", "mqtt queue", "its queue at the broker is full: what comes for it is lost until it returns", ""),
        ),
    ],
)
def test_a_full_broker_and_a_full_queue_are_told(line: str, entry: tuple[str, str, str, str]) -> None:
    assert said(line) == [entry]


def test_what_refuses_nothing_makes_no_entry() -> None:
    lines = [
        "New client connected from 10.0.0.1:50100 as dev-a (p5, c0, k30, u'dev-a').",
        "vigil:attempt\tdev-a\tdev-a\t10.0.0.1",
        "Client dev-a disconnected.",
        "Client dev-a closed its connection.",
        "OpenSSL Error[0]: error:0A000126:SSL routines::unexpected eof while reading",
        "Saving in-memory database to /x/mosquitto.db.",
    ]
    assert said(*lines) == []


def test_what_goes_on_is_counted_and_told_once_a_window() -> None:
    watch = Watch()
    first = [entry for _ in range(100) for entry in watch.read(DENIED, NOW)]
    later = [list(watch.due(NOW + WINDOW * n)) for n in (0.5, 1, 2, 3)]
    assert [[entry.detail["times"] for entry in some] for some in (first, *later)] == [[1], [], [99], [], []]


def test_a_flood_of_different_ones_is_counted_together() -> None:
    watch = Watch()
    entries = [entry for n in range(MOST + 50) for entry in watch.read(DENIED.replace("dev-a", f"dev-{n}"), NOW)]
    together = list(watch.due(NOW + WINDOW))
    assert (len(entries), [(e.actor, e.detail["times"]) for e in together]) == (MOST + 1, [("others", 49)])


@given(st.lists(st.text() | st.sampled_from([DENIED, "vigil:more\t7", "vigil:attempt\ta\tb\tc", "Client x disconnected, not authorised."])))
def test_every_refusal_read_is_told_or_counted(lines: list[str]) -> None:
    watch, told = Watch(), list[Entry]()
    for line in lines:
        told += watch.read(line, NOW)
    told += [*watch.due(NOW + timedelta(days=1)), *watch.due(NOW + timedelta(days=2))]
    expected = sum(line in (DENIED, "vigil:more\t7", "Client x disconnected, not authorised.") for line in lines)
    assert sum(entry.detail["times"] for entry in told) >= expected
