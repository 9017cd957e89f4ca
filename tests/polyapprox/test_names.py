"""The public names: listed, typed, loaded when used; versions."""

import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from paths import ROOT

import polyapprox

RIGHT = """
import polyapprox
from polyapprox import relu

approximation = relu(precision=2**-5, interval=(-4, 4))
bound: float = approximation.error_bound
best: polyapprox.Approximation = polyapprox.minimax("exp", 5)
checked: bool = polyapprox.verify(best).ok
distance: polyapprox.Approximation = polyapprox.abs(precision=2**-5)
names: list[str] = list(polyapprox.encrypted.backends())
text: str = polyapprox.__version__
refused: type[Exception] = polyapprox.errors.ArgumentError
"""

WRONG = {
    "polyapprox.rleu(precision=2**-5)": "no attribute",
    "polyapprox.relu(precison=2**-5)": "Unexpected keyword argument",
    "polyapprox.relu(precision=2**-5).eror_bound": "no attribute",
    "polyapprox.minimax()": "Missing positional argument",
    "polyapprox.minimax('exp', 5, degre=4)": "Unexpected keyword argument",
    "polyapprox.verify(3)": "incompatible type",
    "polyapprox.sign(degrees=(15, 15), treshold=0.1)": "Unexpected keyword argument",
    "polyapprox.circuit('relu', multiplications='6')": "incompatible type",
    "polyapprox.weighted_relu(multiplications=4).foo": "no attribute",
    "polyapprox.encrypted.bakends()": "no attribute",
    "polyapprox.load('a.json') + 1": "Unsupported",
}


def complaints(program: str, folder: Path) -> list[str]:
    """What mypy says of a program that uses the package."""
    file = folder / "program.py"
    file.write_text(program, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml"), str(file)],
        capture_output=True, text=True, timeout=500, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stderr
    return [line for line in done.stdout.splitlines() if ": error: " in line]


def test_right_calls_pass_and_wrong_ones_are_caught(tmp_path: Path) -> None:
    assert complaints(RIGHT, tmp_path) == []
    lines = ["import polyapprox", *WRONG]
    said = complaints("\n".join(lines) + "\n", tmp_path)
    for number, (call, wanted) in enumerate(WRONG.items(), start=2):
        own = [line for line in said if f"program.py:{number}: " in line]
        assert own and wanted in own[0], (call, own)


def test_every_public_name_is_listed_and_there() -> None:
    assert set(polyapprox.__all__) <= set(dir(polyapprox))
    assert set(polyapprox._LAZY) | set(polyapprox._MODULES) <= set(polyapprox.__all__)
    for name in polyapprox.__all__:
        assert getattr(polyapprox, name) is not None, name


def test_an_unknown_name_is_an_attribute_error_that_knows_it() -> None:
    with pytest.raises(AttributeError, match="no attribute 'rleu'") as caught:
        _ = polyapprox.rleu  # type: ignore[attr-defined]
    assert caught.value.name == "rleu" and caught.value.obj is polyapprox


def test_versions() -> None:
    pytest.importorskip("torch")
    version = metadata.version("polyapprox")
    assert polyapprox.__version__ == version
    for module, name in (("polyapprox.cli", "polyapprox"), ("nn_bridge.cli", "nn-bridge")):
        program = f"import sys; from {module} import main; sys.argv[1:] = ['--version']; sys.exit(main())"
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, timeout=300
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, f"{name} {version}\n", "")


def test_version_of_the_bridge() -> None:
    pytest.importorskip("torch")
    import nn_bridge

    assert nn_bridge.__version__ == polyapprox.__version__
    assert "__version__" in nn_bridge.__all__


def test_the_former_word_for_levels_still_answers() -> None:
    from polyapprox.comparison import compare_with_published

    (row,) = compare_with_published([5])
    given = polyapprox.relu(precision=2**-5)
    for value in (given, given.counts(), row):
        assert value.depth == value.levels > 0
    assert (row.published_depth, row.planned_depth) == (row.published_levels, row.planned_levels)
    from polyapprox.refresh.run import PlainRun, RefreshRun

    for kind in (PlainRun, RefreshRun):
        run = object.__new__(kind)
        object.__setattr__(run, "levels", 7)
        assert run.depth == 7
