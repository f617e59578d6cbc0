"""One whole Vigil for all end-to-end tests: started once, with 24 simulated patients, on free ports in a folder that goes away."""

from collections.abc import Iterator

import pytest

from tests.e2e.vigils import Running


@pytest.fixture(scope="session")
def vigil(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """`./vigil up --patients 24 --detach`; down at the end."""
    folder = tmp_path_factory.mktemp("vigil")
    for place in (folder, *folder.parents[:2]):
        place.chmod(0o755)  # PostgreSQL's own user passes through
    running = Running(folder)
    running.up("--patients", "24")
    yield running
    running.down()
