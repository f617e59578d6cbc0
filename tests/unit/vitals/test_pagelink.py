"""One-time links: what was signed here and is not too old, and nothing else."""

import uuid

from hypothesis import given
from hypothesis import strategies as st

from vitals.pagelink import page_of, token

KEY = b"k" * 32


@given(st.uuids(), st.integers(1, 2**60))
def test_a_token_names_its_page_until_it_expires(page: uuid.UUID, expires: int) -> None:
    text = token(KEY, str(page), expires)
    assert (page_of(KEY, text, expires - 1), page_of(KEY, text, expires)) == (page, "expired")


@given(st.text(max_size=80))
def test_any_text_is_refused_by_name(text: str) -> None:
    assert page_of(KEY, text, 0) in ("malformed", "forged")


@given(st.uuids(), st.integers(1, 255))
def test_another_sites_key_does_not_sign(page: uuid.UUID, byte: int) -> None:
    assert page_of(KEY, token(bytes([byte]) * 31, str(page), 10), 0) == "forged"
