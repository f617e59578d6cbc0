"""What detection's producer is told to do with what Kafka does not take."""

from streams.detect.kafka import PRODUCER


def test_what_is_queued_is_never_given_up():
    assert PRODUCER["message.timeout.ms"] == 0
