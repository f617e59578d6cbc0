"""Pauses between attempts."""

from streams.backoff import pause


def test_pauses_double_up_to_the_cap_and_jitter_takes_at_most_half() -> None:
    assert [(pause(n, 0.0), pause(n, 1.0)) for n in (1, 2, 3, 50)] == [(0.1, 0.2), (0.2, 0.4), (0.4, 0.8), (1.5, 3.0)]
