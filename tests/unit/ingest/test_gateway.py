"""The gateway's course: what is acknowledged when, and what waits."""

import json
from dataclasses import replace
from typing import Any

import pytest

from ingest.conditions import BABBLING
from ingest.directory import Assignment, Device, Directory, Standing, directory
from ingest.gateway import FLUSH_MESSAGES, FLUSH_MS, HELD, IN_HAND_BYTES, Gateway
from ingest.gather import Message
from ingest.quota import Limits
from ingest.translate import Translated, translate
from vitals.finding import SITE, Finding

NOW = 1_790_000_000_000


def who(loaded_at: int, *devices: str) -> Directory:
    return directory([Device(d) for d in devices], [Assignment(d, f"p-{d}", 0) for d in devices], {}, 4, loaded_at)


def message(device: str, seq: int, mid: int, received_at: int = NOW) -> Message:
    payload = json.dumps({"seq": seq, "observed_at": NOW, "vitals": {"hr": 70}}).encode()
    return Message(f"vigil/v1/{device}/vitals".encode(), payload, received_at, mid)


def test_a_flush_is_due_by_age_or_by_size() -> None:
    gateway, known = Gateway(), who(NOW - 1, "a")
    gateway.receive([message("a", 1, 1)])
    young, old = gateway.due(NOW + FLUSH_MS - 1, known), gateway.due(NOW + FLUSH_MS, known)
    gateway.receive([message("a", n, n) for n in range(2, FLUSH_MESSAGES + 1)])
    assert (young, old, gateway.due(NOW, known)) == (False, True, True)


@pytest.mark.parametrize("back", [1, 3_600_000])
def test_a_clock_that_steps_back_holds_no_reading(back: int) -> None:
    gateway, known = Gateway(), who(NOW - 1, "a")
    gateway.receive([message("a", 1, 1)])
    assert gateway.due(NOW - back, known) is True


def test_a_clock_that_steps_back_holds_nothing_that_waits_for_its_quota() -> None:
    gateway, known = Gateway(Limits(rate=10, burst=20)), who(NOW - 1, "a")
    gateway.receive([message("a", n, n) for n in range(1, 31)])
    gateway.flush(known, NOW)
    assert (gateway.due(NOW, known), gateway.due(NOW - 3_600_000, known)) == (False, True)


def test_a_flush_acknowledges_all_of_its_messages() -> None:
    gateway = Gateway()
    gateway.receive([message("a", 1, 11), message("a", 1, 12)])
    assert gateway.flush(who(NOW + 1, "a"), NOW).mids == [11, 12]


def test_what_the_directory_cannot_decide_is_acknowledged_only_after_a_newer_one_did() -> None:
    gateway = Gateway()
    gateway.receive([message("a", 1, 11), message("new", 1, 12)])
    first = gateway.flush(who(NOW - 1, "a"), NOW)
    newer = who(NOW + 1, "a", "new")
    due = gateway.due(NOW, newer)
    second = gateway.flush(newer, NOW)
    assert (first.mids, due, second.mids, second.found.samples) == ([11], True, [12], 1)


def test_a_message_of_which_two_devices_wait_is_acknowledged_once() -> None:
    gateway = Gateway()
    one = {"seq": 1, "observed_at": NOW, "vitals": {"hr": 70}}
    payload = json.dumps({"devices": {"x": [one], "y": [one], "a": [one]}}).encode()
    gateway.receive([Message(b"vigil/v1/gateways/hub/vitals", payload, NOW, 9)])
    first, second = gateway.flush(who(NOW - 1, "hub"), NOW), gateway.flush(who(NOW + 1, "hub"), NOW)
    assert (first.mids, second.mids, gateway.waiting) == ([], [9], 0)


def test_the_same_directory_does_not_bring_back_what_waits() -> None:
    gateway, old = Gateway(), who(NOW - 1, "a")
    gateway.receive([message("new", 1, 12)])
    gateway.flush(old, NOW)
    assert (gateway.due(NOW + 10_000, old), gateway.waiting) == (False, 1)


