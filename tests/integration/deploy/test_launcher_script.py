"""The launcher `vigil` itself, beside a lock of no package and a command line of one word."""

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

from deploy.home import ROOT

pytestmark = pytest.mark.slow


@pytest.fixture
def launcher(tmp_path: Path) -> Path:
    """A copy whose `.venv` is of its lock, but whose Python is gone, as after an upgrade of the machine."""
    (tmp_path / "deploy").mkdir()
    (tmp_path / "deploy" / "__init__.py").touch()
    (tmp_path / "deploy" / "cli.py").write_text("print('here')")
    lock = tmp_path / "requirements.lock"
    lock.touch()
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").symlink_to(tmp_path / "gone")
    (tmp_path / ".venv" / ".vigil-lock").write_text(hashlib.sha256(lock.read_bytes()).hexdigest() + "\n")
    return shutil.copy(ROOT / "vigil", tmp_path / "vigil")


def test_a_venv_whose_python_is_gone_is_made_again(launcher: Path) -> None:
    done = subprocess.run([launcher], cwd=launcher.parent, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stdout) == (0, "here\n"), done.stderr
