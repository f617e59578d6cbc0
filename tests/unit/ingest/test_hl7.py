"""HL7 v2 ORU^R01 becomes what a device would have said; the answer names the segment that is wrong."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.directory import Assignment, Device, directory
from ingest.gather import Message, Refused, refusal
from ingest.hl7 import MOST_PARTS, Oru, Reject, read
from ingest.mllp import HEAD, LONGEST, Blocks, TooLong, ack
from ingest.mllp_answer import answer_of
from ingest.route import vitals_topic
from ingest.seen import Seen
from ingest.translate import Translated, translate
from ingest.wire import SAMPLE_VITALS
from vitals.registry import index

AT = 1_749_491_487_000
"""20250610015127+0800."""
MSH = "MSH|^~\\&|PUMP^dev-1^EUI-64|NORTH|VIGIL|VIGIL|20250610015127+0800||ORU^R01^ORU_R01|42|P|2.6|||NE|AL|||||PCD_DEC_001^IHE PCD"
OBR = "OBR|1|1^X|2^X|182777000^monitoring^SCT|||20250610015127+0800"
MDC_HR = "OBX|11|NM|147842^MDC_ECG_HEART_RATE^MDC|1.5.1.1|80|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||R"


def known(device: str) -> bool:
    return device in ("dev-1", "dev-2")


def oru(*rows: str, header: str = MSH) -> bytes:
    return "\r".join([header, "PID|||12345^^^H^MR||Doe^Jane", OBR, *rows, ""]).encode()


def translated(data: bytes) -> tuple[Oru, Translated]:
    found = read(data, known)
    assert isinstance(found, Oru)
    who = directory([Device("dev-1"), Device("dev-2")], [Assignment("dev-1", "ann", 0), Assignment("dev-2", "bob", 0)], {}, 4, AT + 10)
    messages = [Message(vitals_topic(s.device), s.payload(), AT, again=True, door="mllp", original=data) for s in found.samples]
    return found, translate(messages, who, Seen())


def answered(data: bytes) -> tuple[str, list[list[str]]]:
    """The code of the answer, and each ERR's place and code."""
    message, found = translated(data)
    kept = Message(b"", data, AT, door="mllp")
    unread = [Refused(len(message.samples) + i, refusal(kept, u.fault, data, u.device)) for i, u in enumerate(message.unread)]
    lines = answer_of(message, [*found.refused, *unread], "20250101000000+0000").decode().split("\r")
    return lines[1].split("|")[1], [line.split("|")[2:4] for line in lines if line.startswith("ERR")]


def values(data: bytes, name: str) -> list[float]:
    """Every number that was taken for the vital."""
    return [x for _, b in translated(data)[1].batches for x in b.values[:, index(name)].tolist() if x == x]


def vital(found: Translated, name: str) -> float:
    return float(found.batches[0][1].values[0, index(name)])


@pytest.mark.parametrize(
    ("row", "name", "value"),
    [
        (MDC_HR, "hr", 80),
        ("OBX|1|NM|150456^MDC_PULS_OXIM_SAT_O2^MDC|1.2.1.1|97|262688^MDC_DIM_PERCENT^MDC|||||F", "spo2", 97),
        ("OBX|1|NM|150021^MDC_PRESS_BLD_NONINV_SYS^MDC|1.2.1.1|16|265987^MDC_DIM_KILO_PASCAL^MDC|||||R", "sbp", 120.00992),
        ("OBX|1|NM|150364^MDC_TEMP^MDC|1.2.1.1|98.6|266560^MDC_DIM_FAHR^MDC|||||R", "temp", 37),
        ("OBX|1|NM|8310-5^Body temperature^LN||98.6|[degF]^F^UCUM|||||F", "temp", 37),
        ("OBX|1|NM|8867-4^Heart rate^LN||72|/min|||||F", "hr", 72),
        ("OBX|1|NM|8867-4^Heart rate^LN||72||||||F", "hr", 72),
        ("OBX|1|ST|67775-7^ACVPU^LN||V||||||F", "acvpu", 2),
    ],
)
def test_mdc_and_loinc_rows_come_to_the_canonical_value(row: str, name: str, value: float) -> None:
    assert vital(translated(oru(row))[1], name) == pytest.approx(value)


def test_times_patient_and_device_come_from_the_message_and_the_directory() -> None:
    batch = translated(oru(MDC_HR))[1].batches[0][1]
    assert (batch.patients, batch.devices, int(batch.observed_at[0])) == (("ann",), ("dev-1",), AT)