def test_more_than_may_wait_is_decided_by_the_directory_there_is() -> None:
    gateway, old = Gateway(), who(NOW - 1, "a")
    gateway.receive([message("new", n, n) for n in range(HELD)])
    gateway.flush(old, NOW)
    gateway.receive([message("new", HELD, HELD)])
    assert (len(gateway.flush(old, NOW).refusals), gateway.overdue) == (1, 1)


def test_memory_is_full_until_the_flush_is_durable() -> None:
    gateway = Gateway()
    gateway.receive([Message(b"vigil/v1/a/vitals", b" " * (IN_HAND_BYTES + 1), NOW, 1)])
    before = gateway.full
    flush = gateway.flush(who(NOW + 1, "a"), NOW)
    during = gateway.full
    gateway.settled(flush)
    assert (before, during, gateway.full) == (True, True, False)


def test_a_babbling_device_waits_alone_and_is_named_on_its_patient() -> None:
    gateway, known = Gateway(Limits(rate=10, burst=20)), who(NOW - 1, "a", "b")
    gateway.receive([message("a", n, n) for n in range(1, 101)] + [message("b", n, 1000 + n) for n in range(1, 11)])
    flush = gateway.flush(known, NOW)
    told = [(f.rule, f.subject, f.patient, f.phase, f.alert_class) for f in flush.found.findings]
    assert (flush.mids, told) == ([*range(1, 21), *range(1001, 1011)], [("device.babbling", "a", "p-a", "start", "technical")])


def test_what_waits_for_its_quota_is_taken_later_in_order_and_the_end_is_told() -> None:
    gateway, known = Gateway(Limits(rate=10, burst=20)), who(NOW - 1, "a")
    gateway.receive([message("a", n, n) for n in range(1, 31)])
    gateway.flush(known, NOW)
    later = gateway.flush(known, NOW + 1_000)
    end = gateway.flush(known, NOW + 60_000)
    assert (later.mids, [f.phase for f in end.found.findings], gateway.quota.waiting) == ([*range(21, 31)], ["end"], 0)


def babble(*known: Directory) -> list[tuple[str, str, str, str]]:
    """(phase, patient, ward, id) told of a device that babbles under the first directory and has stopped a minute later under each."""
    gateway = Gateway(Limits(rate=10, burst=20))
    gateway.receive([message("a", n, n) for n in range(1, 31)])
    found = [f for n, one in enumerate(known) for f in gateway.flush(one, NOW + 60_000 * n).found.findings]
    return [(f.phase, f.patient, f.ward, f.id) for f in found]


def on(*patients: str) -> Directory:
    """The device `a` on the first for half a minute more, then on the second."""
    turns = [Assignment("a", p, (0, NOW + 30_000)[n], (NOW + 30_000, None)[n]) for n, p in enumerate(patients)]
    return directory([Device("a")], turns, dict.fromkeys(patients, "north"), 4, NOW - 1)


@pytest.mark.parametrize("later", [("p", "q"), ("p",)], ids=["another patient", "nobody"])
def test_the_end_of_babble_is_told_of_the_patient_of_its_start(later: tuple[str, ...]) -> None:
    start, end = babble(*[on(*later)] * 3)
    assert (start[0], end[0], end[1:]) == ("start", "end", ("p", "north", start[3]))


def test_babble_of_a_device_that_is_on_nobody_is_told_about_the_site_and_so_is_its_end() -> None:
    start, end = babble(directory([Device("a", ward="north")], [], {}, 4, NOW + 1), *[on("p", "q")] * 2)
    assert (start[:3], end[:2], end[3]) == (("start", SITE, "north"), ("end", SITE), start[3])


