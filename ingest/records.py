"""From what was translated to the Kafka records that make it durable.

In: `Translated`. Out: records for `readings`, `refused`, `links`, `waveforms`, `findings`, each with its traceparent and schema. Pure.
"""

from dataclasses import dataclass

import msgspec

from ingest.kafka import Record
from ingest.translate import Translated
from vitals import batch, waveform
from vitals.topics import Topics, partition_of
from vitals.trace import continued

_JSON = msgspec.json.Encoder().encode
AGAIN = ("again", b"1")
"""The header of what may have come before."""
ENTROPY = 24
"""Random bytes that `records` needs."""


@dataclass(frozen=True, slots=True)
class Wiring:
    """The topics' names and their number of partitions."""

    topics: Topics
    partitions: int


def records(found: Translated, wiring: Wiring, entropy: bytes, parent: bytes | None = None) -> list[Record]:
    """Every record of one flush; `entropy`: ENTROPY random bytes, for its trace, which goes on from `parent` where there is one."""
    trace = ("traceparent", continued(parent, entropy))

    def headers(schema: bytes) -> tuple[tuple[str, bytes], ...]:
        return (trace, ("schema", schema))

    topics, n = wiring.topics, wiring.partitions
    readings, refused, links, chunks = (headers(s) for s in (batch.SCHEMA_ID, b"vigil.refusal.v1", b"vigil.link.v1", waveform.SCHEMA_ID))
    out = [Record(topics.readings, p, batch.encode(b), (*readings, AGAIN) if b.again else readings) for p, b in found.batches]
    out += [_keyed(topics.refused, r.refusal.device or "", _JSON(r.refusal), refused, n) for r in found.refused]
    out += [_keyed(topics.links, link.device, _JSON(link), links, n) for link in found.links]
    out += [_keyed(topics.waveforms, chunk.patient, waveform.encode(chunk), chunks, n) for chunk in found.chunks]
    out += [_keyed(topics.findings, f.patient, _JSON(f), headers(b"vigil.finding.v1"), n) for f in found.findings]
    return out


def _keyed(topic: str, key: str, value: bytes, headers: tuple[tuple[str, bytes], ...], partitions: int) -> Record:
    return Record(topic, partition_of(key, partitions), value, headers, key)
