"""HL7's times become moments: with their own offset, else by the clock on the site's wall, summer time included."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.hl7 import Oru, read
from ingest.hl7_time import moment, zone_named
from ingest.mllp_main import Settings
from vitals.errors import SettingError
from vitals.settings import read as settings

BERLIN = ZoneInfo("Europe/Berlin")
ENVIRON = {"VIGIL_KAFKA": "k", "VIGIL_DATABASE": "d", "VIGIL_MLLP_PORT": "2575"}
NOON = "20250610120000"


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * 1000


def message(header: str, own: str) -> bytes:
    rows = (f"MSH|^~\\&|dev-1|N|||{header}||ORU^R01|1|P|2.6", f"OBX|1|NM|8867-4^HR^LN||80|/min|||||R|||{own}")
    return "\r".join(rows).encode()


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        (NOON, "2025-06-10T10:00Z"),
        ("20250110120000", "2025-01-10T11:00Z"),
        ("20250610120000+0800", "2025-06-10T04:00Z"),
        ("20250610120000-0330", "2025-06-10T15:30Z"),
        ("20250330023000", "2025-03-30T01:30Z"),
    ],
)
def test_a_time_without_an_offset_is_by_the_clock_on_the_wall(text: str, utc: str) -> None:
    assert moment(text, BERLIN, ms(utc)) == ms(utc)


@pytest.mark.parametrize("now", ["2025-10-26T00:30Z", "2025-10-26T01:30Z"])
def test_of_an_hour_that_the_clock_shows_twice_a_reading_is_in_the_one_that_is_now(now: str) -> None:
    assert moment("20251026023000", BERLIN, ms(now)) == ms(now)


@pytest.mark.parametrize(
    ("header", "own", "utc"), [(NOON, NOON, "10:00"), (NOON + "+0800", NOON, "04:00"), (NOON, NOON + "+0000", "12:00")]
)
def test_a_rows_own_offset_goes_before_the_headers_and_that_before_the_site(header: str, own: str, utc: str) -> None:
    found = read(message(header, own), "dev-1".__eq__, BERLIN, ms("2025-06-10T12:00Z"))
    assert isinstance(found, Oru)
    assert found.samples[0].observed_at == ms(f"2025-06-10T{utc}Z")


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "Europe", "../etc/passwd", "+08:00", "x" * 300, "a\0b"])
def test_a_site_whose_zone_is_none_does_not_start_and_says_why(name: str) -> None:
    with pytest.raises(SettingError, match=r"^VIGIL_HL7_ZONE=.*IANA.*Europe/Berlin"):
        settings(Settings, {**ENVIRON, "VIGIL_HL7_ZONE": name})


@pytest.mark.parametrize(("given_", "zone"), [({}, "UTC"), ({"VIGIL_HL7_ZONE": "Asia/Shanghai"}, "Asia/Shanghai")])
def test_the_zone_is_a_setting_and_utc_without_it(given_: dict[str, str], zone: str) -> None:
    assert settings(Settings, {**ENVIRON, **given_}).hl7_zone == ZoneInfo(zone)


ZONES: Any = st.sampled_from([UTC, BERLIN, ZoneInfo("Pacific/Apia"), ZoneInfo("America/St_Johns")])


@given(st.from_regex(r"[0-9]{8,14}(\.[0-9]{1,4})?([+-][0-9]{4})?", fullmatch=True), ZONES, st.integers(0, 4_102_444_800_000))
def test_any_digits_are_a_moment_or_stay_text(text: str, zone: Any, now: int) -> None:
    found = moment(text, zone, now)
    assert isinstance(found, int) or found == text


def test_a_name_is_a_zone() -> None:
    assert zone_named("Europe/Berlin") is BERLIN