def hubs_babble(*wards: str, own: str | None = None) -> list[tuple[str, str, str, str]]:
    """(patient, ward, subject, busiest) told of a hub that babbles for devices of these wards, of which the second says most."""
    names = [f"d{n}" for n in range(len(wards))]
    turns = [Assignment(name, f"p-{name}", 0) for name in names]
    known = [Device("hub", ward=own), *(Device(name, gateway="hub") for name in names)]
    gateway, one = Gateway(Limits(rate=10, burst=20, hub=1)), {"seq": 1, "observed_at": NOW, "vitals": {"hr": 70}}
    payload = json.dumps({"devices": {name: [one] * (3 if n == 1 else 1) for n, name in enumerate(names)}}).encode()
    gateway.receive([Message(b"vigil/v1/gateways/hub/vitals", payload, NOW, n) for n in range(1, 31)])
    who = directory(known, turns, {f"p-{name}": ward for name, ward in zip(names, wards, strict=True)}, 4, NOW - 1)
    return [(f.patient, f.ward, f.subject, f.evidence["busiest"]) for f in gateway.flush(who, NOW).found.findings]


@pytest.mark.parametrize(
    ("wards", "own", "told"), [(("north", "north"), None, "north"), (("north", "south"), None, ""), (("north", "south"), "west", "west")]
)
def test_a_babbling_hub_is_told_about_the_site_with_the_ward_that_is_known_and_the_member_that_says_most(
    wards: tuple[str, ...], own: str | None, told: str
) -> None:
    assert hubs_babble(*wards, own=own) == [(SITE, told, "hub", "d1")]


def babbling(name: str, standing: tuple[Standing, ...] = ()) -> list[Finding]:
    """What a gateway that just started tells first, of a device that babbles, while this stands open."""
    gateway = Gateway(Limits(rate=10, burst=20), name)
    gateway.receive([message("a", n, n) for n in range(1, 31)])
    return gateway.flush(replace(on("p"), standing=standing), NOW + len(standing)).found.findings


@pytest.mark.parametrize(("name", "phases"), [("one", ["end", "start"]), ("two", ["start"])])
def test_a_gateway_that_starts_ends_the_babble_that_it_told_before_and_no_other_gateways(name: str, phases: list[str]) -> None:
    (before,) = babbling("one")
    found = babbling(name, (Standing(BABBLING, "p", "a", (before.started_at,), (before.id,)),))
    ended = [f.id for f in found if f.phase == "end"]
    assert ([f.phase for f in found], ended) == (phases, [before.id] if "end" in phases else [])


def test_a_gateway_does_not_end_the_babble_that_it_told_itself() -> None:
    gateway, known = Gateway(Limits(rate=10, burst=20)), on("p")
    gateway.receive([message("a", n, n) for n in range(1, 31)])
    (begun,) = gateway.flush(known, NOW).found.findings
    standing = (Standing(BABBLING, "p", "a", (NOW,), (begun.id,)),)
    assert gateway.flush(replace(known, standing=standing), NOW + 100).found.findings == []


def test_beyond_all_patience_a_babbling_devices_messages_are_refused_never_lost() -> None:
    gateway, known = Gateway(Limits(rate=1, burst=10, waiting=30)), who(NOW - 1, "a")
    gateway.receive([message("a", n, n) for n in range(1, 51)])
    flush = gateway.flush(known, NOW)
    assert ([r.reason.value for r in flush.refusals], len(flush.mids), gateway.quota.waiting) == (["too_large"] * 10, 20, 30)


def large(device: str, mid: int, received_at: int) -> Message:
    return Message(f"vigil/v1/{device}/vitals".encode(), b"x" * 1_048_576, received_at, mid)


def test_one_device_with_large_messages_does_not_stop_the_others() -> None:
    gateway, known = Gateway(), who(NOW - 1, "a", "b")
    for n in range(1, 301):
        gateway.receive([large("a", n, NOW + 50 * n)])
        gateway.settled(gateway.flush(known, NOW + 50 * n))
    full = gateway.full
    gateway.receive([message("b", 1, 1_000, NOW + 15_000)])
    assert (full, 1_000 in gateway.flush(known, NOW + 15_000).mids) == (False, True)


