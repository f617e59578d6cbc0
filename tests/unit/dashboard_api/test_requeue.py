"""What was refused goes back as it came, a hub's in the hub's form; what could never land is told to be stuck."""

import json

import pytest

from dashboard_api.way_back import as_it_came, stuck
from ingest.directory import Assignment, Device, Directory, directory
from ingest.gather import KEPT_BYTES, Message, refusal
from ingest.seen import Seen
from ingest.translate import Translated, translate
from ingest.wire import Fault
from vitals.refusal import Reason, Refusal

NOW = 1_790_000_000_000
HUB = b"vigil/v1/gateways/hub/vitals"


def who(*devices: Device) -> Directory:
    return directory([Device("hub"), *devices], [Assignment(d.id, f"p-{d.id}", 0) for d in devices], {}, 4, NOW + 1)


def sample(seq: int, **vitals: object) -> dict[str, object]:
    return {"seq": seq, "observed_at": NOW, "vitals": vitals or {"hr": 72}}


def requeued(found: Translated, corrected: Directory) -> Translated:
    """What becomes of the refused, put back as the review does it."""
    kept = [r.refusal for r in found.refused]
    rows = [{"source": r.source, "device": r.device, "payload": r.payload} for r in kept]
    return translate([Message(str(row["source"]).encode(), as_it_came(row), NOW) for row in rows], corrected, Seen())


def said(devices: object, known: Directory) -> Translated:
    return translate([Message(HUB, json.dumps({"devices": devices}).encode(), NOW)], known, Seen())


@pytest.mark.parametrize(
    "known",
    [
        directory([Device("hub"), Device("a", "hub"), Device("b", "hub")], [], {}, 4, NOW + 1),
        who(),
        who(Device("a", "other"), Device("b")),
    ],
    ids=["on nobody", "unknown", "another hub's"],
)
def test_what_was_refused_of_a_hubs_devices_is_taken_once_the_directory_is_right(known: Directory) -> None:
    found = said({"a": [sample(1)], "b": [sample(1)]}, known)
    again = requeued(found, who(Device("a", "hub"), Device("b", "hub")))
    assert (found.samples, again.samples, again.refused) == (0, 2, [])


def test_several_samples_that_were_refused_together_go_back_together() -> None:
    assert requeued(said({"a": [sample(1), sample(2)]}, who()), who(Device("a", "hub"))).samples == 2


@pytest.mark.parametrize("device", ['a"', "\\", 'a":[],"b', "\x00", "\u2028", "x" * 64])
def test_the_name_of_a_device_cannot_break_the_message(device: str) -> None:
    assert requeued(said({device: [sample(1)]}, who()), who(Device(device, "hub"))).samples == 1


@pytest.mark.parametrize(
    ("source", "device", "payload"),
    [
        ("vigil/v1/gateways/hub/vitals", "hub", b'{"devices": 7}'),
        ("vigil/v1/gateways/hub/vitals", None, b"?"),
        ("vigil/v1/a/vitals", "a", b'{"seq": 1}'),
        ("vigil/v1/gateways", "a", b"{}"),
    ],
    ids=["the hub's own", "nobody's", "a device's", "no hub's topic"],
)
def test_all_else_goes_back_byte_by_byte(source: str, device: str | None, payload: bytes) -> None:
    assert as_it_came({"source": source, "device": device, "payload": payload}) == payload


def kept(one: Refusal, state: str = "open") -> dict[str, object]:
    return {
        "state": state,
        "door": one.door,
        "size": len(one.payload),
        "detail": one.detail,
        "vital": one.vital,
        "reason": one.reason.value,
    }


def refused(size: int = 2, reason: Reason = Reason.UNASSIGNED_DEVICE, vital: str | None = None, door: str = "mqtt") -> Refusal:
    return refusal(Message(b"vigil/v1/a/vitals", b"x" * size, NOW, door=door), Fault(reason, "why", 1, vital), b"x" * size, "a")


@pytest.mark.parametrize("door", ["mqtt", "mllp", "fhir"])
def test_what_came_whole_can_go_back_to_its_door(door: str) -> None:
    assert [stuck(kept(refused(size, door=door))) for size in (2, KEPT_BYTES)] == [None, None]


@pytest.mark.parametrize(
    "row",
    [
        kept(refused(KEPT_BYTES + 1)),
        kept(refused(reason=Reason.IMPLAUSIBLE, vital="hr")),
        kept(refused(reason=Reason.DUPLICATE)),
        kept(refused(door="archive")),
        kept(refused(), "discarded"),
    ],
    ids=["cut", "a part", "its number is stored", "from within", "discarded"],
)
def test_what_could_never_land_is_stuck(row: dict[str, object]) -> None:
    assert stuck(row) is not None
