"""Claims about a hub: what its members say goes out in their own names, in order, and what a member could not say waits."""

from pathlib import Path

from devices.account import Account
from devices.hub import Hub, Member, message
from devices.memory import Known
from devices.mqtt import Door
from ingest import wire


def known(device: str) -> Known:
    return Known(device=device, password="", patient="p", ward="w")


def hub(folder: Path) -> Hub:
    return Hub(Door("127.0.0.1", 1), known("dev-hub"), Account(), folder / "box")


def waiting(folder: Path) -> list[bytes]:
    return (folder / "box").read_bytes().splitlines() if (folder / "box").exists() else []


def test_the_message_of_a_hub_is_one_that_the_gateway_reads() -> None:
    sample = b'{"seq":1,"observed_at":1800000000000,"vitals":{"hr":70}}'
    devices = wire.gateway(message([b"a " + sample, b"b " + sample]))
    assert isinstance(devices, dict)
    assert {d: [s.seq for _, s in wire.listed(raw) if isinstance(s, wire.Sample)] for d, raw in devices.items()} == {"a": [1], "b": [1]}


def test_what_members_say_waits_on_the_hubs_disk_until_it_can_speak(tmp_path: Path) -> None:
    one = hub(tmp_path)
    Member(one, known("a")).say(1, 1, b"1")
    Member(one, known("b")).say(1, 1, b"2")
    assert (waiting(tmp_path), Hub(Door("", 1), known("h"), Account(), tmp_path / "box").waiting) == ([b"a 1", b"b 2"], 2)


def test_a_member_that_is_away_keeps_its_samples_and_hands_them_over_oldest_first(tmp_path: Path) -> None:
    member = Member(hub(tmp_path), known("a"))
    member.away = True
    member.say(1, 1, b"1")
    before, kept = waiting(tmp_path), member.waiting
    member.away = False
    member.say(2, 1, b"2")
    assert (before, kept, waiting(tmp_path), member.waiting) == ([], 1, [b"a 1", b"a 2"], 0)
