"""A wrong clock is corrected and told, and both follow the ledger."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.conditions import AGAIN_MS, CLOCK, Clocks
from ingest.directory import Assignment, Device, Directory, Standing, directory
from ingest.gateway import Gateway
from ingest.gather import Message
from ingest.skew import WINDOW_MS

NOW = 59_000_000 * WINDOW_MS
SLOW_MS = 95_000


def who(
    skew_ms: int | None, clock_ms: int, at: int | None = NOW - 60_000, patient: str = "p", standing: tuple[Standing, ...] = ()
) -> Directory:
    device = Device("a", clock_ms=clock_ms, skew_ms=skew_ms, clock_at=at)
    return directory([device], [Assignment("a", patient, 0)], {patient: "north"}, 4, NOW, standing)


def told(*known: Directory) -> list[tuple[str, str, str, int]]:
    """(phase, patient, priority, since) of what one gateway says of these directories, one after another."""
    clocks = Clocks()
    return [(f.phase, f.patient, f.priority, f.started_at) for one in known for f in clocks.told(one, NOW)]


def test_a_corrected_clock_is_told_once_and_its_end_too() -> None:
    assert told(who(-SLOW_MS, SLOW_MS), who(-SLOW_MS, SLOW_MS), who(0, 0, NOW)) == [
        ("start", "p", "low", NOW - 60_000),
        ("end", "p", "low", NOW - 60_000),
    ]


def test_what_is_late_and_not_corrected_matters_more_for_nothing_of_it_pages() -> None:
    assert told(who(-SLOW_MS, 0)) == [("start", "p", "medium", NOW - 60_000)]


def test_a_clock_that_jumped_again_is_told_anew() -> None:
    jumped = told(who(-SLOW_MS, SLOW_MS), who(-2 * SLOW_MS, 2 * SLOW_MS, NOW - 1_000))
    assert [(phase, since) for phase, _, _, since in jumped] == [("start", NOW - 60_000), ("end", NOW - 60_000), ("start", NOW - 1_000)]


def test_a_device_that_moves_takes_the_notice_to_its_new_patient() -> None:
    moved = told(who(-SLOW_MS, SLOW_MS), who(-SLOW_MS, SLOW_MS, patient="q"))
    assert [(phase, patient) for phase, patient, _, _ in moved] == [("start", "p"), ("end", "p"), ("start", "q")]


def told_before() -> tuple[Standing, str]:
    """What stands open of a process that told a slow clock of `a` on `p` and is no more, and the id of its finding."""
    (start,) = Clocks().told(who(-SLOW_MS, SLOW_MS), NOW)
    return Standing(CLOCK, "p", "a", (start.started_at,), (start.id,)), start.id


GONE = directory([], [], {}, 4, NOW)


@pytest.mark.parametrize(
    "later",
    [who(0, 0, NOW), who(-SLOW_MS, SLOW_MS, patient="q"), GONE],
    ids=["the ledger changed", "the device moved", "the device was revoked"],
)
def test_a_process_that_starts_ends_what_one_before_it_told_and_is_not_so_any_more(later: Directory) -> None:
    standing, id_ = told_before()
    ended = [f for f in Clocks().told(replace(later, standing=(standing,)), NOW) if f.phase == "end"]
    assert [(f.id, f.patient, f.ended_at) for f in ended] == [(id_, "p", NOW)]


def test_a_process_that_starts_ends_nothing_that_is_still_so() -> None:
    standing, id_ = told_before()
    assert [(f.id, f.phase) for f in Clocks().told(who(-SLOW_MS, SLOW_MS, standing=(standing,)), NOW)] == [(id_, "start")]


def test_an_end_that_is_not_taken_yet_is_told_again_only_after_a_while() -> None:
    clocks, (standing, _) = Clocks(), told_before()
    moments = (0, 30_000, AGAIN_MS - 1, AGAIN_MS)
    assert [len(clocks.told(replace(GONE, standing=(standing,)), NOW + at)) for at in moments] == [1, 0, 0, 1]


def test_a_clock_a_little_wrong_is_corrected_without_a_word() -> None:
    assert told(who(-5_000, 5_000)) == []


def test_the_title_says_how_wrong_the_clock_is_and_what_is_done() -> None:
    assert [f.title for f in Clocks().told(who(-SLOW_MS, SLOW_MS), NOW)] == ["The clock of a is 95 s slow; its times are corrected"]


@given(st.integers(-86_400_000, 86_400_000), st.lists(st.integers(-90_000_000, 90_000_000), min_size=1))
def test_a_correction_never_puts_a_measurement_after_its_arrival_and_the_raw_time_is_kept(clock_ms: int, delays: list[int]) -> None:
    raw = NOW - np.array(delays, np.int64)
    observed, added = who(0, clock_ms).corrected(np.zeros(len(delays), np.int64), raw, np.full(len(delays), NOW))
    late = observed > np.maximum(raw, NOW)
    assert (bool((observed - added == raw).all()), bool(late.any())) == (True, False)


def said(seq: int, received_at: int, slow_ms: int) -> Message:
    payload = json.dumps({"seq": seq, "observed_at": received_at - slow_ms - 40, "vitals": {"hr": 70}}).encode()
    return Message(b"vigil/v1/a/vitals", payload, received_at, seq)


def observed(gateway: Gateway, known: Directory, message: Message) -> tuple[int, int]:
    """(received_at - observed_at, clock_ms) as they go to Kafka."""
    gateway.receive([message])
    batch = gateway.flush(known, message.received_at).found.batches[0][1]
    return int(batch.received_at[0] - batch.observed_at[0]), int(batch.clock_ms[0])


def test_a_slow_devices_readings_are_live_once_the_ledger_says_so_and_at_once_right_when_the_clock_is_set() -> None:
    gateway, known = Gateway(), who(None, 0, None)
    before = observed(gateway, known, said(0, NOW, SLOW_MS))
    for n in range(1, 120):
        gateway.receive([said(n, NOW + n * 1_000, SLOW_MS)])
        for entry in gateway.flush(known, NOW + n * 1_000).found.clocks:
            known = who(entry.skew_ms, entry.clock_ms)
    after = observed(gateway, known, said(200, NOW + 121_000, SLOW_MS))
    mended = observed(gateway, known, said(201, NOW + 122_000, 0))
    assert (before, after, mended) == ((SLOW_MS + 40, 0), (0, SLOW_MS + 40), (0, 40))


def test_a_curves_raw_time_is_kept_beside_the_corrected_one() -> None:
    curve = {"seq": 1, "observed_at": NOW - SLOW_MS - 40, "channel": "ecg_ii", "rate_hz": 250, "unit": "mV", "samples": [0.1]}
    gateway = Gateway()
    gateway.receive([Message(b"vigil/v1/a/waveform", json.dumps(curve).encode(), NOW, 1)])
    (chunk,) = gateway.flush(who(-SLOW_MS, SLOW_MS), NOW).found.chunks
    assert (chunk.observed_at, chunk.clock_ms) == (NOW - 40, SLOW_MS)


def drained(gateway: Gateway, *words: Message, catching_up: bool = False) -> list[int]:
    """The corrections of a device that comes back after a silence with as old a queue, once these words of it were heard."""
    known, found = who(None, 0, None), list[int]()
    for n in range(60):
        gateway.receive([said(n, NOW + n * 1_000, 0)])
        found += [e.clock_ms for e in gateway.flush(known, NOW + n * 1_000).found.clocks]
    since = NOW + 60_000 + SLOW_MS
    gateway.receive(words)
    gateway.flush(known, since, catching_up)
    for n in range(120):
        gateway.receive([said(100 + n, since + n * 1_000, SLOW_MS)])
        found += [e.clock_ms for e in gateway.flush(known, since + n * 1_000).found.clocks]
    return found


def empty(retained: bool) -> Message:
    return Message(b"vigil/v1/a/status", b'{"state": "online", "buffered": 0}', NOW + 60_000 + SLOW_MS, retained=retained)


def test_a_retained_status_that_the_broker_gives_again_does_not_make_an_old_queue_a_slow_clock() -> None:
    assert drained(Gateway(), empty(retained=True)) == [0]


def test_a_status_that_the_broker_kept_while_the_gateway_was_away_does_not_either() -> None:
    assert drained(Gateway(), empty(retained=False), catching_up=True) == [0]


def test_a_device_that_says_now_that_it_holds_nothing_has_a_slow_clock() -> None:
    assert drained(Gateway(), empty(retained=False)) == [SLOW_MS + 40]
