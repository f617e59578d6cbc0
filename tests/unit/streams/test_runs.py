"""Faust as our workers have it: what a run acknowledges, on a consumer that counts as Faust's does; and no folders."""

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from faust.types import TP

from streams.faust_settings import consumer
from streams.runs_app import App, Consumer, Tableless

PLACE = TP("t", 0)


@dataclass
class Counting:
    """As much of Faust's consumer as a run touches: `_run` reads and sets the first two, `ack` fills the last."""

    _last: dict[TP, tuple[int, int]] = field(default_factory=dict)
    _read_offset: dict[TP, int | None] = field(default_factory=lambda: defaultdict(lambda: None))
    acked: list[int] = field(default_factory=list)

    def ack(self, message: Any) -> bool:
        self.acked.append(message.offset)
        return True

    def fetched(self, *offsets: int, generation: int = 1) -> Any:
        records = tuple(SimpleNamespace(offset=offset, timestamp=0, timestamp_type=0) for offset in offsets)
        run = Consumer._run(self, PLACE, records, generation)
        self._read_offset[PLACE] = run.offset  # as Faust does once it has handed the event on
        return run


@pytest.mark.parametrize(
    ("second", "acknowledged"),
    [((12, 13), [12, 13]), ((15, 18), [12, 13, 14, 15, 16, 17, 18]), ((11, 12), [11, 12])],
    ids=["what follows", "what follows a hole, and has one", "what is read again"],
)
def test_a_run_acknowledges_all_from_the_last_one_to_its_end(second: tuple[int, ...], acknowledged: list[int]) -> None:
    consumer = Counting()
    consumer.fetched(10, 11)
    run = consumer.fetched(*second)
    run.on_final_ack(consumer)
    assert consumer.acked == acknowledged


def test_after_a_rebalance_nothing_is_known_of_the_run_before() -> None:
    consumer = Counting()
    consumer.fetched(10, 11)
    consumer.fetched(20, 21, generation=2).on_final_ack(consumer)
    assert consumer.acked == [20, 21]


@pytest.mark.parametrize("made", [App, Tableless])
def test_a_worker_leaves_no_folder_behind(made: type[Tableless], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    app = made(**consumer("t-detect", "127.0.0.1:1", "0", 4))
    app.finalize()
    app._create_directories()
    assert list(tmp_path.iterdir()) == []
