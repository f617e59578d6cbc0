"""What was told of a patient's waveforms and has not ended, as a record: so that a restart neither repeats nor forgets it.

In: what is on of a patient. Out: bytes, and back. Only what is on is kept, with the id by which it was told: the signals themselves are
learned again within seconds. What is doubted (`told`) is on: after a restart it ends as anything that no longer holds.
"""

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from streams.detect.told import Told
from streams.detect.waveform.hearing import Hearing
from streams.detect.waveform.watch import Timer, Watch, timer_id
from vitals.errors import WireFormatError


class Mark(msgspec.Struct, frozen=True, array_like=True):
    """One condition that is on. name: the id by which it was told, "" for that of its begin."""

    since: int
    started: int
    told: bool
    name: str = ""


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(dict[str, Mark]).decode


def marks(patient: str, hearing: Hearing) -> dict[str, Mark]:
    """The conditions of a patient that have started, by the timer's key."""
    told = hearing.told
    doubted = {f"{f.subject}/{f.rule}": Mark(f.started_at, f.started_at, True, f.id) for f in told.doubted()}
    return doubted | {
        key: Mark(
            timer.started if timer.since is None else timer.since, timer.started, timer.told, _name(told, patient, key, timer.started)
        )
        for key, timer in hearing.watch.timers.items()
        if timer.started is not None
    }


def encode(kept: Mapping[str, Mark]) -> bytes:
    """The record's value."""
    return _encode(dict(kept))


def decode(patient: str, data: bytes) -> Hearing:
    """A patient of whom it is known what is on, and no signal yet. Raises WireFormatError for anything else."""
    try:
        kept = _decode(data)
    except msgspec.MsgspecError as error:
        raise WireFormatError(f"not the marks of a watch: {error}") from error
    names = {timer_id(patient, key, mark.started): mark.name for key, mark in kept.items() if mark.name}
    timers = {key: Timer(mark.since, None, mark.started, mark.told) for key, mark in kept.items()}
    return Hearing(Watch(timers=MappingProxyType(timers)), told=Told(names=names))


def _name(told: Told, patient: str, key: str, started: int) -> str:
    known = timer_id(patient, key, started)
    name = told.name(known)
    return "" if name == known else name
