"""Claims about the device's disk: what is put in comes out, in order, until it is done; also after a crash."""

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from devices.outbox import Outbox

ONE, TWO, THREE = b'{"seq":1}', b'{"seq":2}', b'{"seq":3}'


def test_the_oldest_comes_first(tmp_path: Path) -> None:
    box = Outbox(tmp_path / "box")
    box.put([ONE, TWO])
    box.put([THREE])
    assert (box.oldest(2), box.oldest(2)) == ([ONE, TWO], [THREE])


def test_what_did_not_arrive_goes_back_to_the_front(tmp_path: Path) -> None:
    box = Outbox(tmp_path / "box")
    box.put([ONE, TWO, THREE])
    box.back(box.oldest(2))
    assert box.oldest(3) == [ONE, TWO, THREE]


def test_a_restart_gives_all_that_was_not_done(tmp_path: Path) -> None:
    box = Outbox(tmp_path / "box")
    box.put([ONE, TWO, THREE])
    box.done(len(box.oldest(2)))
    assert Outbox(tmp_path / "box").oldest(9) == [ONE, TWO, THREE]


def test_when_all_is_done_the_file_is_gone(tmp_path: Path) -> None:
    box = Outbox(tmp_path / "box")
    box.put([ONE, TWO])
    box.done(len(box.oldest(2)))
    assert not (tmp_path / "box").exists()


def test_a_line_cut_short_by_a_crash_is_dropped(tmp_path: Path) -> None:
    (tmp_path / "box").write_bytes(ONE + b"\n" + TWO[:4])
    assert Outbox(tmp_path / "box").oldest(9) == [ONE]


def test_what_is_put_in_after_a_line_cut_short_is_whole_after_the_next_crash(tmp_path: Path) -> None:
    (tmp_path / "box").write_bytes(ONE + b"\n" + TWO[:4])
    Outbox(tmp_path / "box").put([THREE])
    assert Outbox(tmp_path / "box").oldest(9) == [ONE, THREE]


def test_a_file_of_nothing_but_a_line_cut_short_is_empty(tmp_path: Path) -> None:
    (tmp_path / "box").write_bytes(TWO[:4])
    Outbox(tmp_path / "box").put([THREE])
    assert Outbox(tmp_path / "box").oldest(9) == [THREE]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.one_of(st.just(("put", 1)), st.tuples(st.sampled_from(["take", "fail"]), st.integers(1, 4))), max_size=30))
def test_nothing_is_lost_or_doubled_whatever_fails(steps: list[tuple[str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        box, put, arrived = Outbox(Path(folder) / "box"), 0, []
        for step, count in steps:
            if step == "put":
                box.put([b"%d" % put])
                put += 1
                continue
            taken = box.oldest(count)
            if step == "fail":
                box.back(taken)
            else:
                arrived += taken
                box.done(len(taken))
        assert [int(s) for s in arrived + box.oldest(99)] == list(range(put))
