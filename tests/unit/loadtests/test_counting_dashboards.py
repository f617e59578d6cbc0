"""A dashboard that only counts counts every frame, however the network cuts them."""

from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from loadtests.dashboards import Counting


@given(
    st.lists(st.sampled_from([0, 5, 125, 126, 300, 70_000]), max_size=20), st.lists(st.sampled_from([1, 2, 3, 9, 1000, 65_536]), min_size=1)
)
def test_every_frame_is_counted_once(sizes: list[int], cuts: list[int]) -> None:
    data = b"".join(Frame(Opcode.TEXT, bytes(size)).serialize(mask=False) for size in sizes)
    dashboard, at, turn = Counting("host", []), 0, 0
    while at < len(data):
        step = cuts[turn % len(cuts)] if turn < 2000 else 65_536
        dashboard.data_received(data[at : at + step])
        at, turn = at + step, turn + 1
    assert dashboard.heard == len(sizes)
