"""Quotas as a site sets them."""

import pytest

from ingest.gateway_main import Settings
from ingest.quota import Limits
from vitals.errors import SettingError
from vitals.settings import read

ADDRESSES = {"VIGIL_KAFKA": "h:1", "VIGIL_DATABASE": "postgresql://h/d", "VIGIL_MQTT": "mqtt://h:1"}


def test_without_a_word_the_quotas_are_those_of_a_monitor() -> None:
    assert read(Settings, ADDRESSES).limits == Limits()


def test_a_site_sets_each_of_them() -> None:
    said = dict(zip(("RATE", "BURST", "KB_RATE", "KB_BURST", "WAITING", "WAITING_ALL", "HUB"), map(str, range(1, 8)), strict=True))
    set_so = read(Settings, ADDRESSES | {f"VIGIL_QUOTA_{name}": value for name, value in said.items()})
    assert set_so.limits == Limits(1.0, 2.0, 3072.0, 4096.0, 5, 6, 7)


def test_a_quota_of_nothing_is_named() -> None:
    with pytest.raises(SettingError, match="VIGIL_QUOTA_RATE"):
        read(Settings, ADDRESSES | {"VIGIL_QUOTA_RATE": "0"})