@pytest.mark.slow
def test_what_waits_of_all_devices_together_is_less_than_what_stops_the_reading() -> None:
    gateway, names = Gateway(), [f"d{n}" for n in range(10)]
    for n in range(60):
        gateway.receive([large(name, 100 * i + n, NOW) for i, name in enumerate(names)])
        gateway.settled(gateway.flush(who(NOW + 1, *names), NOW))
    assert gateway.full is False


def test_what_waited_has_room_for_others_once_it_was_taken() -> None:
    gateway, known = Gateway(Limits(byte_rate=1, byte_burst=1, waiting_bytes=2_000_000)), who(NOW + 1, "a")
    told = []
    for n, at in enumerate((NOW, NOW, NOW, NOW + 3_600_000_000)):
        gateway.receive([large("a", n, at)])
        told.append(len(gateway.flush(known, at).mids))
    assert (told, gateway.quota.waiting) == ([1, 0, 1, 1], 1)


def test_a_gateway_is_not_empty_while_messages_wait_for_their_quota() -> None:
    gateway, known = Gateway(Limits(rate=10, burst=20)), who(NOW - 1, "a")
    gateway.receive([message("a", n, n) for n in range(1, 31)])
    gateway.flush(known, NOW)
    before = gateway.empty
    gateway.flush(known, NOW + 1_000)
    assert (before, gateway.empty) == (False, True)


def test_a_gateway_is_not_empty_while_a_message_waits_for_a_flush_or_a_newer_directory() -> None:
    gateway, known = Gateway(), who(NOW - 1, "a")
    gateway.receive([message("new", 1, 1)])
    before = gateway.empty
    gateway.flush(known, NOW)
    assert (before, gateway.empty, Gateway().empty) == (False, False, True)


def test_a_defect_of_ours_costs_the_message_that_brings_it_out_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def defective(messages: list[Message], *rest: Any) -> Translated:
        found = translate(messages, *rest)
        if any(m.mid == 3 for m in messages):
            raise ZeroDivisionError
        return found

    monkeypatch.setattr("ingest.gateway.translate", defective)
    gateway = Gateway()
    gateway.receive([message("a", n, n) for n in range(1, 8)])
    flush = gateway.flush(who(NOW - 1, "a"), NOW)
    assert ([r.detail for r in flush.refusals], flush.found.samples, flush.mids) == (
        ["could not be processed: ZeroDivisionError"],
        6,
        [1, 2, 3, 4, 5, 6, 7],
    )


def backlog(first: int, mid: int) -> Message:
    samples = [{"seq": first + n, "observed_at": NOW - 3_600_000 + n, "vitals": {"hr": 70, "spo2": 97, "rr": 15}} for n in range(100)]
    return Message(b"vigil/v1/a/vitals", json.dumps({"batch": samples}).encode(), NOW, mid)


def test_what_is_live_goes_before_a_backlog_that_came_first() -> None:
    gateway, known = Gateway(), who(NOW - 1, "a", "b")
    gateway.receive([backlog(100 * n, n) for n in range(1, 101)] + [message("b", 1, 1_000)])
    first = gateway.flush(known, NOW)
    assert (1_000 in first.mids, 1 in first.mids, 100 in first.mids, gateway.due(NOW, known)) == (True, True, False, True)


def test_a_backlog_is_taken_to_its_end_oldest_first_and_memory_is_free_again() -> None:
    gateway, known, mids = Gateway(), who(NOW - 1, "a"), list[int]()
    gateway.receive([backlog(100 * n, n) for n in range(1, 101)])
    while gateway.due(NOW, known):
        flush = gateway.flush(known, NOW)
        gateway.settled(flush)
        mids += flush.mids
    assert (mids, gateway.pending, gateway.full) == ([*range(1, 101)], 0, False)
