"""One whole Vigil for all end-to-end tests: started once, with 24 simulated patients, on free ports in a folder that goes away."""

from collections.abc import Iterator

import pytest

from tests.e2e.vigils import Running
from tests.e2e.walk import WELL, Walk, at, points, sample, walking
from tests.waiting import wait_for


@pytest.fixture(scope="package")
def vigil(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """`./vigil up --patients 24 --detach`; down at the end."""
    folder = tmp_path_factory.mktemp("vigil")
    for place in (folder, *folder.parents[:2]):
        place.chmod(0o755)  # PostgreSQL's own user passes through
    running = Running(folder)
    running.up("--patients", "24")
    yield running
    running.down()


@pytest.fixture(scope="module")
def walk(vigil: Running) -> Iterator[Walk]:
    """A ward, a patient, three devices, and a first good sample that is stored; each module's own, for what a story opens stays open."""
    with walking(vigil) as made:
        made.bench.say(sample(1, at(), **WELL))
        wait_for(lambda: points(made, "hr"), 60, "the first sample in the history")
        yield made
