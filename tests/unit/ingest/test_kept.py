"""What the broker kept while nobody took it is no babble."""

from ingest.gather import Message
from ingest.kept import LONGEST_S, MANY, SETTLE_S, Kept
from ingest.quota import Limits, Quota

NOW = 1_790_000_000_000
SINGLES = 10_000


def kept_of(devices: int) -> list[Message]:
    """What the broker kept of well-behaved devices, in the order in which it came."""
    topics = [f"vigil/v1/d{n}/vitals".encode() for n in range(devices)]
    return [Message(topic, b"{}", NOW, n * devices + i) for n in range(SINGLES) for i, topic in enumerate(topics)]


def test_what_was_kept_for_hours_is_neither_refused_nor_babble_while_the_gateway_catches_up() -> None:
    admitted = Quota(Limits()).admit(kept_of(24), NOW, catching_up=True)
    assert (len(admitted.messages), admitted.over, admitted.babbles) == (24 * SINGLES, [], [])


def test_as_much_at_once_is_babble_when_nothing_was_kept() -> None:
    limits = Limits()
    admitted = Quota(limits).admit(kept_of(1), NOW)
    room = int(limits.burst) + limits.waiting
    assert (len(admitted.over), [b.device for b in admitted.babbles]) == (SINGLES - room, ["d0"])


def test_a_device_that_babbles_already_is_held_back_while_the_gateway_catches_up_too() -> None:
    quota = Quota(Limits(burst=10, waiting=5))
    first = kept_of(1)
    quota.admit(first[:15], NOW)
    admitted = quota.admit(first[15:20] + kept_of(2)[1:40:2], NOW, catching_up=True)
    assert ({m.topic for m in admitted.messages}, len(admitted.over)) == ({b"vigil/v1/d1/vitals"}, 5)


def looked(*looks: tuple[float, bool, bool, int]) -> bool:
    """Whether it catches up after these looks."""
    kept = Kept()
    for look in looks:
        kept.looked(*look)
    return kept.catching_up


def test_a_gateway_catches_up_from_its_start() -> None:
    assert Kept().catching_up is True


def test_it_has_caught_up_when_a_look_finds_nothing() -> None:
    assert looked((100, True, True, 0), (100 + SETTLE_S, False, False, 1), (101 + SETTLE_S, False, True, 0)) is False


def test_a_look_that_finds_nothing_a_moment_after_the_window_was_full_says_nothing() -> None:
    assert looked((100, True, False, 0), (99 + SETTLE_S, False, True, 0)) is True


def test_a_look_that_finds_nothing_a_moment_after_very_much_came_says_nothing() -> None:
    assert looked((100, True, False, 0), (104, False, False, MANY), (101 + SETTLE_S, False, True, 0)) is True


def test_much_that_came_in_small_pieces_without_a_pause_is_much() -> None:
    pieces = [(104.0, False, False, MANY // 4)] * 4
    assert looked((100, True, False, 0), *pieces, (101 + SETTLE_S, False, True, 0)) is True


def test_as_much_with_a_pause_between_is_what_well_behaved_devices_say() -> None:
    pieces = [(104.0, False, False, MANY // 4), (104.1, False, True, 0)] * 8
    assert looked((100, True, False, 0), *pieces, (101 + SETTLE_S, False, True, 0)) is False


def test_very_much_at_once_is_not_taken_for_kept_once_it_has_caught_up() -> None:
    assert looked((100, True, False, 0), (110, False, True, 0), (111, False, False, 10 * MANY)) is False


def test_it_catches_up_for_as_long_as_each_look_finds_something() -> None:
    assert looked((100, True, False, 0), *((100.0 + n, False, False, 1) for n in range(60))) is True


def test_it_ends_to_catch_up_however_much_comes_for_ever() -> None:
    assert looked((100, True, False, 0), (100 + LONGEST_S, False, False, MANY)) is False


def test_it_catches_up_again_when_the_broker_may_be_keeping_messages_back() -> None:
    assert looked((100, True, False, 0), (110, False, True, 0), (200, True, True, 0)) is True
