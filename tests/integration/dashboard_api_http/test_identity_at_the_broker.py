"""Who is not let in, or tries what is not theirs, at the real broker: refused there, and in the audit."""

import os
import signal
import ssl
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from paho.mqtt.client import CallbackAPIVersion, Client
from paho.mqtt.enums import MQTTProtocolVersion

from dashboard_api.device_certificates import Authority, new_key
from deploy.parts import certificates
from tests.integration.dashboard_api_http.site import Site
from tests.waiting import wait_for

As = Callable[[str], httpx.Client]
PATIENCE_S = 30.0
"""For what comes within milliseconds on a machine that has nothing else to do."""
_addresses = count()


@dataclass(frozen=True)
class Papers:
    """A certificate and its key, as files."""

    certificate: Path
    key: Path


class Caller:
    """Somebody who calls at the broker, from an address of their own (127.2.N.N): `let_in`, or `said` why not."""

    def __init__(self, port: int, name: str, password: str | None = None, tls: ssl.SSLContext | None = None) -> None:
        n = next(_addresses)
        self.address, self.said = f"127.2.{n // 250}.{n % 250 + 1}", ""
        self.acks: dict[int, str] = {}
        self.over, self.let_in = threading.Event(), threading.Event()
        self.client = Client(CallbackAPIVersion.VERSION2, name, protocol=MQTTProtocolVersion.MQTTv5, reconnect_on_failure=False)
        self.client.username_pw_set(name, password)
        if tls is not None:
            self.client.tls_set_context(tls)
        self.client.on_connect = self._on_connect
        self.client.on_disconnect = lambda *_: self.over.set()
        self.client.on_publish = lambda _c, _d, mid, reason, _p: self.acks.__setitem__(mid, str(reason))
        self.client.on_subscribe = lambda _c, _d, mid, reasons, _p: self.acks.__setitem__(mid, str(reasons[0]))
        try:
            self.client.connect("127.0.0.1", port, bind_address=self.address)
            self.client.loop_start()
            wait_for(lambda: self.over.is_set() or self.let_in.is_set(), PATIENCE_S, "the broker's answer")
        except ssl.SSLError as error:
            self.said = error.reason or str(error)

    def _on_connect(self, _client: Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        self.said = str(reason)
        (self.over if reason.is_failure else self.let_in).set()

    def answer(self, asked: tuple[Any, int | None]) -> str:
        """The broker's reason code."""
        mid = asked[1]
        assert mid is not None
        return wait_for(lambda: self.acks.get(mid), PATIENCE_S, "the broker's acknowledgement")

    def publishes(self, topic: str) -> str:
        """What the broker says to a message on `topic`."""
        return self.answer((None, self.client.publish(topic, b"{}", qos=1).mid))

    def goes(self) -> "Caller":
        """Leaves."""
        self.client.disconnect()
        self.client.loop_stop()
        return self


def audited(site: Site, address: str) -> list[tuple[str, str, str]]:
    """(who, what, why) of the broker's refusals of callers at `address`, once there are any."""
    sql = """SELECT actor, resource, detail ->> 'why' FROM access.audit
             WHERE action = 'brokerRefused' AND outcome = 'denied' AND detail ->> 'address' = %s ORDER BY n"""
    return wait_for(lambda: site.sql(sql, address), PATIENCE_S, "the broker's refusal in the audit")


def trusting(site: Site, papers: Papers | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(site.broker.ca_file))
    if papers is not None:
        context.load_cert_chain(papers.certificate, papers.key)
    return context


def written(folder: Path, certificate: str, key: str) -> Papers:
    papers = Papers(folder / f"{uuid.uuid4().hex}.pem", folder / f"{uuid.uuid4().hex}.key")
    papers.certificate.write_text(certificate)
    papers.key.write_text(key)
    return papers


def certified(site: Site, device: str, folder: Path, **wishes: Any) -> Papers:
    """A certificate as the API gives it."""
    answer = site.client("admin").post(f"/api/v1/devices/{device}/certificate", json=wishes)
    assert answer.status_code == 201, answer.text
    return written(folder, answer.json()["certificate"], answer.json()["key"])


def signed(authority: Authority, device: str, folder: Path, at: datetime, days: float) -> Papers:
    key, public = new_key()
    return written(folder, authority.sign(device, public, at, days).pem, key)


def listed_again(site: Site) -> None:
    """Has the broker read its list of revoked certificates, as the launcher does when the list has changed."""
    assert site.broker.running is not None
    os.kill(site.broker.running.pid, signal.SIGHUP)


def mtls(site: Site) -> int:
    assert site.broker.mtls_port is not None
    return site.broker.mtls_port


def until_not_let_in(site: Site, device: str, papers: Papers) -> None:
    context = trusting(site, papers)
    wait_for(lambda: not Caller(mtls(site), device, tls=context).goes().let_in.is_set(), PATIENCE_S, "the list to be read")


def test_a_wrong_password(site: Site) -> None:
    mine = site.device()["id"]
    caller = Caller(site.broker.port, mine, "wrong").goes()
    expected = ("Not authorized", [(mine, "mqtt connect", "the name or the secret is wrong")])
    assert (caller.said, audited(site, caller.address)) == expected


def test_a_name_that_nobody_has(site: Site) -> None:
    caller = Caller(site.broker.port, "dev-nobody", "guess").goes()
    expected = ("Not authorized", [("dev-nobody", "mqtt connect", "the name or the secret is wrong")])
    assert (caller.said, audited(site, caller.address)) == expected


def test_another_devices_topic(site: Site) -> None:
    mine, other = site.device(), site.device()["topics"]["vitals"]
    caller = Caller(site.broker.port, mine["id"], mine["password"])
    said = caller.publishes(other)
    caller.goes()
    assert (said, audited(site, caller.address)) == ("Not authorized", [(mine["id"], f"mqtt publish {other}", "not a topic of its own")])


def test_listening_to_another_device(site: Site) -> None:
    mine, other = site.device(), site.device()["topics"]["refused"]
    caller = Caller(site.broker.port, mine["id"], mine["password"])
    said = caller.answer(caller.client.subscribe(other, 1))
    caller.goes()
    assert (said, audited(site, caller.address)) == ("Not authorized", [(mine["id"], f"mqtt subscribe {other}", "not a topic of its own")])


def test_a_revoked_device_is_cut_off_at_once_and_is_not_let_in_again(site: Site, as_: As) -> None:
    mine = site.device()
    caller = Caller(site.broker.port, mine["id"], mine["password"])
    as_("admin").delete(f"/api/v1/devices/{mine['id']}").raise_for_status()
    cut = caller.over.wait(PATIENCE_S)
    again = Caller(site.broker.port, mine["id"], mine["password"]).goes()
    caller.goes()
    expected = (True, "Not authorized", [(mine["id"], "mqtt connect", "the name or the secret is wrong")])
    assert (cut, again.said, audited(site, again.address)) == expected


@pytest.mark.parametrize("listener", ["password", "certificate"])
def test_tls_1_1(site: Site, tmp_path: Path, listener: str) -> None:
    mine = site.device()
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.set_ciphers("DEFAULT@SECLEVEL=0")
    old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    port = site.broker.tls_port if listener == "password" else mtls(site)
    assert port is not None
    caller = Caller(port, mine["id"], mine["password"], old).goes()
    expected = (False, [("unknown", "mqtt tls handshake", "unsupported protocol")])
    assert (caller.let_in.is_set(), audited(site, caller.address)) == expected


def test_tls_1_2_and_1_3_are_taken(site: Site) -> None:
    mine, found = site.device(), []
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = trusting(site)
        context.minimum_version = context.maximum_version = version
        assert site.broker.tls_port is not None
        found.append(Caller(site.broker.tls_port, mine["id"], mine["password"], context).goes().said)
    assert found == ["Success", "Success"]


def test_a_certificate_is_the_account_whatever_else_the_device_says(site: Site, tmp_path: Path) -> None:
    mine, other = site.device(), site.device()
    caller = Caller(mtls(site), other["id"], other["password"], trusting(site, certified(site, mine["id"], tmp_path)))
    said = [caller.publishes(device["topics"]["vitals"]) for device in (mine, other)]
    caller.goes()
    assert (said[0] in ("Success", "No matching subscribers"), said[1]) == (True, "Not authorized")
    assert audited(site, caller.address) == [(mine["id"], f"mqtt publish {other['topics']['vitals']}", "not a topic of its own")]


def test_an_expired_certificate(site: Site, tmp_path: Path) -> None:
    assert site.broker.devices is not None
    mine = site.device()["id"]
    papers = signed(Authority(site.broker.devices), mine, tmp_path, datetime.now(UTC) - timedelta(days=2), 1)
    caller = Caller(mtls(site), mine, tls=trusting(site, papers)).goes()
    expected = (False, [("unknown", "mqtt tls handshake", "certificate verify failed")])
    assert (caller.let_in.is_set(), audited(site, caller.address)) == expected


def test_a_certificate_of_another_authority(site: Site, tmp_path: Path) -> None:
    mine, now = site.device()["id"], datetime.now(UTC)
    other = Authority(certificates.ensure_devices(tmp_path / "other", now).folder)
    caller = Caller(mtls(site), mine, tls=trusting(site, signed(other, mine, tmp_path, now, 1))).goes()
    expected = (False, [("unknown", "mqtt tls handshake", "certificate verify failed")])
    assert (caller.let_in.is_set(), audited(site, caller.address)) == expected


def test_no_certificate_where_one_is_asked_for(site: Site) -> None:
    mine = site.device()
    caller = Caller(mtls(site), mine["id"], mine["password"], trusting(site)).goes()
    expected = (False, [("unknown", "mqtt tls handshake", "peer did not return a certificate")])
    assert (caller.let_in.is_set(), audited(site, caller.address)) == expected


def test_a_revoked_devices_certificate(site: Site, as_: As, tmp_path: Path) -> None:
    mine = site.device()
    papers = certified(site, mine["id"], tmp_path)
    caller = Caller(mtls(site), mine["id"], tls=trusting(site, papers))
    as_("admin").delete(f"/api/v1/devices/{mine['id']}").raise_for_status()
    cut = caller.over.wait(PATIENCE_S)
    unread = Caller(mtls(site), mine["id"], tls=trusting(site, papers))
    may = unread.publishes(mine["topics"]["vitals"]) if unread.let_in.is_set() else "not let in"
    unread.goes()
    listed_again(site)
    until_not_let_in(site, mine["id"], papers)
    again = Caller(mtls(site), mine["id"], tls=trusting(site, papers)).goes()
    caller.goes()
    expected = (True, "Not authorized", [("unknown", "mqtt tls handshake", "certificate verify failed")])
    assert (cut, may, audited(site, again.address)) == expected


def test_a_lost_keys_certificate_is_revoked_and_the_new_one_is_good(site: Site, tmp_path: Path) -> None:
    mine = site.device()["id"]
    lost = certified(site, mine, tmp_path)
    fresh = certified(site, mine, tmp_path, revoke_earlier=True)
    listed_again(site)
    until_not_let_in(site, mine, lost)
    assert Caller(mtls(site), mine, tls=trusting(site, fresh)).goes().said == "Success"


def test_reading_the_list_again_cuts_nobody_off(site: Site, tmp_path: Path) -> None:
    plain, with_papers = site.device(), site.device()
    callers = [
        Caller(site.broker.port, plain["id"], plain["password"]),
        Caller(mtls(site), with_papers["id"], tls=trusting(site, certified(site, with_papers["id"], tmp_path))),
    ]
    listed_again(site)
    found = [caller.publishes(device["topics"]["status"]) for caller, device in zip(callers, (plain, with_papers), strict=True)]
    over = [caller.over.is_set() for caller in callers]
    for caller in callers:
        caller.goes()
    assert (set(found) <= {"Success", "No matching subscribers"}, over) == (True, [False, False])


def test_the_key_of_a_request_never_leaves_the_device(site: Site, as_: As) -> None:
    mine, key = site.device()["id"], ec.generate_private_key(ec.SECP256R1())
    csr = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    wish = {"csr": csr.public_bytes(serialization.Encoding.PEM).decode(), "days": 7}
    answer = as_("admin").post(f"/api/v1/devices/{mine}/certificate", json=wish).json()
    read = x509.load_pem_x509_certificate(answer["certificate"].encode())
    assert (answer["key"], read.public_key() == key.public_key(), read.subject.rfc4514_string()) == (None, True, f"CN={mine}")
    assert read.not_valid_after_utc - datetime.now(UTC) < timedelta(days=7, hours=1)


@pytest.mark.parametrize("body", [{"csr": "nonsense"}, {"days": 0}, {"days": 400}, {"life": 3}])
def test_a_wish_that_makes_no_sense_is_a_422(site: Site, as_: As, body: dict[str, Any]) -> None:
    assert as_("admin").post(f"/api/v1/devices/{site.device()['id']}/certificate", json=body).status_code == 422


def test_a_revoked_device_gets_no_certificate(site: Site, as_: As) -> None:
    mine = site.device()["id"]
    as_("admin").delete(f"/api/v1/devices/{mine}").raise_for_status()
    assert as_("admin").post(f"/api/v1/devices/{mine}/certificate", json={}).status_code == 409
