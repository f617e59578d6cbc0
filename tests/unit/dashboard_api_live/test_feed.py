"""Claims about what readers are told: coalescing, conflation, resuming."""

import pytest

from dashboard_api.live.audience import Subscription
from dashboard_api.live.cursor import Cursor, read, write
from dashboard_api.live.feed import CUT_AFTER_MS, FULL_BYTES, SOON_MS, Feed, Reader
from tests.unit.dashboard_api_live.ward import NOW, Port, Ward, alert
from vitals.context import PatientContext

NORTH = Subscription(frozenset({"north"}))


@pytest.fixture
def ward() -> Ward:
    ward = Ward()
    ward.admit("p1")
    ward.admit("p2")
    return ward


@pytest.fixture
def feed(ward: Ward) -> Feed:
    feed = Feed(ward.picture, "kafka-1")
    feed.tick(NOW)
    return feed


def joined(feed: Feed, since: Cursor | None = None, subscription: Subscription = NORTH) -> tuple[Reader, Port]:
    port = Port()
    return feed.subscribe(port, subscription, frozenset(), since, since is not None), port


def test_only_what_changed_is_told_and_many_changes_of_a_tick_are_one(feed: Feed, ward: Ward) -> None:
    _, port = joined(feed)
    for value in (70, 71, 72):
        ward.told(("p1", NOW + value, {"hr": value}))
    feed.tick(NOW + 100)
    (delta,) = port.of("delta")
    assert [(p["id"], p["vitals"]["hr"]["value"]) for p in delta["patients"]] == [("p1", 72)]


def test_nothing_new_is_nothing_told(feed: Feed) -> None:
    _, port = joined(feed)
    feed.tick(NOW + 100)
    assert port.of("delta") == []


def test_every_alert_change_is_told_even_within_one_tick(feed: Feed, ward: Ward) -> None:
    _, port = joined(feed)
    for version, state in enumerate(("active", "acknowledged", "closed"), 1):
        ward.raised(alert("p1", version, state))
    feed.tick(NOW + 100)
    assert [f["alert"]["state"] for f in port.of("alert")] == ["active", "acknowledged", "closed"]


def test_one_frame_serves_all_readers_of_a_ward(feed: Feed, ward: Ward) -> None:
    sealed: list[bytes] = []
    feed.seal = lambda frame: sealed.append(frame) or frame  # type: ignore[func-returns-value]  # append, then the frame itself
    ports = [joined(feed)[1] for _ in range(10)]
    sealed.clear()
    ward.told(("p1", NOW, {"hr": 70}))
    feed.tick(NOW + 100)
    assert (len(sealed), [len(p.of("delta")) for p in ports]) == (1, [1] * 10)


def test_a_slow_reader_is_conflated_told_how_far_behind_and_costs_the_others_nothing(feed: Feed, ward: Ward) -> None:
    (_, slow), (_, quick) = joined(feed), joined(feed)
    slow.stuck = FULL_BYTES + 1
    for i in range(5):
        ward.told(("p1", NOW + i, {"hr": 70 + i}))
        ward.raised(alert("p1", i + 1))
        feed.tick(NOW + 100 * i)
    during = len(slow.frames)
    slow.stuck = 0
    feed.tick(NOW + 1_000)
    told = slow.frames[during:]
    assert (during, len(quick.of("delta"))) == (1, 5)
    assert [f["type"] for f in told] == ["heartbeat", *["alert"] * 5, "delta"]
    assert (told[0]["behind_ms"], told[-1]["patients"][0]["vitals"]["hr"]["value"]) == (1_000, 74)


def test_who_was_let_in_and_does_not_subscribe_hears_that_the_feed_lives_but_not_before_who_subscribes_at_once(feed: Feed) -> None:
    quick, idle = Port(), Port()
    feed.guests |= {quick: NOW, idle: NOW}
    feed.heartbeat(NOW + SOON_MS - 1)
    feed.subscribe(quick, NORTH, frozenset(), None, False)
    feed.heartbeat(NOW + SOON_MS)
    assert [[f["type"] for f in port.frames] for port in (quick, idle)] == [["snapshot", "heartbeat"], ["heartbeat"]]


def test_a_reader_that_never_reads_is_cut(feed: Feed, ward: Ward) -> None:
    _, port = joined(feed)
    port.stuck = FULL_BYTES + 1
    ward.told(("p1", NOW, {"hr": 70}))
    feed.tick(NOW)
    feed.tick(NOW + CUT_AFTER_MS + 1)
    assert port.was_cut