def test_a_rows_own_device_and_time_are_its_own() -> None:
    row = "OBX|2|NM|8867-4^HR^LN||61|/min|||||R|||20250610015120+0800||||dev-2^^X"
    found = translated(oru(MDC_HR, row))[1]
    taken = sorted((b.patients[b.patient[i]], int(b.observed_at[i])) for _, b in found.batches for i in range(len(b)))
    assert taken == [("ann", AT), ("bob", AT - 7_000)]


@pytest.mark.parametrize(
    "row", [MDC_HR.replace("|80|", "||").replace("|R", "|X"), MDC_HR.replace("|80|", "|-100|"), MDC_HR.replace("|80|", "|8388607|")]
)
def test_no_value_is_a_bit_and_never_a_number(row: str) -> None:
    batch = translated(oru(row))[1].batches[0][1]
    assert int(batch.no_value[0]) == 1 << index("hr")


CONTAINED = (
    "OBX|1||69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|1.0.0.0|||||||X",
    "OBX|2||70686^MDC_DEV_PRESS_BLD_NONINV_VMD^MDC|1.1.0.0|||||||X",
    "OBX|3||70675^MDC_DEV_PULS_CHAN^MDC|1.1.1.0|||||||X",
    "OBX|4||150020^MDC_PRESS_BLD_NONINV^MDC|1.1.1.1|||||||X",
)


def test_rows_of_containment_say_nothing() -> None:
    found = translated(oru(*CONTAINED, MDC_HR))[1]
    assert (found.refused, found.samples, int(found.batches[0][1].no_value[0])) == ([], 1, 0)


def test_a_vital_of_which_no_value_can_be_had_is_no_value_though_the_row_has_no_type() -> None:
    found = translated(oru(*CONTAINED, "OBX|5||147842^MDC_ECG_HEART_RATE^MDC|1.5.1.1|||||||X"))[1]
    assert (found.refused, [int(b.no_value[0]) for _, b in found.batches]) == ([], [1 << index("hr")])


@pytest.mark.parametrize(
    "none", ["OBX|1||150021^MDC_PRESS_BLD_NONINV_SYS^MDC|1.1.1.1|||||||X", "OBX|1|NM|150021^SYS^MDC|1.1.1.1|-100||||||R"]
)
@pytest.mark.parametrize("first", [True, False])
def test_no_value_of_one_channel_does_not_stand_beside_the_number_of_another(none: str, first: bool) -> None:
    line = "OBX|2|NM|150033^MDC_PRESS_BLD_ART_SYS^MDC|1.2.1.1|118|266016^MDC_DIM_MMHG^MDC|||||R"
    found = translated(oru(*([none, line] if first else [line, none])))[1]
    taken = [(float(b.values[i, index("sbp")]), int(b.no_value[i])) for _, b in found.batches for i in range(len(b))]
    assert (found.refused, taken) == ([], [(118, 0)])


def test_two_numbers_of_one_vital_at_one_moment_are_two_samples() -> None:
    assert sorted(values(oru(MDC_HR, MDC_HR.replace("|80|", "|81|")), "hr")) == [80, 81]


def test_a_message_sent_again_is_the_same_sample() -> None:
    first, second = (translated(oru(MDC_HR))[0].samples[0].payload() for _ in range(2))
    other = translated(oru(MDC_HR.replace("|80|", "|81|")))[0].samples[0].payload()
    assert (first == second, json.loads(first)["seq"] == json.loads(other)["seq"]) == (True, False)


@pytest.mark.parametrize(
    ("row", "where", "code"),
    [
        ("OBX|7|NM|999999^NONSENSE^MDC||5||||||F", "OBX^2^3", "103"),
        ("OBX|7|NM||5||||||F", "OBX^2^3", "103"),
        (f"OBX|7|NM|{'9' * 99}^NONSENSE^MDC||5||||||F", "OBX^2^3", "103"),
        ("OBX|7|NM|8310-5^T^LN||300|kg|||||F", "OBX^2^6", "103"),
        ("OBX|7|NM|8310-5^T^LN||300|²|||||F", "OBX^2^6", "103"),
        ("OBX|7|NM|8867-4^HR^LN||eighty|/min|||||F", "OBX^2^5", "102"),
        ("OBX|7|NM|8867-4^HR^LN||900|/min|||||F", "OBX^2^5", "207"),
        ("OBX||NM|8867-4^HR^LN||900|/min|||||F", "OBX^2^5", "207"),
        ("OBX|7|NM|8867-4^HR^LN||70|/min|||||F|||tomorrow", "OBX^2^14", "102"),
        ("OBX|7|NM|8867-4^HR^LN||70|/min|||||F|||19991231235959+0000", "OBX^2^14", "102"),
        ("OBX|7|NM|8867-4^HR^LN||70|/min|||||F|||20250610025127+0800", "OBX^2^14", "207"),
        ("OBR|2|||x|||tomorrow\rOBX|1|NM|8867-4^HR^LN||70|/min|||||F", "OBR^2^7", "102"),
    ],
)
def test_the_answer_to_a_part_that_is_wrong_is_ae_and_names_the_segment(row: str, where: str, code: str) -> None:
    assert answered(oru(MDC_HR, row)) == ("AE", [[where, code]])


