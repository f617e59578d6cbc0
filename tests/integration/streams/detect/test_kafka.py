"""What detection tells, on a real Kafka."""

import os

import pytest

from streams.detect.kafka import Out
from tests.integration.streams.detect.test_worker import said

pytestmark = pytest.mark.slow


def test_a_page_of_many_megabytes_is_taken(kafka, topics):
    out, page = Out(kafka, topics), os.urandom(7_900_000)
    out.pages(0, {0: page})
    out.flush()
    assert said(kafka, topics.checkpoints) == [page]
