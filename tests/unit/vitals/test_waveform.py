"""A waveform folded to int16 comes back within half a step, gaps as gaps."""

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vitals.errors import WireFormatError
from vitals.waveform import Waveform, decode, encode, folded, numbers_of

NUMBERS = st.lists(st.none() | st.floats(-1e9, 1e9), min_size=1, max_size=50)


def waveform(numbers: list[float | None]) -> Waveform:
    gain, offset, samples = folded(numbers)
    who = {"patient": "p", "device": "d", "channel": "ecg_ii", "unit": "mV"}
    return Waveform(**who, seq=1, observed_at=2, received_at=3, rate_hz=250, gain=gain, offset=offset, samples=samples)


@settings(max_examples=150, deadline=None)
@given(NUMBERS)
def test_what_was_folded_comes_back_within_half_a_step(numbers: list[float | None]) -> None:
    one = waveform(numbers)
    sent = np.array([math.nan if n is None else n for n in numbers])
    back = numbers_of(decode(encode(one)))
    assert np.array_equal(np.isnan(back), np.isnan(sent))
    assert np.nanmax(np.abs(back - sent), initial=0) <= one.gain * 0.5001 + 1e-6


def test_a_record_of_before_clocks_were_noted_is_read_as_not_corrected() -> None:
    older = {name: value for name, value in msgspec.to_builtins(waveform([1.0]), builtin_types=(bytes,)).items() if name != "clock_ms"}
    assert decode(msgspec.msgpack.encode(older)) == waveform([1.0])


def test_a_flat_line_keeps_its_level() -> None:
    assert numbers_of(waveform([0.25, 0.25])).tolist() == [0.25, 0.25]


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=100))
def test_any_other_bytes_are_a_named_error(data: bytes) -> None:
    with pytest.raises(WireFormatError):
        decode(data)
