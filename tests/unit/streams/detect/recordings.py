"""The recorded patients beside the checkout."""

from pathlib import Path

import pytest

DATA = Path(__file__).resolve().parents[4].parent / "shared" / "data"


def recorded(name: str) -> Path:
    """The recording beside the checkout; the run says which is missing."""
    path = DATA / name
    if not path.parent.is_dir():
        pytest.skip(f"{name}: the folder of recorded patients is not beside this checkout")
    return path
