"""Apache Kafka 4.1 in KRaft mode: one node, broker and controller in one process, on 127.0.0.1.

Its jars come through Maven, pinned by SHA-256; it runs on the machine's Java or on the one in a wheel. What was acknowledged is
in the log; a killed broker recovers from it. It is let in again when its own last session is over: after 3 s, not the usual 9.
"""

import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path

from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec

from deploy.parts import java, maven, prefix, running
from deploy.parts.debian import checked
from deploy.parts.errors import PartError
from deploy.parts.prefix import Say
from deploy.parts.running import Program, Running

VERSION = "4.1.0"
JARS = Path(__file__).with_name("kafka_jars")
READY_S = 120.0
HEAP = ("-Xms256m", "-Xmx640m")

SETTINGS = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs={data}
num.partitions=4
auto.create.topics.enable=false
num.network.threads=2
num.io.threads=4
num.recovery.threads.per.data.dir=2
log.segment.bytes=268435456
log.cleaner.dedupe.buffer.size=33554432
message.max.bytes=8388608
replica.fetch.max.bytes=8388608
offsets.topic.replication.factor=1
offsets.topic.num.partitions=8
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
"""


def install(say: Say) -> Path:
    """The folder of Kafka's jars."""

    def build(folder: Path) -> None:
        say(f"fetching Kafka {VERSION} (43 MB)")
        maven.fetch(JARS / "pom.xml", JARS / "jars.sha256", folder / "lib", say)

    return prefix.ensure(f"kafka-{VERSION}", build) / "lib"


def prepare(home: Path, port: int, say: Say, logs: Path | None = None) -> Program:
    """The broker that will answer on `port`, its log segments in `home/data`, its storage formatted."""
    jars, java_program = install(say), java.install(say)
    data, settings = home / "data", home / "server.properties"
    data.mkdir(parents=True, exist_ok=True)
    settings.write_text(SETTINGS.format(port=port, controller=running.free_port(), data=data))
    base = [str(java_program), "-cp", f"{jars}/*", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]
    if not (data / "meta.properties").exists():
        _format(base, settings)
    argv = [*base, *HEAP, "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "kafka.Kafka", str(settings)]
    return Program("kafka", argv, {}, (logs or home / "logs") / "kafka.log")


def start(home: Path, port: int, say: Say, logs: Path | None = None) -> Running:
    """A broker that answers on `port`."""
    started = running.start(prepare(home, port, say, logs), f"127.0.0.1:{port}")
    return running.wait_ready(started, lambda: is_ready(started.address), READY_S)


def _format(base: Sequence[str], settings: Path) -> None:
    cluster = "V" + urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")[1:]  # one that began with "-" would be read as an option
    tool = [*base, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(settings), "--ignore-formatted"]
    checked(tool, what="formatting Kafka's storage")


def is_ready(address: str) -> bool:
    """Whether the broker answers a metadata request."""
    host, port = address.rsplit(":", 1)
    if not running.accepts(host, int(port)):
        return False
    try:
        return bool(AdminClient({"bootstrap.servers": address, "log_level": 0}).list_topics(timeout=2).brokers)
    except KafkaException:
        return False


def make_topics(address: str, settings: Mapping[str, Mapping[str, str]], partitions: int) -> None:
    """Make the topics of `settings` (topic -> Kafka's settings) that are not there; raise when one has another number of partitions.

    The number is settled for ever: a patient's partition, and with it the order of what is said of them, hangs on it.
    """
    admin = AdminClient({"bootstrap.servers": address, "log_level": 0})
    there = admin.list_topics(timeout=30).topics
    wrong = {name: len(there[name].partitions) for name in settings if name in there and len(there[name].partitions) != partitions}
    if wrong:
        found = ", ".join(f"{name} has {count}" for name, count in sorted(wrong.items()))
        raise PartError(f"topics were made with another number of partitions than {partitions}: {found}; set VIGIL_PARTITIONS to that")
    wanted = [
        NewTopic(name, num_partitions=partitions, replication_factor=1, config=dict(config))
        for name, config in settings.items()
        if name not in there
    ]
    if not wanted:
        return
    for name, made in admin.create_topics(wanted, operation_timeout=30).items():
        try:
            made.result()
        except KafkaException as refused:
            if refused.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise PartError(f"Kafka at {address} refuses topic {name}: {refused.args[0].str()}") from refused
    _led(admin, [TopicPartition(topic.topic, p) for topic in wanted for p in range(partitions)])


def _led(admin: AdminClient, places: Sequence[TopicPartition], deadline_s: float = 30.0) -> None:
    """Wait until every partition has its leader: a topic that is made answers "not leader" for some moments yet."""
    until = time.monotonic() + deadline_s
    while True:
        admin.list_topics(timeout=30)  # the client keeps "no leader" of a topic that it once did not know until it is asked for all again
        asked = admin.list_offsets({place: OffsetSpec.latest() for place in places}, request_timeout=10)
        places = [place for place, answer in asked.items() if answer.exception() is not None]
        if not places:
            return
        if time.monotonic() > until:
            raise PartError(f"Kafka gives no leader for {len(places)} partitions, {places[0].topic} among them")
        time.sleep(0.1)
