"""What was told of a patient's waveforms and has not ended, as a record: so that a restart neither repeats nor forgets it.

In: the timers of a watch. Out: bytes, and back. Only what is on is kept: the signals themselves are learned again within seconds.
"""

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from streams.detect.waveform.watch import Timer, Watch
from vitals.errors import WireFormatError


class Mark(msgspec.Struct, frozen=True, array_like=True):
    """One condition that is on."""

    since: int
    started: int
    told: bool


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(dict[str, Mark]).decode


def marks(watch: Watch) -> dict[str, Mark]:
    """The conditions of `watch` that have started, by the timer's key."""
    on = {key: (timer.since, timer.started, timer.told) for key, timer in watch.timers.items() if timer.started is not None}
    return {key: Mark(started if since is None else since, started, told) for key, (since, started, told) in on.items()}


def encode(kept: Mapping[str, Mark]) -> bytes:
    """The record's value."""
    return _encode(dict(kept))


def decode(data: bytes) -> Watch:
    """A watch that knows what is on and no signal yet. Raises WireFormatError for anything else."""
    try:
        kept = _decode(data)
    except msgspec.MsgspecError as error:
        raise WireFormatError(f"not the marks of a watch: {error}") from error
    return Watch(timers=MappingProxyType({key: Timer(m.since, None, m.started, m.told) for key, m in kept.items()}))
