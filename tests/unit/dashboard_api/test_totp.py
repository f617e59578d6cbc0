"""One-time codes are RFC 6238's, near enough in time, and good once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard_api import totp

SECRET = b"12345678901234567890"


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (59, "94287082"), (1111111109, "07081804"), (1111111111, "14050471"), (1234567890, "89005924"), (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)  # fmt: skip
def test_the_codes_are_those_of_rfc_6238_appendix_b(seconds: int, expected: str) -> None:
    assert totp.code(SECRET, totp.step_of(seconds), digits=8) == expected


@pytest.mark.parametrize(("steps", "right"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_clock_may_be_half_a_minute_off(steps: int, right: bool) -> None:
    now = 1_700_000_000.0
    said = totp.code(SECRET, totp.step_of(now) + steps)
    assert (totp.matching(SECRET, said, now, used=0) is not None) is right


def test_a_step_that_was_used_and_any_before_it_is_over() -> None:
    now = 1_700_000_000.0
    step = totp.step_of(now)
    assert [totp.matching(SECRET, totp.code(SECRET, s), now, used=step) for s in (step - 1, step)] == [None, None]


@given(st.text(max_size=12))
def test_any_text_is_a_wrong_code_or_a_step(said: str) -> None:
    now = 1_700_000_000.0
    found = totp.matching(SECRET, said, now, used=0)
    assert found is None or totp.code(SECRET, found) == said


def test_an_authenticator_reads_the_secret_and_the_name() -> None:
    assert totp.uri(SECRET, "nurse") == f"otpauth://totp/Vigil:nurse?secret={totp.shown(SECRET)}&issuer=Vigil"


def test_a_recovery_code_can_be_read_out() -> None:
    assert totp.recovery(bytes(totp.RECOVERY_BYTES)) == "aaaa-aaaa-aaaa-aaaa"
