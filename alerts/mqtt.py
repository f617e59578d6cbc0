"""MQTT, by paho: the canary's device, a device like any other.

It never waits: what cannot be said now is not said, and the canary's watch sees it.
"""

import ssl

import msgspec
from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion

from vitals.settings import Broker


class Device:
    """One device's connection, kept up by itself."""

    def __init__(self, broker: Broker, ca_file: str | None) -> None:
        self._topic = f"vigil/v1/{broker.username}/vitals"
        self._client = Client(CallbackAPIVersion.VERSION2, client_id=broker.username, protocol=MQTTv5)
        self._client.username_pw_set(broker.username, broker.password)
        if broker.tls:
            self._client.tls_set(ca_certs=ca_file, cert_reqs=ssl.CERT_REQUIRED)
        self._client.connect_async(broker.host, broker.port, 30)
        self._client.loop_start()

    def say(self, sample: dict[str, object]) -> None:
        """Publishes one sample, QoS 1."""
        if self._client.is_connected():
            self._client.publish(self._topic, msgspec.json.encode(sample), qos=1)

    def close(self) -> None:
        """Leaves."""
        self._client.disconnect()
        self._client.loop_stop()
