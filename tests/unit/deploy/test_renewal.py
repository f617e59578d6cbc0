"""The broker's certificates are looked after: what changes is read, what ends is renewed."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest
from cryptography import x509

from dashboard_api.device_certificates import Authority
from deploy import records
from deploy.parts import certificates
from deploy.records import Record
from deploy.renewal import LOOK_S, RENEW_S, Certificates, Renewal

NOW = datetime(2026, 1, 2, tzinfo=UTC)
BROKER = """
import signal
watched = (signal.SIGHUP, signal.SIGUSR1)
signal.pthread_sigmask(signal.SIG_BLOCK, watched)
print("up", flush=True)
while True:
    print(signal.Signals(signal.sigwait(watched)).name, flush=True)
"""


class Site:
    """Certificates, a process that says which signals it got, and a clock."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.at, self.now = folder / "tls", 0.0, NOW
        certificates.ensure(self.folder, ["localhost"], NOW)
        self.devices = Authority(certificates.ensure_devices(self.folder / "devices", NOW).folder)
        self.broker = subprocess.Popen([sys.executable, "-c", BROKER], stdout=subprocess.PIPE, text=True)
        assert self.heard() == "up"
        (folder / "run").mkdir()
        identity = ("mosquitto", self.broker.pid, records.created(self.broker.pid), "", 0)
        records.write(folder / "run", Record(*identity, 90, int(signal.SIGTERM), boot=records.boot()))
        watched = Certificates(self.folder, ["localhost"], folder / "run")
        self.said: list[str] = []
        self.renewal = Renewal(watched, lambda: self.at, lambda: self.now, self.said.append)

    def heard(self) -> str:
        assert self.broker.stdout is not None
        return self.broker.stdout.readline().strip()

    def after(self, seconds: float) -> None:
        self.at, self.now = self.at + seconds, self.now + timedelta(seconds=seconds)
        self.renewal.look()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A site whose broker ends with the test."""
    one = Site(tmp_path)
    yield one
    one.broker.kill()
    one.broker.wait()


def test_a_changed_list_of_revoked_ones_is_read_by_the_broker(site: Site) -> None:
    site.after(LOOK_S)
    site.devices.revoke([("a1", NOW)], NOW)
    site.after(LOOK_S)
    site.renewal.keep()
    assert [site.heard(), site.heard()] == ["SIGHUP", "SIGUSR1"]


def test_a_changed_list_is_read_after_a_step_of_the_clock_too(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = psutil.boot_time() + 2
    monkeypatch.setattr("psutil._pslinux.boot_time", lambda: steps)
    site.devices.revoke([("a1", NOW)], NOW)
    site.after(LOOK_S)
    site.broker.send_signal(signal.SIGUSR1)  # heard last: what was missed is seen, not waited for
    assert site.heard() == "SIGHUP"


def test_a_server_certificate_is_renewed_before_it_ends_and_read(site: Site) -> None:
    first = (site.folder / "server.pem").read_bytes()
    site.after(timedelta(days=370).total_seconds() + RENEW_S)
    renewed = x509.load_pem_x509_certificate((site.folder / "server.pem").read_bytes())
    assert (site.heard(), (site.folder / "server.pem").read_bytes() != first) == ("SIGHUP", True)
    assert renewed.not_valid_after_utc > site.now + timedelta(days=300)


def test_nothing_is_sent_while_nothing_changes(site: Site) -> None:
    for _ in range(5):
        site.after(LOOK_S)
    site.renewal.keep()
    assert site.heard() == "SIGUSR1"


def test_a_list_that_is_away_is_said_and_ends_nothing(site: Site) -> None:
    os.unlink(site.folder / "devices/revoked.crl")
    site.after(LOOK_S)
    assert ["cannot be looked after" in text for text in site.said] == [True]
