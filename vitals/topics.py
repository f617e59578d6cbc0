"""Kafka topics: names, and which partition a patient is on.

Promise: every producer chooses the partition by `partition_of`, so all records of a patient, on whatever topic, are on the
partition of the same number, in order. The number of partitions is settled when the topics are made and never changes.
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass

DAY_MS = 86_400_000


def partition_of(key: str, partitions: int) -> int:
    """CRC-32 of the UTF-8 key modulo the partitions: the same in every language and process."""
    return zlib.crc32(key.encode()) % partitions


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of one Vigil; `prefix` keeps several on one Kafka apart."""

    prefix: str = "vitals"

    @property
    def readings(self) -> str:
        """Arrow batches (`vitals.batch`) of attributed samples. ingest -> detect, archive, live."""
        return f"{self.prefix}.readings"

    @property
    def refused(self) -> str:
        """`vitals.refusal.Refusal`, JSON, key device. ingest, archive -> archive."""
        return f"{self.prefix}.refused"

    @property
    def links(self) -> str:
        """`vitals.link.Link`, JSON, key device, compacted. ingest -> detect, archive, live."""
        return f"{self.prefix}.links"

    @property
    def waveforms(self) -> str:
        """Waveform chunks (`vitals.waveform`), key patient. ingest -> archive, detect, live."""
        return f"{self.prefix}.waveforms"

    @property
    def patients(self) -> str:
        """`vitals.context.PatientContext`, JSON, key patient, compacted. dashboard_api -> detect, live."""
        return f"{self.prefix}.patients"

    @property
    def rules(self) -> str:
        """The rule set in force, JSON, key the scope, compacted. dashboard_api -> detect."""
        return f"{self.prefix}.rules"

    @property
    def scores(self) -> str:
        """`vitals.score.ScoreUpdate`, JSON, key patient. detect -> live."""
        return f"{self.prefix}.scores"

    @property
    def findings(self) -> str:
        """`vitals.finding.Finding`, JSON, key patient. detect, ingest (what only the door sees), dashboard_api (the site's) -> alerts."""
        return f"{self.prefix}.findings"

    @property
    def checkpoints(self) -> str:
        """Detection's memory as pages (`streams.detect.checkpoint`), key `page-N`, compacted. detect -> detect."""
        return f"{self.prefix}.checkpoints"

    @property
    def watches(self) -> str:
        """What the waveform worker told and has not ended, key patient, compacted. streams/waveform_app -> itself."""
        return f"{self.prefix}.watches"

    @property
    def commands(self) -> str:
        """`vitals.command.Command`, JSON, key patient. dashboard_api -> alerts."""
        return f"{self.prefix}.commands"

    @property
    def alerts(self) -> str:
        """`vitals.alert.Alert`, JSON, key patient: the whole alert at each change. alerts -> live."""
        return f"{self.prefix}.alerts"

    def settings(self) -> Mapping[str, Mapping[str, str]]:
        """Topic -> Kafka's settings for it. All have the same number of partitions."""
        compact = {"cleanup.policy": "compact"}
        keep = {d: {"retention.ms": str(d * DAY_MS)} for d in (1, 7, 30)}
        return {
            self.readings: keep[7],
            self.refused: keep[30],
            self.links: compact,
            self.waveforms: keep[1],
            self.patients: compact,
            self.rules: compact,
            self.checkpoints: compact,
            self.watches: compact,
            self.scores: keep[1],
            self.findings: keep[30],
            self.commands: keep[30],
            self.alerts: keep[30],
        }
