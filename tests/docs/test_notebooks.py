"""Every notebook runs in a kernel from the first cell to the last, is paired, and is kept with its outputs."""

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from paths import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PROMISED = {
    "01_first_relu": ("multiplications of ciphertexts: 7", "ok=True"),
    "02_error_curves": ("<= proven",),
    "03_your_own_function": ("<gelu on [-8.0, 8.0]: circuit [32]",),
    "05_audit_a_table": ("0.6716 (proven)",),
    "06_convert_a_network": ("0 operations are not polynomial",),
    "11_a_transformer": ("0 operations are not polynomial", "of 8 numbers: error <=", ": True"),
}

ELSEWHERE = ("04_into_frameworks", "10_an_encrypted_network", "11_a_transformer")  # by what is installed, or reduced here


def printed(notebook: Any) -> str:
    """What the cells print and show as text."""
    return "".join(
        output.get("text", "") + output.get("data", {}).get("text/plain", "") + "\n"
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
    )


def shown(text: str) -> list[str]:
    """Lines with their whole numbers; decimals, which another processor may round otherwise, left out."""
    return sorted(filter(None, re.sub(r"-?\d+\.\d+(?:e[-+]?\d+)?|-?\d+e[-+]?\d+", "…", text).splitlines()))


def test_there_are_notebooks_each_with_its_script() -> None:
    assert len(NOTEBOOKS) >= 11
    scripts = {path.stem for path in (ROOT / "notebooks").glob("*.py")}
    assert {path.stem for path in NOTEBOOKS} == scripts


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_and_script_are_the_same(notebook: Path) -> None:
    jupytext = pytest.importorskip("jupytext")
    cells = [
        [(cell.cell_type, cell.source) for cell in jupytext.read(path).cells]
        for path in (notebook, notebook.with_suffix(".py"))
    ]
    assert cells[0] == cells[1]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_kept_with_outputs(notebook: Path) -> None:
    import json

    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    assert any(cell["outputs"] for cell in code)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(notebook: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTEBOOK_REDUCED", "1")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.delenv("MPLBACKEND", raising=False)  # the kernel's own, as it was for the outputs that are kept
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    if "nn_bridge" in notebook.read_text(encoding="utf-8"):
        pytest.importorskip("torch")
    loaded = nbformat.read(notebook, as_version=4)
    kept = printed(loaded)
    client = nbclient.NotebookClient(
        loaded, timeout=300, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    )
    client.execute()
    said = printed(loaded)
    for words in PROMISED.get(notebook.stem, ()):
        assert words in said
    if notebook.stem == "10_an_encrypted_network" and find_spec("orion_evaluator"):
        assert "not secure" in said and "differ from the converted network in the clear by" in said
    if notebook.stem not in ELSEWHERE:
        assert shown(said) == shown(kept), "execute the notebook again: it prints something else now"
