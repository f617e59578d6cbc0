"""A message that names another patient than its device's is a question to the ward, and nothing else."""

from collections.abc import Mapping

import pytest

from ingest.conditions import AGAIN_MS, OTHER_PATIENT
from ingest.directory import Assignment, Device, Directory, Standing, directory
from ingest.hl7 import Oru, read
from ingest.named_patient import GRACE_MS, NamedPatients
from ingest.spoken import Spoken
from vitals.finding import Finding
from vitals.site_key import record_digest

NOW = 1_790_000_000_000
KEY = b"k" * 32
RECORDS = {record_digest(KEY, number): patient for number, patient in (("4711", "ann"), ("4712", "bob"))}


def who(
    patient: str = "ann", since: int = 0, standing: tuple[Standing, ...] = (), records: Mapping[bytes, str] = RECORDS, clock_ms: int = 0
) -> Directory:
    on = [Assignment("dev", "bob", 0, since), Assignment("dev", patient, since)] if since else [Assignment("dev", patient, 0)]
    return directory([Device("dev", clock_ms=clock_ms)], on, {"ann": "north"}, 4, NOW, standing, records)


def spoken(*named: str, at: int = NOW, device: str = "dev") -> Spoken:
    return Spoken(device, at, {"hr": 80}, named=named)


def told(one: NamedPatients, sample: Spoken, known: Directory, now: int = NOW) -> list[tuple[str, str]]:
    """(phase, patient) of what comes of a sample."""
    one.heard([sample], known, now)
    return [(f.phase, f.patient) for f in one.told(known, now)]


def asked(known: Directory) -> tuple[NamedPatients, Finding]:
    """A door that has asked, and what."""
    one = NamedPatients(KEY)
    one.heard([spoken("4712")], known, NOW)
    (question,) = one.told(known, NOW)
    return one, question


def test_another_patients_number_is_asked_about_with_who_is_named_and_without_the_number() -> None:
    _, q = asked(who())
    assert (q.rule, q.patient, q.ward, q.alert_class, q.priority, q.subject, q.evidence) == (
        OTHER_PATIENT, "ann", "north", "technical", "medium", "dev", {"device": "dev", "named": ["bob"]},
    )  # fmt: skip


@pytest.mark.parametrize(
    "sample",
    [
        spoken("4711"),
        spoken(" 4711 "),
        spoken("4711", "4712"),
        spoken("9999"),
        spoken(),
        spoken("4712", device="other"),
        Spoken("dev", "no time", {"hr": 80}, named=("4712",)),
    ],
    ids=["the same", "the same, with blanks", "the same beside another", "an unknown one", "none", "of a device unknown", "at no time"],
)
def test_what_says_nothing_of_another_patient_asks_nothing(sample: Spoken) -> None:
    assert told(NamedPatients(KEY), sample, who()) == []


def test_without_a_key_nothing_is_asked() -> None:
    assert told(NamedPatients(None), spoken("4712"), who()) == []


@pytest.mark.parametrize(("ago", "phases"), [(119_999, []), (120_000, [("start", "ann")])])
def test_a_sender_has_a_while_to_learn_that_a_device_moved(ago: int, phases: list[tuple[str, str]]) -> None:
    assert told(NamedPatients(KEY), spoken("4712"), who(since=NOW - ago)) == phases


def test_what_was_said_of_the_patient_of_before_asks_nothing() -> None:
    known = who(since=NOW - GRACE_MS)
    assert told(NamedPatients(KEY), spoken("4711", at=NOW - GRACE_MS - 1), known) == []


def test_the_time_of_a_wrong_clock_is_the_corrected_one() -> None:
    known = who(since=NOW - GRACE_MS, clock_ms=GRACE_MS)
    assert told(NamedPatients(KEY), spoken("4712", at=NOW - GRACE_MS - 1), known) == [("start", "ann")]


def test_it_is_asked_once_and_is_over_when_the_patient_is_named_again() -> None:
    one, known = NamedPatients(KEY), who()
    story = [told(one, spoken(number), known) for number in ("4712", "4712", "9999", "4711", "4711", "4712")]
    assert story == [[("start", "ann")], [], [], [("end", "ann")], [], [("start", "ann")]]


def test_two_names_in_turns_are_one_question_until_one_of_them_stops() -> None:
    one, known, found = NamedPatients(KEY), who(), list[tuple[str, str]]()
    for turn in range(500):
        found += told(one, spoken("4712"), known, NOW + turn * 2_000) + told(one, spoken("4711"), known, NOW + turn * 2_000 + 1_000)
    calm = [told(one, spoken("4711"), known, NOW + 499 * 2_000 + ms) for ms in (GRACE_MS - 1, GRACE_MS)]
    assert (found[:3], len(found) <= 7, calm) == ([("start", "ann"), ("end", "ann"), ("start", "ann")], True, [[], [("end", "ann")]])