def test_resuming_gives_what_was_missed_and_no_more(feed: Feed, ward: Ward) -> None:
    reader, _ = joined(feed)
    ward.told(("p2", NOW, {"hr": 60}))
    feed.tick(NOW + 1)
    cursor = feed.here(reader.audience)
    feed.leave(reader)
    ward.told(("p1", NOW, {"hr": 70}))
    ward.raised(alert("p1"))
    feed.tick(NOW + 2)
    _, port = joined(feed, cursor)
    assert [f["type"] for f in port.frames] == ["alert", "delta"]
    assert [p["id"] for p in port.frames[-1]["patients"]] == ["p1"]


def test_a_cursor_of_another_subscription_or_kafka_gives_a_fresh_snapshot(feed: Feed) -> None:
    reader, _ = joined(feed)
    here = feed.here(reader.audience)
    other = joined(feed, here, Subscription(frozenset({"north", "south"})))[1]
    foreign = joined(feed, Cursor("kafka-2", here.audience, here.at, here.offsets))[1]
    assert [p.frames[0]["resumed"] for p in (other, foreign)] == [False, False]


def test_going_stale_while_away_is_told_on_resuming(feed: Feed, ward: Ward) -> None:
    ward.told(("p1", NOW, {"hr": 70}))
    reader, _ = joined(feed)
    feed.tick(NOW)
    cursor = feed.here(reader.audience)
    ward.picture.table.sweep(NOW + 60_000)
    feed.tick(NOW + 60_000)
    _, port = joined(feed, cursor)
    assert port.frames[-1]["patients"][0]["vitals"]["hr"]["state"] == "stale"


def test_a_patient_who_moved_while_a_reader_was_away_is_gone_on_resuming(feed: Feed, ward: Ward) -> None:
    reader, _ = joined(feed)
    cursor = feed.here(reader.audience)
    ward.admit("p1", "south", 2)
    feed.tick(NOW + 1)
    _, port = joined(feed, cursor)
    assert port.frames[-1]["patients"] == [{"id": "p1", "removed": True}]


def restarted(known: dict[str, str], *records: tuple[str, str, int]) -> Feed:
    """A feed of a new process: `known` (patient -> ward, version 2) from the database, then the topic's records from its beginning."""
    ward = Ward()
    for patient, where in known.items():
        ward.picture.context(PatientContext(patient=patient, version=2, ward=where, bed="1"), -1)
    ward.picture.take()
    for patient, where, version in records:
        ward.admit(patient, where, version)
    feed = Feed(ward.picture, "kafka-1")
    feed.tick(NOW)
    return feed


def test_a_move_that_a_restarted_feed_knew_from_the_database_is_told_on_resuming(feed: Feed) -> None:
    reader, _ = joined(feed)
    before = [("p1", "north", 1), ("p2", "south", 1)]
    again = restarted({"p1": "south", "p2": "north"}, *before, ("p1", "south", 2), ("p2", "north", 2))
    _, port = joined(again, feed.here(reader.audience))
    assert {p["id"]: p.get("removed", p.get("ward")) for p in port.frames[-1]["patients"]} == {"p1": True, "p2": "north"}


def test_a_move_that_the_topic_tells_after_the_database_is_told_to_who_resumed_between(feed: Feed) -> None:
    reader, _ = joined(feed)
    again = restarted({"p1": "south"}, ("p1", "north", 1), ("p2", "north", 1))
    _, port = joined(again, feed.here(reader.audience))
    again.picture.context(PatientContext(patient="p1", version=2, ward="south", bed="1"), 9)
    again.tick(NOW + 100)
    assert port.frames[-1]["patients"] == [{"id": "p1", "removed": True}]


def test_a_move_from_a_ward_that_the_topic_no_longer_tells_gives_a_fresh_snapshot(feed: Feed) -> None:
    reader, _ = joined(feed)
    again = restarted({"p1": "south"}, ("p2", "north", 1), ("p3", "north", 1), ("p1", "south", 2))
    _, port = joined(again, feed.here(reader.audience))
    assert port.frames[0]["resumed"] is False


def test_an_alert_log_that_no_longer_reaches_back_gives_a_fresh_snapshot(feed: Feed, ward: Ward) -> None:
    reader, _ = joined(feed)
    cursor = feed.here(reader.audience)
    ward.picture.base[2][0] = cursor.offsets[2][0] + 1
    _, port = joined(feed, cursor)
    assert port.frames[0]["resumed"] is False


def test_a_cursor_reads_back_as_written() -> None:
    cursor = Cursor("k", "a", 5, ((1, 2), (3, 4), (5, 6), (7, 8), (9, 2**40)))
    assert read(write(cursor)) == cursor
