"""A device with a certificate of its own, at a whole Vigil: let in, and once it is revoked, not even shaken hands with."""

import ssl
import threading
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import CallbackAPIVersion, Client, MQTTv5

from tests.e2e.vigils import Running
from tests.waiting import wait_for

pytestmark = pytest.mark.slow


def let_in(where: dict[str, Any], device: str, certificate: Path, key: Path) -> bool:
    """Whether the listener for certificates takes it."""
    context = ssl.create_default_context(cafile=where["ca_file"])
    context.load_cert_chain(certificate, key)
    client, came, over = Client(CallbackAPIVersion.VERSION2, device, protocol=MQTTv5), threading.Event(), threading.Event()
    client.tls_set_context(context)
    client.on_connect = lambda _c, _d, _f, reason, _p: (over if reason.is_failure else came).set()
    client.on_disconnect = lambda *_: over.set()
    try:
        client.connect(where["host"], where["mtls_port"])
    except ssl.SSLError:
        return False
    client.loop_start()
    wait_for(lambda: came.is_set() or over.is_set(), 30, "the broker's answer")
    client.disconnect()
    client.loop_stop()
    return came.is_set()


def test_a_revoked_devices_certificate_is_refused_at_the_handshake_and_that_is_audited(vigil: Running, tmp_path: Path) -> None:
    device = vigil.ask("admin", "POST", "/devices", {"kind": "monitor"})["id"]
    made = vigil.ask("admin", "POST", f"/devices/{device}/certificate", {"days": 1})
    certificate, key, where = tmp_path / "certificate.pem", tmp_path / "key.pem", vigil.endpoints["mqtt"]
    certificate.write_text(made["certificate"])
    key.write_text(made["key"])
    first = let_in(where, device, certificate, key)
    vigil.ask("admin", "DELETE", f"/devices/{device}")
    wait_for(lambda: not let_in(where, device, certificate, key), 60, "the revoked certificate to be refused")
    refused = "/audit?action=brokerRefused&outcome=denied"  # of other devices too, with other reasons
    told = wait_for(
        lambda: "certificate verify failed" in {entry["detail"]["why"] for entry in vigil.ask("auditor", "GET", refused)["items"]}, 60
    )
    assert (first, told) == (True, True)
