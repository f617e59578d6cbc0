"""The stage of the live feed's tests."""

from pathlib import Path

import pytest

from tests.integration.live.stage import Stage
from vitals.topics import Topics


@pytest.fixture
def stage(kafka: str, database: str, topics: Topics, tmp_path: Path) -> Stage:
    """A ward's worth of real servers."""
    return Stage(kafka, database, topics, tmp_path)
