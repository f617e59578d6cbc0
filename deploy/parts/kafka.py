"""Apache Kafka 4.1 in KRaft mode: one node, broker and controller in one process, on 127.0.0.1.

Its jars come through Maven, pinned by SHA-256; it runs on the machine's Java or on the one in a wheel. What was acknowledged is
in the log; a killed broker recovers from it. It is let in again when its own last session is over: after 3 s, not the usual 9. Its classes
are laid out once, as Java has them in memory: each start after that takes half the time.
"""

import hashlib
import subprocess
import tempfile
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
COLLECTOR = ("-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20")
QUIET = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"

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


def classes(say: Say) -> list[str]:
    """The options by which this machine's Java finds Kafka's classes laid out; none where it cannot lay them out.

    They are those that a broker loads which starts, makes a topic and ends. What is laid out is good for one Java and one folder of jars.
    """
    jars, java_program = install(say), java.install(say)
    of = f"{java_program.resolve()} {java_program.stat().st_mtime_ns} {jars}"

    def build(folder: Path) -> None:
        say("laying out Kafka's classes, so that it starts quickly")
        with tempfile.TemporaryDirectory(prefix="vigil-kafka-") as home:
            port = running.free_port()
            loaded = [f"-XX:DumpLoadedClassList={folder / 'loaded'}", "-XX:TieredStopAtLevel=1"]
            broker = _started(_program(Path(home), port, loaded, say), port)
            make_topics(broker.address, {"any": {}}, 1)
            broker.stop()
        dump = ["-Xshare:dump", f"-XX:SharedClassListFile={folder / 'loaded'}", f"-XX:SharedArchiveFile={folder / 'archive'}"]
        done = subprocess.run([str(java_program), *dump, *COLLECTOR, "-cp", f"{jars}/*"], capture_output=True, text=True, check=False)
        if done.returncode:
            say(f"this Java cannot lay them out: {done.stderr[-200:]}")
            (folder / "archive").unlink(missing_ok=True)

    archive = prefix.ensure(f"kafka-{VERSION}-classes-{hashlib.sha256(of.encode()).hexdigest()[:12]}", build) / "archive"
    return [f"-XX:SharedArchiveFile={archive}", "-Xlog:cds=off", "-Xlog:cds+dynamic=off"] if archive.exists() else []


def prepare(home: Path, port: int, say: Say, logs: Path | None = None) -> Program:
    """The broker that will answer on `port`, its log segments in `home/data`, its storage formatted."""
    return _program(home, port, classes(say), say, logs)


def start(home: Path, port: int, say: Say, logs: Path | None = None) -> Running:
    """A broker that answers on `port`."""
    return _started(prepare(home, port, say, logs), port)


def _started(program: Program, port: int) -> Running:
    started = running.start(program, f"127.0.0.1:{port}")
    return running.wait_ready(started, lambda: is_ready(started.address), READY_S)


def _program(home: Path, port: int, options: Sequence[str], say: Say, logs: Path | None = None) -> Program:
    data, settings = home / "data", home / "server.properties"
    data.mkdir(parents=True, exist_ok=True)
    settings.write_text(SETTINGS.format(port=port, controller=running.free_port(), data=data))
    base = [str(java.install(say)), *options, *COLLECTOR, "-cp", f"{install(say)}/*", QUIET]
    if not (data / "meta.properties").exists():
        _format(base, settings)
    return Program("kafka", [*base, *HEAP, "kafka.Kafka", str(settings)], {}, (logs or home / "logs") / "kafka.log")


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
