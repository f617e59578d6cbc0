"""Of a name that is no device's a picture is asked that is newer than what names it, and nobody's reading goes to another meanwhile."""

import asyncio
from datetime import UTC
from itertools import count
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ingest.directory import Assignment, Device, Directory, directory
from ingest.hl7 import Oru
from ingest.intake import Intake
from ingest.mllp_main import _read
from ingest.mqtt import Clocks
from ingest.strangers import Strangers
from vitals.errors import PartAway

NOW = 1_790_000_000_000
MESSAGE = "\r".join(
    ("MSH|^~\\&|hub|N|||20260921120000+0000||ORU^R01|1|P|2.6", "OBX|1|NM|8867-4^HR^LN||72|/min|||||F|||20260921120000+0000||||new")
).encode()


def test_what_was_not_asked_yet_is_new() -> None:
    strangers = Strangers()
    strangers.asked({"a"})
    assert [strangers.new(names) for names in (set[str](), {"a"}, {"a", "b"}, {"b"})] == [set(), set(), {"b"}, {"b"}]


@pytest.mark.parametrize(("others", "new"), [(9_999, set[str]()), (10_000, {"a"})])
def test_no_more_than_ten_thousand_are_remembered(others: int, new: set[str]) -> None:
    strangers = Strangers()
    strangers.asked({"a"})
    strangers.asked({str(n) for n in range(others)})
    assert strangers.new({"a"}) == new


@pytest.mark.parametrize(("length", "new"), [(64, 1), (65, 0)])
def test_what_is_too_long_for_an_id_is_never_asked(length: int, new: int) -> None:
    assert len(Strangers().new({"x" * length})) == new


def picture(*devices: str, loaded_at: int = NOW - 1_000) -> Directory:
    return directory([Device(d) for d in devices], [Assignment(d, f"of-{d}", 0) for d in devices], {}, 4, loaded_at)


def door(*newer: Directory, loaded_at: int = NOW - 1_000) -> Intake:
    """A door that knows the hub; each time it asks for it the next newer picture comes, and then none."""
    keeper, coming = SimpleNamespace(current=picture("hub", loaded_at=loaded_at)), iter(newer)

    def ask() -> None:
        keeper.current = next(coming, keeper.current)

    keeper.ask = ask
    seconds = count()
    clocks, none = Clocks(lambda: NOW, lambda: float(next(seconds))), cast(Any, None)
    return Intake(none, cast(Any, keeper), none, none, clocks, none, none, none, none, none, Strangers())


def devices(intake: Intake) -> list[str]:
    oru = asyncio.run(_read(intake, UTC, MESSAGE, NOW))
    assert isinstance(oru, Oru)
    return [s.device for s in oru.samples]


@pytest.mark.parametrize(("newest", "device"), [(("hub", "new"), "new"), (("hub",), "hub")])
def test_a_device_of_this_moment_is_itself_and_one_that_is_none_is_passed_over(newest: tuple[str, ...], device: str) -> None:
    assert devices(door(picture(*newest, loaded_at=NOW + 1))) == [device]


def test_a_picture_begun_in_the_very_millisecond_is_not_newer_and_another_is_asked_for() -> None:
    assert devices(door(picture("hub", loaded_at=NOW), picture("hub", "new", loaded_at=NOW + 1))) == ["new"]


def test_while_no_newer_picture_comes_nothing_is_taken_how_often_it_is_sent() -> None:
    intake, told = door(), list[str]()
    for _ in range(2):
        with pytest.raises(PartAway):
            devices(intake)
        told.append("away")
    assert told == ["away"] * 2


def test_once_the_database_was_away_for_long_what_was_known_holds() -> None:
    assert devices(door(loaded_at=NOW - 120_000)) == ["hub"]


def test_not_before_that() -> None:
    with pytest.raises(PartAway):
        devices(door(loaded_at=NOW - 119_999))
