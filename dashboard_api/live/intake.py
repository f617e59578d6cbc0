"""Takes Kafka's records into the picture: decodes each by its kind, counts what cannot be read.

In: lists of records in order, or the database's first picture. Out: a changed picture, and a wake-up for the feed's tick. Promise: a
record that cannot be decoded is counted `unreadable` and stops nothing; `caught_up` turns true once all that was there at the start
has been taken in.
"""

import asyncio
import logging
import math
from collections.abc import Callable

import msgspec
import numpy as np

from dashboard_api.live import frames
from dashboard_api.live.audience import Strip
from dashboard_api.live.feed import Feed
from dashboard_api.live.first import First
from dashboard_api.live.kafka import Record, Start
from dashboard_api.live.measure import Measures
from vitals import batch, waveform
from vitals.alert import Alert
from vitals.context import PatientContext
from vitals.errors import WireFormatError
from vitals.link import Link
from vitals.score import ScoreUpdate

log = logging.getLogger("live.intake")
_FROM_DATABASE = -1
_score = msgspec.json.Decoder(ScoreUpdate)
_alert = msgspec.json.Decoder(Alert)
_link = msgspec.json.Decoder(Link)
_context = msgspec.json.Decoder(PatientContext)


class Intake:
    """The one way into the picture of `feed`; `clock` in ms."""

    def __init__(self, feed: Feed, start: Start, clock: Callable[[], int], measures: Measures, wake: asyncio.Event) -> None:
        self._feed, self._clock, self._measures, self._wake = feed, clock, measures, wake
        self._picture = feed.picture
        self._end = start.end
        self._newest_at = 0
        self._taken_at = 0
        self.caught_up = False
        for kind, begin in enumerate(start.begin):
            self._picture.base[kind] = list(begin)
            self._picture.next[kind] = list(begin)
        self._by_kind: tuple[Callable[[Record], None], ...] = (
            self._readings, self._scores, self._alerts, self._links, self._patients, self._waveforms,
        )  # fmt: skip
        self._check_caught_up()

    def first(self, known: First) -> None:
        """The database's picture; it never overrides what is newer."""
        for context in known.contexts:
            self._picture.context(context, _FROM_DATABASE)
        now = self._clock()
        for readings in known.readings:
            self._picture.readings(readings, _FROM_DATABASE, now)
        for alert in known.alerts:
            self._picture.alert(alert, 0, _FROM_DATABASE)
        for link in known.links:
            self._picture.link(link, _FROM_DATABASE)
        self._picture.take()

    def take(self, records: list[Record]) -> None:
        """One list from Kafka, in order."""
        for record in records:
            try:
                self._by_kind[record.kind](record)
            except (msgspec.MsgspecError, WireFormatError) as error:
                self._measures.unreadable.inc()
                place = (record.kind, record.partition, record.offset)
                log.warning("event=unreadable kind=%d partition=%d offset=%d cause=%s", *place, type(error).__name__)
            if record.kind < len(self._picture.next):
                self._picture.advance(record.kind, record.partition, record.offset)
        self._newest_at, self._taken_at = records[-1].at, self._clock()
        if not self.caught_up:
            self._check_caught_up()
        self._wake.set()

    def behind_ms(self, silent_s: float) -> int:
        """How old what the picture shows is; `silent_s`: since Kafka last answered."""
        if silent_s > 4.0:
            return int(silent_s * 1000)
        if self._clock() - self._taken_at > 1000:
            return 0
        return max(0, self._taken_at - self._newest_at)

    def _check_caught_up(self) -> None:
        have = self._picture.next
        self.caught_up = all(n >= end for row, ends in zip(have, self._end, strict=True) for n, end in zip(row, ends, strict=True))

    def _readings(self, record: Record) -> None:
        if record.schema != batch.SCHEMA_ID:
            raise WireFormatError(f"schema {record.schema!r}, expected {batch.SCHEMA_ID!r}")
        readings = batch.decode(record.value)
        changed = self._picture.readings(readings, record.offset, self._clock())
        self._measures.readings.inc(len(readings))
        told = int(np.count_nonzero(~np.isnan(readings.values)))
        self._measures.not_newest.inc(max(0, told - changed))

    def _scores(self, record: Record) -> None:
        self._picture.score(_score.decode(record.value), record.offset)

    def _alerts(self, record: Record) -> None:
        self._picture.alert(_alert.decode(record.value), record.partition, record.offset)

    def _links(self, record: Record) -> None:
        if record.value:
            self._picture.link(_link.decode(record.value), record.offset)

    def _patients(self, record: Record) -> None:
        if record.value:
            self._picture.context(_context.decode(record.value), record.offset, record.partition)

    def _waveforms(self, record: Record) -> None:
        if not self._feed.audiences:
            return
        chunk = waveform.decode(record.value)
        samples = [None if math.isnan(n) else round(n, 5) for n in waveform.numbers_of(chunk).tolist()]
        body: frames.Json = {"type": "waveform", "patient": chunk.patient, "channel": chunk.channel}
        body |= {"observed_at": frames.rfc3339(chunk.observed_at), "rate_hz": chunk.rate_hz, "unit": chunk.unit, "samples": samples}
        self._feed.waveform(Strip(chunk.patient, chunk.channel), frames.encoded(body))