def test_every_row_of_a_sample_that_is_refused_whole_is_named() -> None:
    rows = [f"OBX|1|NM|{code}||70|{unit}|||||F|||tomorrow" for code, unit in (("8867-4", "/min"), ("59408-5", "%"))]
    assert answered(oru(*rows)) == ("AE", [["OBX^1^14", "102"], ["OBX^2^14", "102"]])


@pytest.mark.parametrize(("device", "code"), [("dev-3", "207"), ("dev/3", "102")])
def test_a_row_that_names_a_device_that_is_none_is_named(device: str, code: str) -> None:
    data = oru(f"{MDC_HR}|||20250610015127+0800||||dev-2", f"{MDC_HR}|||||||{device}", header=MSH.replace("dev-1", "dev-4"))
    assert answered(data) == ("AE", [["OBX^2^18", code]])


def test_a_message_that_cannot_be_read_to_its_end_is_rejected_where_that_is() -> None:
    def upset(device: str) -> bool:
        return {"PUMP": False, "dev-1": True}[device]

    found = read(oru(*CONTAINED, MDC_HR, f"{MDC_HR}|||||||dev-2"), upset)
    assert isinstance(found, Reject)
    assert (found.code, found.location) == ("207", "OBX^6")


def test_a_device_that_only_the_header_names_is_named_once_where_it_stands() -> None:
    later = MDC_HR + "|||20250610015126+0800"
    assert answered(oru(MDC_HR, later, header=MSH.replace("dev-1", "dev-3"))) == ("AE", [["MSH^1^3", "207"]])


def test_a_time_that_only_the_header_says_is_named_where_it_stands() -> None:
    data = oru(MDC_HR, header=MSH.replace("20250610015127+0800", "soon")).replace(b"|20250610015127+0800", b"|")
    assert answered(data) == ("AE", [["MSH^1^7", "102"]])


def test_rows_of_several_reports_are_counted_through_the_message() -> None:
    wrong = "OBX|1|NM|8867-4^HR^LN||900|/min|||||F"
    assert answered(oru(*CONTAINED, MDC_HR, OBR, wrong)) == ("AE", [["OBX^6^5", "207"]])


def test_what_is_good_is_answered_with_aa_and_the_senders_control_id() -> None:
    message, found = translated(oru(MDC_HR))
    assert answer_of(message, found.refused, "20250101000000+0000").decode().split("\r")[1] == "MSA|AA|42"


@pytest.mark.parametrize("status", ["", "F", "R", "P", "C", "S", "r"])
def test_a_row_whose_status_is_that_of_a_result_is_a_reading(status: str) -> None:
    assert vital(translated(oru(MDC_HR.replace("|||||R", f"|||||{status}")))[1], "hr") == 80


@pytest.mark.parametrize("status", ["D", "W", "U", "I", "N", "O", "Z", '""', "WRONG"])
def test_a_row_with_any_other_status_is_no_reading_and_is_refused_by_name(status: str) -> None:
    data = oru("OBX|1|NM|8867-4^HR^LN||61|/min|||||F", MDC_HR.replace("|||||R", f"|||||{status}"))
    assert (answered(data), values(data, "hr")) == (("AE", [["OBX^2^11", "103"]]), [61])


@pytest.mark.parametrize("status", ["D", "W"])
def test_a_message_of_nothing_but_what_is_taken_back_is_refused_and_says_nothing(status: str) -> None:
    data = oru(MDC_HR.replace("|||||R", f"|||||{status}"))
    assert (answered(data), values(data, "hr")) == (("AE", [["OBX^1^11", "103"]]), [])


@pytest.mark.parametrize("data", [b"", b"hello", MSH.replace("ORU^R01", "ADT^A01").encode(), oru(), b"\xff\xfe"])
def test_what_cannot_be_processed_is_rejected_by_name(data: bytes) -> None:
    assert isinstance(read(data, known), Reject)


@pytest.mark.parametrize("said", ["T", "D", "t", "T^T", "X", '""'])
def test_a_training_or_debugging_message_is_no_reading_of_anybody(said: str) -> None:
    found = read(oru(MDC_HR, header=MSH.replace("|42|P|", f"|42|{said}|")), known)
    assert isinstance(found, Reject)
    assert (found.code, found.location) == ("202", "MSH^1^11")


