"""The command ``polyapprox noise``, its figure, and the page on noise."""

import json
import re
from pathlib import Path

import noise_tables as tables
import numpy as np
import pytest
from kernels import OF_RECORDS

import polyapprox as pa
from polyapprox.cli import main
from polyapprox.errors import ArgumentError
from polyapprox.noise.scale import Setting, smallest_scale, sweep
from polyapprox.plot import noise
from polyapprox.table import load


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    r = pa.circuit("relu", multiplications=5)
    return r.save(tmp_path_factory.mktemp("tables") / "relu.json")


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = main(["noise", *map(str, arguments)])
    shown = capsys.readouterr()
    return code, shown.out, shown.err


def test_json_says_what_the_library_says(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, table, "--scale", 40, "--ring", "2^13", "--json")
    assert (code, err) == (0, "")
    content = json.loads(out)
    r, setting = load(table), Setting(1 << 13)
    (expected,) = sweep(r, setting, [40])
    assert content["chosen"]["rounded_bound"] == expected.rounded_bound
    assert content["chosen"]["noise"]["error"] == expected.noise.error
    assert content["smallest_scale_bits"] == smallest_scale(r, setting).scale_bits
    assert len(content["operations"]) == len(r.plan.operations)
    assert [one["scale_bits"] for one in content["scales"]] == sorted({*range(20, 60, 5), 40})


def test_table_for_people(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, table, "--operations", "--precision", "2^-7")
    assert code == 0
    chosen = re.search(r"^ *(\d+) .*carries it  <- chosen$", out, re.MULTILINE)
    smallest = re.search(r"smallest scale that carries it: (\d+) bits", out)
    assert chosen and smallest and chosen[1] == smallest[1]
    assert "slope" in out and 'rule "standalone"' in out
    code, out, _ = run(capsys, table, "--scale", 21)
    assert code == 0
    assert "warning: a scale of 21 bits does not carry" in out and "too small  <- chosen" in out


def test_files_are_written(table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figure, rounded = tmp_path / "n.png", tmp_path / "r.json"
    code, out, _ = run(capsys, table, "--scale", 30, "--plot", figure, "-o", rounded)
    assert code == 0
    assert f"written {figure}" in out and f"written {rounded}" in out
    assert figure.read_bytes()[:4] == b"\x89PNG"
    plan = load(rounded).plan
    constants = [float(o.constant) * 2.0**30 for o in plan.operations if o.constant is not None]
    assert constants and all(value == round(value) for value in constants)
    assert main(["verify", str(rounded)]) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--ring", "2^9"), "--ring 512 must be a power of two"),
        (("--ring", "0.5"), "ring is '0.5'; it must be a whole number"),
        (("--scheme", "seal"), "--scheme 'seal' is not known"),
        (("--precision", "2^-12"), "that of the approximation itself is up to"),
        (("--scale", "7"), "--scale 7 must be from 8"),
        (("--plot", "noise.gif"), "must end in one of"),
        (("--first-bits", "20"), "no scale up to 60 bits carries"),
    ],
)
def test_bad_input_is_one_sentence(
    table: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    code, out, err = run(capsys, table, *arguments)
    assert (code, out) == (2, "")
    assert message in err and err.count("\n") == 1


def test_a_missing_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, tmp_path / "no.json")
    assert code == 2 and "cannot be read" in err


def test_the_figure_draws_what_was_found() -> None:
    r = pa.circuit("relu", multiplications=4)
    setting = Setting(1 << 13)
    found = sweep(r, setting, (24, 32, 40))
    axes = noise(r, setting, found=found, chosen=32).axes[0]
    curves = {line.get_label(): line for line in axes.lines}
    total = curves["total: proven bound, constants rounded, + noise (worst place)"]
    assert list(total.get_xdata()) == [24, 32, 40]
    assert np.array_equal(total.get_ydata(), [one.total for one in found])
    assert axes.get_xlabel() == "scale (bits)" and axes.get_yscale() == "log"
    assert "absolute error" in axes.get_ylabel()
    with pytest.raises(ArgumentError, match="must end in one of"):
        noise(r, setting, "noise.bmp", found=found)


def test_tables_of_the_page_are_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLYAPPROX_CACHE", "off")  # it may hold what other kernels made
    assert tables.main(tables.PAGE, tables.TABLES, ["--check"], slack=0 if OF_RECORDS else tables.SLACK) == 0
