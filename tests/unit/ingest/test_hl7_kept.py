"""What refusals keep of an HL7 message is bounded, and always has what was refused."""

import pytest

from ingest.hl7 import Oru, read
from ingest.hl7_kept import WHOLE_BYTES, kept

HEAD = "MSH|^~\\&|HUB|N|||20250610015127+0800||ORU^R01|1|P|2.6"
OBR = "OBR|{}|||x|||20250610015127+0800"
BEDS, UNKNOWN = 60, 45


def row(bed: int, code: int, status: str = "R") -> str:
    return f"OBX|1|NM|{code}^MDC_SOMETHING^MDC|1.5.1.1|80|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||{status}|||||||dev-{bed}"


def read_as(data: bytes) -> Oru:
    found = read(data, lambda _: True)
    assert isinstance(found, Oru)
    return found


def of_a_hub() -> bytes:
    beds = [[OBR.format(bed), *(row(bed, 200_000 + i) for i in range(UNKNOWN)), row(bed, 147842, "W")] for bed in range(BEDS)]
    return "\r".join([HEAD, *(line for bed in beds for line in bed)]).encode()


def test_a_message_of_one_bed_is_kept_as_it_came() -> None:
    data = "\r\n".join([HEAD, OBR.format(1), row(1, 200_000), row(1, 147842, "W")]).encode()
    assert kept(data, read_as(data)) == [data, data]


@pytest.mark.slow
def test_the_refusals_of_a_hubs_message_are_not_a_copy_of_it_each() -> None:
    data = of_a_hub()
    oru = read_as(data)
    sizes = [len(part) for part in kept(data, oru)]
    rows = [len(s.sources) for s in oru.samples] + [1] * len(oru.unread)
    assert sum(n * size for n, size in zip(rows, sizes, strict=True)) < WHOLE_BYTES


@pytest.mark.slow
def test_what_is_kept_of_a_hubs_message_is_the_header_the_report_and_the_samples_own_rows() -> None:
    data = of_a_hub()
    lines = [HEAD, OBR.format(7), *(row(7, 200_000 + i) for i in range(UNKNOWN))]
    assert kept(data, read_as(data))[7] == "\r".join(lines).encode()


def test_of_a_row_that_is_no_reading_the_row_is_kept() -> None:
    data = of_a_hub()
    assert kept(data, read_as(data))[BEDS + 7] == "\r".join([HEAD, OBR.format(7), row(7, 147842, "W")]).encode()