@pytest.mark.parametrize("said", ["P", "", "p", "P^T"])
def test_a_production_message_is_read_and_one_that_does_not_say_what_it_is(said: str) -> None:
    assert values(oru(MDC_HR, header=MSH.replace("|42|P|", f"|42|{said}|")), "hr") == [80]


def test_a_refused_row_keeps_the_message_as_it_came() -> None:
    data = oru("OBX|7|NM|8867-4^HR^LN||900|/min|||||F")
    refused = translated(data)[1].refused[0].refusal
    assert (refused.payload, refused.door) == (data, "mllp")


def test_blocks_come_out_whole_however_they_are_cut() -> None:
    blocks, found = Blocks(), list[bytes | TooLong]()
    for byte in b"\n\x0bone\r\x1c\r\n\x0btwo\x1c\r":
        found += blocks.feed(bytes([byte]))
    assert found == [b"one\r", b"two"]


def test_a_block_that_was_broken_off_is_not_the_next_ones() -> None:
    blocks, found = Blocks(), list[bytes | TooLong]()
    for part in (b"\x0bMSH|a\rOBX|1", b"\x0bMSH|b\r\x1c", b"\r\x0bMSH|c\r\x0bMSH|d\r\x1c\r"):
        found += blocks.feed(part)
    assert found == [b"MSH|b\r", b"MSH|d\r"]


@pytest.mark.parametrize("step", [70_000, 1_000_003, 3_000_000])
def test_of_a_message_that_is_too_long_its_head_is_kept_and_the_next_one_is_heard(step: int) -> None:
    stream = b"\x0b" + b"h" * (LONGEST + 1) + b"\x1c\r\x0b" + b"w" * LONGEST + b"\x1c\r"
    blocks, found = Blocks(), list[bytes | TooLong]()
    for at in range(0, len(stream), step):
        found += blocks.feed(stream[at : at + step])
    assert found == [TooLong(b"h" * HEAD), b"w" * LONGEST]


def test_a_second_header_in_a_message_is_two_that_ran_together() -> None:
    found = read(oru(MDC_HR, MSH.replace("dev-1", "dev-2"), MDC_HR), known)
    assert isinstance(found, Reject)
    assert (found.location, found.code) == ("MSH^2", "207")


def test_a_message_of_more_fields_than_any_monitor_says_is_rejected_unread() -> None:
    found = read(oru("NTE" + "|" * MOST_PARTS), known)
    assert isinstance(found, Reject)
    assert found.detail.startswith("more than")


def test_codes_that_nobody_knows_cost_a_monitors_known_ones_nothing() -> None:
    rows = [f"OBX|{n}|NM|{990_000 + n}^MDC_X^MDC|1|5|||||||R" for n in range(3 * SAMPLE_VITALS)]
    assert values(oru(*rows, MDC_HR), "hr") == [80]


@pytest.mark.parametrize(("said", "taken", "code"), [("72~190", [], "AE"), ('""', [], "AA"), ("72", [72], "AA")])
def test_of_several_values_none_is_taken_and_hl7s_null_is_no_value(said: str, taken: list[float], code: str) -> None:
    data = oru(MDC_HR.replace("|80|", f"|{said}|"))
    assert (values(data, "hr"), answered(data)[0]) == (taken, code)


def test_of_one_device_and_moment_what_is_said_of_two_patients_is_two_samples() -> None:
    spo2 = "OBX|2|NM|150456^MDC_PULS_OXIM_SAT_O2^MDC|1.2.1.1|97|262688^MDC_DIM_PERCENT^MDC|||||F"
    found = translated(oru(MDC_HR, "PID|||777^^^H^MR", OBR, spo2))[0]
    assert [(s.named, list(s.vitals)) for s in found.samples] == [(("12345",), ["hr"]), (("777",), ["spo2"])]


def test_an_ack_is_framed_and_escaped() -> None:
    from ingest.mllp import Error

    assert ack("AE", ("A", "B"), "1", "2.6", "t", [Error("OBX^1", "207", "a|b")]).endswith(b"ERR||OBX^1|207|E||||a\\F\\b\r\x1c\r")


SEGMENTS: Any = st.sampled_from(
    [MSH, OBR, MDC_HR, "OBX", "OBX|1|NM|||", "OBX|1|NM|8867-4^HR^LN||1e999|/min|||||F|||99999999", "OBR|", "MSH|^~\\&|"]
)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=100) | st.lists(SEGMENTS | st.text(max_size=20), max_size=6).map(lambda s: "\r".join(s).encode()))
def test_any_bytes_are_samples_or_a_rejection(data: bytes) -> None:
    found = read(data, known)
    assert isinstance(found, Reject) or translated(data)
