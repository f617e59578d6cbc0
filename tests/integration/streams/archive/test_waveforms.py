"""Waveforms on a real TimescaleDB."""

from collections.abc import Callable

import pytest

from streams.archive.record import Record
from streams.archive.sift import Noted
from streams.archive.timescale import Session
from streams.archive.waveforms import Waveforms
from vitals.waveform import Waveform, encode, folded

Ask = Callable[..., list[tuple[object, ...]]]


def chunk(offset: int, seq: int = 1, patient: str = "p1", device: str = "d1", clock_ms: int = 0, *, again: bool = False) -> Record:
    gain, middle, samples = folded([0.0, 0.5, None, 1.0])
    made = Waveform(
        patient=patient, device=device, channel="ecg_ii", seq=seq,
        observed_at=1_700_000_000_000 + seq * 1000 + clock_ms, received_at=1_700_000_000_300,
        rate_hz=250.0, unit="mV", gain=gain, offset=middle, samples=samples, clock_ms=clock_ms, again=again,
    )  # fmt: skip
    return Record("vitals.waveforms", 0, offset, encode(made), end=99)


def test_a_chunk_is_stored_once_as_it_came_and_everything_else_is_refused_by_name(session: Session, ask: Ask, told: list[Noted]) -> None:
    sink = Waveforms(session, "vitals.waveforms", told.extend)
    rubbish = Record("vitals.waveforms", 0, 5, b"rubbish", end=99)
    records = [chunk(0), chunk(1), chunk(2, seq=2), chunk(3, device="d9"), chunk(4, patient="p9"), rubbish]
    done = [sink.store(records), sink.store(records), sink.store([chunk(6, seq=2)])]
    stored = ask(
        "SELECT channel, seq, rate_hz, unit, samples, extract(epoch FROM observed_at)::bigint FROM telemetry.waveform ORDER BY seq"
    )
    samples = folded([0.0, 0.5, None, 1.0])[2]
    assert ([(d.rows, dict(d.refused)) for d in done], stored, len(told)) == (
        [(2, {"duplicate": 1, "malformed": 1, "unknown_device": 1, "unassigned_device": 1}), (0, {}), (0, {"duplicate": 1})],
        [("ecg_ii", seq, 250.0, "mV", samples, 1_700_000_000 + seq) for seq in (1, 2)],
        5,
    )


def test_a_chunk_that_was_given_again_on_the_way_here_is_no_refusal(session: Session, told: list[Noted]) -> None:
    sink = Waveforms(session, "vitals.waveforms", told.extend)
    done = [sink.store([chunk(0)]), sink.store([chunk(1, again=True)])]
    assert ([(d.rows, d.again) for d in done], told) == ([(1, 0), (0, 1)], [])


@pytest.mark.parametrize("clocks", [(0, 95_000), (95_000, 0), (94_980, 95_000), (95_000, 95_000), (-95_000, 94_000)])
@pytest.mark.parametrize("at_once", [True, False])
def test_a_chunk_that_comes_again_under_another_correction_of_its_clock_is_there_already(
    session: Session, ask: Ask, told: list[Noted], clocks: tuple[int, int], at_once: bool
) -> None:
    ask("INSERT INTO clinical.clock VALUES ('d1', now(), -95000, 95000, 20, 'ingest') RETURNING 1")
    sink = Waveforms(session, "vitals.waveforms", told.extend)
    records = [chunk(n, clock_ms=clock) for n, clock in enumerate(clocks)] + [chunk(2, seq=2, clock_ms=clocks[1])]
    for some in [records] if at_once else [[one] for one in records]:
        sink.store(some)
    kept = ask("SELECT seq::int, clock_ms, extract(epoch FROM observed_at)::float8 FROM telemetry.waveform ORDER BY seq")
    wanted = [(seq, clock, 1_700_000_000 + seq + clock / 1000) for seq, clock in ((1, clocks[0]), (2, clocks[1]))]
    assert (kept, [noted.refusal.reason.value for noted in told]) == (wanted, ["duplicate"])
