"""The texts of a page."""

import pytest

from alerts.notice import Notice, subject


@pytest.mark.parametrize(("ward", "bed"), [("north", "4\n"), ("north", "\r\n4"), ("north\u2028", "4")])
def test_a_subject_is_one_line_whatever_a_bed_or_ward_is_called(ward: str, bed: str) -> None:
    notice = Notice(key="k", kind="raised", priority="high", ward=ward, bed=bed, link="", sent_at=0)
    assert subject(notice) == "HIGH north bed 4: Alert"
