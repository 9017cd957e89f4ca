"""The command line: examples work, JSON is pure, bad input is one sentence and exit code 2."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import polyapprox as pa
from polyapprox.cli import main
from polyapprox.cli.values import degrees, domain, interval, number
from polyapprox.errors import ArgumentError
from polyapprox.outward import lower_places

Captured = pytest.CaptureFixture[str]


def run_json(capsys: Captured, *arguments: str) -> dict:
    assert main([*arguments, "--json"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return json.loads(out)


def test_relu_writes_table_and_figures(capsys: Captured, tmp_path: Path) -> None:
    table, png, svg = (tmp_path / "out" / f"relu.{kind}" for kind in ("json", "png", "svg"))
    code = main(
        ["relu", "--precision", "2^-9", "--interval", "-50", "50", "-o", str(table),
         "--plot", str(png), "--plot", str(svg)]
    )
    out, err = capsys.readouterr()
    assert code == 0 and err == ""
    assert png.stat().st_size > 10_000 and svg.stat().st_size > 10_000
    value = pa.load(table)
    assert value.error_bound <= 50 * 2**-9
    for fact in (
        "relu", "[-50, 50]", value.structure, str(list(value.degrees)), "published", "standalone",
        f"{value.levels} (rule", f"{value.multiplications} (rule", "proven", "lower bound",
        "largest coefficient", "offset", "constant products", lower_places(value.bits, 3),
    ):
        assert fact in out, fact


def test_json_says_what_the_library_says(capsys: Captured) -> None:
    facts = run_json(capsys, "relu", "--precision", "2**-6", "--interval", "-3", "5")
    value = pa.relu(precision=2**-6, interval=(-3, 5))
    assert facts["error_bound"] == value.error_bound
    assert facts["degrees"] == list(value.degrees)
    assert facts["counts"]["published"]["depth"] == value.levels
    assert facts["plan_digest"] == value.plan.digest
    assert facts["proven"] is True


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["relu", "--degrees", "7,7"], lambda: pa.relu(degrees=(7, 7))),
        (["relu", "--tolerance", "0.5", "--interval", "-8", "4"],
         lambda: pa.relu(tolerance=0.5, interval=(-8, 4))),
        (["relu", "--precision", "0.03", "--no-offset"],
         lambda: pa.relu(precision=0.03, offset=False)),
        (["relu", "--precision", "2^-6", "--structure", "composite", "--objective", "depth"],
         lambda: pa.relu(precision=2**-6, structure="composite", objective="depth")),
        (["abs", "--precision", "1/64"], lambda: pa.abs(precision=1 / 64)),
        (["sign", "--precision", "2^-5", "--threshold", "2^-4"],
         lambda: pa.sign(precision=2**-5, threshold=2**-4)),
        (["minimax", "exp(x)", "--degree", "8", "--interval", "-1", "1"],
         lambda: pa.minimax("exp(x)", 8)),
        (["minimax", "exp", "--precision", "1e-5"], lambda: pa.minimax("exp", precision=1e-5)),
        (["minimax", "exp", "--degree", "4", "--domain", "-2:-1", "--domain", "0.5:1",
          "--relative"],
         lambda: pa.minimax("exp", 4, domain=[(-2, -1), (0.5, 1)], relative=True)),
        (["minimax", "exp", "--degree", "4", "--interval", "-2", "-1", "--interval", "0.5", "1"],
         lambda: pa.minimax("exp", 4, interval=[(-2, -1), (0.5, 1)])),
        (["circuit", "gelu", "--depth", "4", "--domain", "-8:8"],
         lambda: pa.circuit("gelu", levels=4, interval=(-8, 8))),
        (["maximum", "--multiplications", "4"], lambda: pa.maximum(multiplications=4)),
        (["minimax", "sin", "--degree", "5", "--parity", "odd", "--interval", "-pi/2", "pi/2"],
         lambda: pa.minimax("sin", 5, parity="odd",
                            domain=(-1.5707963267948966, 1.5707963267948966))),
    ],
)
def test_options_reach_the_library(capsys: Captured, arguments: list[str], expected) -> None:  # type: ignore[no-untyped-def]
    facts = run_json(capsys, *arguments)
    value = expected()
    assert facts["plan_digest"] == value.plan.digest
    assert facts["error_bound"] == value.error_bound


def test_verify_show_and_plot(capsys: Captured, tmp_path: Path) -> None:
    table = str(pa.relu(degrees=[7, 7], interval=(-4, 4)).save(tmp_path / "t.json"))
    found = run_json(capsys, "verify", table)
    assert found["ok"] is True and found["bound"] <= found["claimed"] * (1 + 1e-9)
    assert main(["verify", table]) == 0
    assert "the claim is supported" in capsys.readouterr().out
    shown = run_json(capsys, "show", table, "--plan")
    assert shown["plan"][-1].startswith("return v")
    assert main(["show", table, "--plan"]) == 0
    assert "return v" in capsys.readouterr().out
    figure = tmp_path / "stages.svg"
    assert main(["plot", table, "--stages", "-o", str(figure)]) == 0
    assert figure.read_bytes().startswith(b"<?xml")
    capsys.readouterr()
    assert run_json(capsys, "plot", table, "-o", str(tmp_path / "e.png"))["files"] == [
        str(tmp_path / "e.png")
    ]


def test_compare(capsys: Captured, tmp_path: Path) -> None:
    output, figure = tmp_path / "rows.json", tmp_path / "pareto.png"
    arguments = ["compare", "--alpha", "4", "--alpha", "7", "-o", str(output), "--plot", str(figure)]
    content = run_json(capsys, *arguments)
    assert content["rule"] == "published"
    assert [row["alpha"] for row in content["rows"]] == [4, 7]
    assert content["rows"][1]["published_degrees"] == [7, 7]
    assert json.loads(output.read_text()) == content
    assert figure.read_bytes().startswith(b"\x89PNG")
    assert main(["compare", "--alpha", "4"]) == 0
    out = capsys.readouterr().out
    assert 'rule "published"' in out and "estimates" in out


def tampered(path: Path) -> str:
    pa.minimax("exp", 3).save(path)
    path.write_text(path.read_text().replace("exp", "sin", 1))
    return str(path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["relu"], "give --precision, such as 2**-9, or --tolerance, an absolute error"),
        (["relu", "--precision", "2"], "precision must be positive and below 1"),
        (["relu", "--precision", "many"], "precision is 'many'"),
        (["relu", "--precision", "__import__('os')"], "precision is"),
        (["relu", "--precision", "nan"], "precision is 'nan'"),
        (["relu", "--precision", "1e999"], "precision is '1e999'"),
        (["relu", "--precision", "9^9^9^9"], "precision is"),
        (["relu", "--precision", "x"], "precision is 'x'"),
        (["relu", "--precision", "0.1", "--interval", "5", "-5"], "low < high"),
        (["relu", "--degrees", "15,x"], "degrees is '15,x'"),
        (["relu", "--degrees", "4"], "odd whole numbers"),
        (["relu", "--precision", "0.1", "--structure", "magic"], "structure must be"),
        (["relu", "--precision", "0.1", "--plot", "a.gif"], "must end in one of"),
        (["minimax", "1/x", "--degree", "4"], "infinite or undefined"),
        (["minimax", "exp(", "--degree", "4"], "could not be read"),
        (["minimax", "exp", "--degree", "-4"], "degree must be at least 0"),
        (["minimax", "exp", "--degree", "4", "--domain", "1"], "write it as LOW HIGH"),
        (["compare", "--alpha", "3"], "4 to 14"),
        (["verify", "missing.json"], "No such file"),
        (["show", "."], "directory"),
    ],
)
def test_bad_input_is_one_sentence(capsys: Captured, arguments: list[str], message: str) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("polyapprox: ") and err.count("\n") == 1
    assert message in err


@pytest.mark.parametrize("command", ["verify", "show"])
def test_damaged_tables(capsys: Captured, tmp_path: Path, command: str) -> None:
    assert main([command, tampered(tmp_path / "t.json"), "--json"]) == 2
    out, err = capsys.readouterr()
    assert out == "" and "changed after it was written" in err


def test_a_bad_figure_name_is_found_before_the_table_is_written(
    capsys: Captured, tmp_path: Path
) -> None:
    table = tmp_path / "t.json"
    assert main(["relu", "--precision", "0.1", "-o", str(table), "--plot", "a.bmp"]) == 2
    assert not table.exists()
    assert "a.bmp" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["relu", "--nonsense"], ["relu", "--interval", "-1"], ["plot"]]
)
def test_bad_usage_has_code_2(capsys: Captured, arguments: list[str]) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == "" and "Traceback" not in err and err


def test_extreme_numbers_end_without_a_traceback(capsys: Captured) -> None:
    for low, high in [("-1e300", "1e300"), ("-1e-300", "1e-300")]:
        code = main(["relu", "--precision", "2^-5", "--interval", low, high])
        assert code in (0, 2)
        err = capsys.readouterr().err
        assert (code == 0) == (err == "") and err.count("\n") <= 1


def test_the_installed_command_runs(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "polyapprox.cli", "minimax", "exp", "--degree", "3", "--json"],
        capture_output=True, text=True, check=True, timeout=300, cwd=tmp_path,
    )
    assert json.loads(done.stdout)["degrees"] == [3]
    failed = subprocess.run(
        [sys.executable, "-m", "polyapprox.cli", "verify", "missing.json"],
        capture_output=True, text=True, check=False, timeout=300, cwd=tmp_path,
    )
    assert failed.returncode == 2 and failed.stdout == "" and failed.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2^-9", 2.0**-9), ("2**-9", 2.0**-9), ("0.001", 0.001), ("1e-3", 0.001), ("1/3", 1 / 3),
        ("-50", -50.0), ("+.5", 0.5), ("5.", 5.0), ("1E5", 1e5), ("1e-320", 1e-320),
        ("pi", 3.141592653589793), ("-(2+1)*2", -6.0), (" 7 ", 7.0),
    ],
)
def test_numbers(text: str, value: float) -> None:
    assert number(text, "n") == value


@pytest.mark.parametrize(
    "text", ["", "x", "nan", "inf", "-inf", "1e400", "1,5", "exp(1000)", "log(0)", "--1-"]
)
def test_not_numbers(text: str) -> None:
    with pytest.raises(ArgumentError, match="n is "):
        number(text, "n")


def test_lists() -> None:
    assert interval("-1:2^3") == (-1.0, 8.0)
    assert domain(["-2:-1", "1:2"]) == [(-2.0, -1.0), (1.0, 2.0)]
    assert degrees(None) is None and degrees("7, 15") == (7, 15)