@pytest.mark.parametrize(("later", "over"), [(599_999, []), (600_000, [("end", "ann")])])
def test_after_ten_minutes_it_is_over_at_once_again(later: int, over: list[tuple[str, str]]) -> None:
    one, known = NamedPatients(KEY), who()
    told(one, spoken("4712"), known)
    told(one, spoken("4711"), known)
    told(one, spoken("4712"), known, NOW + later)
    assert told(one, spoken("4711"), known, NOW + later) == over


def test_its_end_is_that_of_the_same_question() -> None:
    one, question = asked(who())
    one.heard([spoken("4711")], who(), NOW + 5)
    (end,) = one.told(who(), NOW + 5)
    assert (end.id, end.started_at, end.ended_at) == (question.id, NOW, NOW + 5)


@pytest.mark.parametrize("moved", [who("bob"), who(since=NOW), directory([Device("dev")], [], {}, 4, NOW)])
def test_it_is_over_when_the_device_is_moved_or_taken_off(moved: Directory) -> None:
    one, question = asked(who("eve" if moved.patient_of("dev", NOW) == "ann" else "ann"))
    assert [(f.id, f.phase) for f in one.told(moved, NOW + 1)] == [(question.id, "end")]


def standing(question: Finding) -> tuple[Standing, ...]:
    return (Standing(OTHER_PATIENT, "ann", "dev", (NOW,), (question.id,)),)


def test_of_what_several_doors_asked_each_ends_by_whom_it_is_of() -> None:
    left = (Standing(OTHER_PATIENT, "bob", "dev", (NOW,), ("of bob",)), Standing(OTHER_PATIENT, "ann", "dev", (NOW,), ("of ann", "too")))
    one = NamedPatients(KEY)
    moved = [(f.phase, f.id) for f in one.told(who("ann", standing=left), NOW)]
    one.heard([spoken("4711")], who(), NOW)
    assert (moved, [f.id for f in one.told(who(), NOW)]) == ([("end", "of bob")], ["of ann", "too"])


def test_what_a_process_asked_that_is_no_more_is_not_asked_again_and_is_ended_by_the_next() -> None:
    known = who(standing=standing(asked(who())[1]))
    one = NamedPatients(KEY)
    one.told(known, NOW)
    assert [told(one, spoken(number), known) for number in ("4712", "4711")] == [[], [("end", "ann")]]


@pytest.mark.parametrize(("later", "again"), [(AGAIN_MS - 1, []), (AGAIN_MS, [("end", "ann")])])
def test_an_end_that_nobody_took_is_told_again_in_a_while(later: int, again: list[tuple[str, str]]) -> None:
    one, question = asked(who())
    told(one, spoken("4711"), who())
    open_still = who(standing=standing(question))
    one.told(open_still, NOW + later)
    assert told(one, spoken("4711", at=NOW + later), open_still, NOW + later) == again


@pytest.mark.parametrize(
    ("pid", "named"),
    [
        ("PID|||4712^^^H^MR||Doe^Jane", ("4712",)),
        ("PID|||4712||Doe^Jane", ("4712",)),
        ("PID|||4712^^^H^PI~77^^^H^VN~4713^^^H^MR", ("4712", "4713")),
        ("PID|||77^^^H^VN", ()),
        ("PID|||", ()),
        ("PID", ()),
        ("", ()),
    ],
)
def test_a_pid_names_the_patient_by_record_numbers_only(pid: str, named: tuple[str, ...]) -> None:
    rows = ("MSH|^~\\&|dev|N|||20250610015127+0000||ORU^R01|42|P|2.6", pid, "OBX|1|NM|8867-4^HR^LN||72|/min|||||F")
    found = read("\r".join(filter(None, rows)).encode(), "dev".__eq__)
    assert isinstance(found, Oru)
    assert [s.named for s in found.samples] == [named]


def test_of_two_patients_in_a_message_each_row_is_the_last_named_ones() -> None:
    rows = ["MSH|^~\\&|X|N|||20250610015127+0000||ORU^R01|42|P|2.6"]
    for number, device in (("4711", "a"), ("4712", "b")):
        rows += [f"PID|||{number}^^^H^MR", "OBR|1", f"OBX|1|NM|8867-4^HR^LN||72|/min|||||F|||||||{device}"]
    found = read("\r".join(rows).encode(), ("a", "b").__contains__)
    assert isinstance(found, Oru)
    assert [(s.device, s.named) for s in found.samples] == [("a", ("4711",)), ("b", ("4712",))]
