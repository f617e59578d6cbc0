"""Before a worker reads: Kafka answers and has its topics. They are made with their partitions elsewhere, never by reading them."""

import logging
import random
import time
from collections.abc import Sequence

from confluent_kafka import KafkaException, Producer

from streams.backoff import pause
from vitals.errors import PartAway

LONGEST_S = 5.0


def missing_topics(bootstrap: str, wanted: Sequence[str]) -> list[str]:
    """The topics of `wanted` that Kafka does not have (yet). Raises PartAway when it does not answer within 5 s."""
    try:
        known = Producer({"bootstrap.servers": bootstrap, "log_level": 0}).list_topics(timeout=5.0).topics
    except KafkaException as error:
        raise PartAway(f"Kafka: {error}") from error
    return [topic for topic in wanted if topic not in known]


def wait_for_topics(bootstrap: str, wanted: Sequence[str], log: logging.Logger) -> None:
    """Until Kafka answers and has them all; says with each attempt what it waits for."""
    attempt = 0
    while reason := _lacking(bootstrap, wanted):
        attempt += 1
        log.warning("event=waiting for=kafka attempt=%d reason=%s", attempt, reason)
        time.sleep(pause(attempt, random.random(), most=LONGEST_S))


def _lacking(bootstrap: str, wanted: Sequence[str]) -> str:
    try:
        missing = missing_topics(bootstrap, wanted)
    except PartAway as error:
        return str(error)
    return f"no topic {', '.join(missing)}" if missing else ""
