"""Before a worker reads, Kafka is asked for its topics: what is not there is named, and is waited for."""

import logging
import threading

import pytest

from deploy.parts import kafka as kafka_part
from streams.kafka import missing_topics, wait_for_topics
from tests.waiting import wait_for
from vitals.errors import PartAway
from vitals.topics import Topics

log = logging.getLogger("vigil.test")


def test_what_kafka_does_not_have_is_named(kafka: str, topics: Topics) -> None:
    assert missing_topics(kafka, [topics.readings, "no-such-topic", topics.links]) == ["no-such-topic"]


def test_asking_makes_no_topic(kafka: str, topic_prefix: str) -> None:
    wanted = [Topics(topic_prefix).readings]
    assert [missing_topics(kafka, wanted) for _ in range(2)] == [wanted, wanted]


def test_a_kafka_that_is_away_is_said() -> None:
    with pytest.raises(PartAway, match="Kafka"):
        missing_topics("127.0.0.1:1", ["any"])


def test_a_worker_waits_until_its_topics_are_there(kafka: str, topic_prefix: str, caplog: pytest.LogCaptureFixture) -> None:
    mine = Topics(topic_prefix)
    waiting = threading.Thread(target=wait_for_topics, args=(kafka, [mine.readings], log))
    waiting.start()
    wait_for(lambda: mine.readings in caplog.text, 60, "the word that it waits")
    kafka_part.make_topics(kafka, mine.settings(), 1)
    waiting.join(60)
    assert not waiting.is_alive()
