"""Every notebook runs from the first cell to the last, and says what it promises."""

import subprocess
import sys
from pathlib import Path

import pytest
from paths import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.py"))
EXPECTED = {"relu_step_by_step": ("multiplications of ciphertexts: 7", "ok=True")}


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(notebook: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", str(notebook)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for words in EXPECTED[notebook.stem]:
        assert words in done.stdout
