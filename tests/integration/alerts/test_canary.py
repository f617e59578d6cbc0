"""The canary on a real broker: its device falls ill, and operations hear of it when nobody pages."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from deploy.parts import mosquitto as mosquitto_part
from deploy.parts.running import free_port
from tests.integration.alerts.stage import ROOT, Receiver
from tests.waiting import wait_for


@pytest.mark.slow
def test_a_page_that_does_not_come_calls_operations_and_one_that_comes_does_not(
    mosquitto: mosquitto_part.Broker, device_account: Callable[[str], str]
) -> None:
    password, operations, pager = device_account("dev-canary000001"), Receiver(), free_port()
    heard: list[float] = []
    listener = Client(CallbackAPIVersion.VERSION2)
    listener.username_pw_set("gateway", mosquitto.passwords["gateway"])

    def on_message(_client: Client, _data: object, message: MQTTMessage) -> None:
        heard.append(json.loads(message.payload)["vitals"]["hr"])

    listener.on_message = on_message
    listener.connect(mosquitto.host, mosquitto.port)
    listener.subscribe("$share/vigil/vigil/v1/+/vitals", 1)
    listener.loop_start()
    environ = {  # ill from the sixth second on, for eleven; the test's own page has eight seconds to come
        "VIGIL_CANARY_MQTT": f"mqtt://dev-canary000001:{password}@{mosquitto.host}:{mosquitto.port}", "VIGIL_CANARY_PORT": str(pager),
        "VIGIL_OPERATIONS_URL": operations.url, "VIGIL_CANARY_EVERY_S": "17", "VIGIL_CANARY_ILL_S": "11", "VIGIL_CANARY_LIMIT_S": "8",
    }  # fmt: skip
    process = subprocess.Popen([sys.executable, "-m", "alerts.canary_main"], cwd=ROOT, env=os.environ | environ)
    wait_for(lambda: operations.got, 90, "the call to operations")
    heard.clear()
    wait_for(lambda: 165 in heard and 72 in heard and heard[-1] == 165, 60, "the next illness")
    urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{pager}/", b"{}", method="POST"), timeout=5).close()
    heard.clear()
    wait_for(lambda: 72 in heard, 60, "its end")
    process.send_signal(signal.SIGTERM)
    listener.disconnect()  # or the broker shares the next tests' messages out to it too
    listener.loop_stop()
    operations.close()
    assert (process.wait(60), [body["kind"] for _, body, _ in operations.got]) == (0, ["canary_silent"])
