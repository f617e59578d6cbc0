"""What of an HL7 message its refusals keep: all of it, unless the copies would fill the memory; then what the refused sample stands on.

A hub's message speaks of sixty beds, each with dozens of values that Vigil does not know; a copy of it with each refusal is a gigabyte.
In: a message and what was read of it. Out: bytes for each sample, and behind them for each row that is no reading. Pure.
"""

from collections.abc import Sequence

from ingest.hl7 import Oru
from ingest.spoken import Row

WHOLE_BYTES = 16 * 1024 * 1024
"""The most that all copies of a message may be together."""
HEAD = 1_000
"""Characters of the header and the report that go with the rows; the usual ones are shorter."""


def kept(data: bytes, oru: Oru) -> list[bytes]:
    """For each of `oru.samples`, then each of `oru.unread`."""
    parts = [s.sources for s in oru.samples] + [[u.row] for u in oru.unread]
    if sum(map(len, parts)) * len(data) <= WHOLE_BYTES:
        return [data] * len(parts)
    return [_excerpt(rows) for rows in parts]


def _excerpt(rows: Sequence[Row]) -> bytes:
    """The header, the first row's report where there is one, and the rows, in HL7's form."""
    heads = [str(segment)[:HEAD] for segment in rows[0].segments[:-1] if segment is not None]
    return "\r".join([*heads, *(str(row.segments[-1]) for row in rows)]).encode()
