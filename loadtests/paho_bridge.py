"""The gateway's rival: a bare bridge, MQTT QoS 1 to Kafka acknowledged, without decoding or checking anything.

In: `python -m loadtests.paho_bridge MQTT_URL KAFKA TOPIC`. Out: each payload as one Kafka record; PUBACK after its delivery report. As
small and as fast as paho-mqtt and confluent-kafka are by their documented use.
"""

import sys
import threading
from typing import Any

from confluent_kafka import Producer
from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from vitals.settings import broker

CLIENT_ID = "bench-paho-bridge"


def main() -> None:
    """Bridges until it is killed."""
    to, kafka, topic = broker(sys.argv[1]), sys.argv[2], sys.argv[3]
    producer = Producer({"bootstrap.servers": kafka, "enable.idempotence": True, "compression.type": "lz4", "linger.ms": 5})
    client = Client(CallbackAPIVersion.VERSION2, CLIENT_ID, protocol=MQTTv5, manual_ack=True)
    client.username_pw_set(to.username, to.password)

    def on_message(_client: Client, _data: Any, message: MQTTMessage) -> None:
        mid = message.mid
        producer.produce(topic, message.payload, message.topic, on_delivery=lambda *_: client.ack(mid, 1))

    client.on_message = on_message
    client.on_connect = lambda c, *_: c.subscribe("vigil/v1/+/vitals", qos=1)
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho's properties are untyped
    properties.ReceiveMaximum = 8_192
    threading.Thread(target=lambda: [producer.poll(0.1) for _ in iter(int, 1)], daemon=True).start()
    client.connect(to.host, to.port, properties=properties)
    client.loop_forever()


if __name__ == "__main__":
    main()
