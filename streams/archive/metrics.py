"""What the archive worker shows of itself on its metrics port; the names are part of the runbooks."""

from dataclasses import dataclass, field

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram


@dataclass(frozen=True, slots=True)
class Metrics:
    """`topic` is readings, refused, links or waveforms; `reason` one of `vitals.refusal.Reason`; `job` fold, rollup or retention."""

    registry: CollectorRegistry = field(default_factory=lambda: REGISTRY)

    ready: Gauge = field(init=False)
    behind: Gauge = field(init=False)
    in_hand: Gauge = field(init=False)
    stored: Counter = field(init=False)
    skipped: Counter = field(init=False)
    again: Counter = field(init=False)
    refused: Counter = field(init=False)
    retries: Counter = field(init=False)
    gaps: Counter = field(init=False)
    lost: Counter = field(init=False)
    staged: Counter = field(init=False)
    seconds: Histogram = field(init=False)
    jobs: Counter = field(init=False)

    def __post_init__(self) -> None:
        gauges = (
            ("ready", "vigil_ready", "1 = takes work", ()),
            ("behind", "vigil_behind_ms", "Age of the oldest record in hand that is not stored yet", ()),
            ("in_hand", "vigil_archive_in_hand_bytes", "Bytes of records in hand", ("topic",)),
        )
        counters = (
            ("stored", "vigil_archive_rows", "Rows stored", ("topic",)),
            ("skipped", "vigil_archive_skipped_records", "Records that Kafka handed out again though they were stored", ("topic",)),
            ("again", "vigil_archive_again", "Samples that were given again on the way here and were stored already", ("topic",)),
            ("refused", "vigil_archive_refused", "Samples or records refused by the archive", ("reason",)),
            ("retries", "vigil_archive_retries", "Times a part was away and the work was tried again", ("topic",)),
            ("gaps", "vigil_archive_gaps", "Times records were missing from the stream and were read again", ("topic",)),
            ("lost", "vigil_archive_lost_records", "Records that Kafka deleted before they were stored", ("topic",)),
            ("staged", "vigil_archive_staged", "Times rows went through the staging table", ()),
            ("jobs", "vigil_archive_jobs", "Roll-up buckets, ledger rows and chunks that the jobs worked on", ("job",)),
        )
        for kind, table in ((Gauge, gauges), (Counter, counters)):
            for attribute, name, text, labels in table:
                object.__setattr__(self, attribute, kind(name, text, labels, registry=self.registry))
        object.__setattr__(self, "seconds", Histogram("vigil_archive_store_seconds", "A transaction", ("topic",), registry=self.registry))
