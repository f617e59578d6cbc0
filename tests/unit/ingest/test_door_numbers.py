"""The numbers that doors give to samples are ones that the archive takes."""

from ingest.spoken import numbered
from streams.archive.sift import SEQ_LIMIT


def test_the_number_of_a_sample_of_the_last_moment_fits_the_archive() -> None:
    assert all(numbered((1 << 41) - 1, {"hr": beats}) < SEQ_LIMIT for beats in range(100))


def test_a_later_sample_has_a_higher_number() -> None:
    assert numbered(1_795_240_075_865, {"hr": 72}) < numbered(1_795_240_075_866, {"hr": 60})
