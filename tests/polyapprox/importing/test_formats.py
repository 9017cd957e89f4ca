"""Tables as other people have them, and files that leave something open."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from paths import ORACLES

import polyapprox as pa
from polyapprox.cli import main
from polyapprox.errors import ArgumentError, PolyApproxError, TableError

A7 = [["7.30445164958251", "-34.6825871108659", "59.8596518298826", "-31.8755225906466"],
      ["2.40085652217597", "-2.63125454261783", "1.54912674773593", "-0.331172956504304"]]  # fmt: skip
RELU = {"function": "relu", "domain": (-1, 1)}


def powers(rows: list[list[str]], x: np.ndarray) -> np.ndarray:
    """x (1 + s(x)) / 2 from odd powers, in the simplest way."""
    s = x
    for row in rows:
        s = sum(float(c) * s ** (2 * k + 1) for k, c in enumerate(row))
    return x * (1 + s) / 2


def oracle(name: str) -> dict:
    return json.loads((ORACLES / name).read_text(encoding="utf-8"))


def check_a7(r: pa.Approximation) -> None:
    x = np.linspace(-1, 1, 1001)
    assert np.max(np.abs(r(x) - powers(A7, x))) < 1e-9
    assert r.bits == pytest.approx(7.0429, abs=1e-3)
    assert r.degrees == (7, 7)


def test_plain_csv(tmp_path: Path) -> None:
    path = tmp_path / "a7.csv"
    path.write_text("# odd powers\n" + "\n".join(", ".join(row) for row in A7) + "\n")
    check_a7(pa.import_table(path, basis="monomial-odd", **RELU))
    full = [c for row in A7 for c in [[v for c in row for v in ("0", c)]]]
    path.write_text("\n".join(" ".join(row) for row in full))
    check_a7(pa.import_table(path, basis="monomial", **RELU))


def test_on_a_wider_interval_the_table_is_scaled(tmp_path: Path) -> None:
    path = tmp_path / "a7.csv"
    path.write_text("\n".join(",".join(row) for row in A7))
    wide = pa.import_table(path, basis="monomial-odd", function="relu", domain=(-50, 50))
    assert wide.bits == pytest.approx(7.0429, abs=1e-3)
    assert wide.error_bound == pytest.approx(50 * 0.0075839, rel=1e-3)


def test_approxcnn_finds_its_degrees_beside_it(tmp_path: Path) -> None:
    rows = [v for row in A7 for c in row for v in ("0.36e-35", c)]
    path = tmp_path / "coeffResult" / "coeff_7.txt"
    path.parent.mkdir()
    path.write_text("\n".join(rows) + "\n")
    with pytest.raises(ArgumentError, match="degrees is not given"):
        pa.import_table(path, format="approxcnn", **RELU)
    check_a7(pa.import_table(path, format="approxcnn", degrees=(7, 7), **RELU))
    (tmp_path / "degreeResult").mkdir()
    (tmp_path / "degreeResult" / "deg_7.txt").write_text("7\n7\n")
    r = pa.import_table(path, format="approxcnn", **RELU)
    check_a7(r)
    assert "set to 0" in r.provenance.command
    with pytest.raises(TableError, match="holds 16 numbers; stages of degrees 7, 9 have 18"):
        pa.import_table(path, format="approxcnn", degrees=(7, 9), **RELU)


def test_fhe_mp_cnn_is_multiplied_out(tmp_path: Path) -> None:
    """The tree is undone: what comes out is the published r_13, whose numbers are elsewhere."""
    table = oracle("fhe_mp_cnn_d13.json")
    path = tmp_path / "d13.txt"
    path.write_text("\n".join(table["numbers"]) + "\n")
    r = pa.import_table(path, format="fhe-mp-cnn", degrees=(15, 15, 27), **RELU)
    rows = [s["power_odd_coeffs"] for s in oracle("published_relu_composites.json")["13"]]
    x = np.linspace(-1, 1, 2001)
    assert np.max(np.abs(r(x) - powers(rows, x))) < 2 * 2.0**-13
    assert r.bits > 13
    theirs = [float(c) for c in rows[0]]
    ours = [2 * float(c) for c in r.components[0].monomial()[1::2]]  # the scale of stage two
    assert ours == pytest.approx(theirs, rel=1e-3)


SMART_PAF = '''
class Sign_parameter_generator():
    def __init__(self):
        param_dict["name"] = "a7"
        coeflist = [[7.30445164958251, -3.46825871108659*10, 5.98596518298826*10, -3.18755225906466*10],
            [2.40085652217597, -2.63125454261783, 1.54912674773593, -3.31172956504304*10**(-1)]]
        param_dict["coef"] = torch.tensor(coeflist)
        param_dict["name"] = "f1g2"
        coeflist = [[1.5, -0.5, 0], [3.255859375, -5.96484375, 3.70703125]]
'''  # fmt: skip


def test_smart_paf_source(tmp_path: Path) -> None:
    path = tmp_path / "util.py"
    path.write_text(SMART_PAF)
    check_a7(pa.import_table(path, format="smart-paf", name="a7", **RELU))
    assert pa.import_table(path, format="smart-paf", name="f1g2", **RELU).degrees == (3, 5)
    with pytest.raises(TableError, match=r"several tables \('a7', 'f1g2'\); choose one by name="):
        pa.import_table(path, format="smart-paf", **RELU)


def test_ant_ace_source(tmp_path: Path) -> None:
    stages = ",\n".join(
        f" {{POLY_BASIS_TYPE::POWER, 7, {{{', '.join('0., ' + c for c in row)}}}}}" for row in A7
    )
    path = tmp_path / "app_composite_poly.cxx"
    one = f"static const ARRAY App_one{{\n {{\n{stages}\n }}\n}};\n"
    path.write_text(f"//! composite\n{one}{one.replace('App_one', 'App_two')}")
    check_a7(pa.import_table(path, format="ant-ace", name="App_one", **RELU))
    with pytest.raises(TableError, match="'App_one', 'App_two'"):
        pa.import_table(path, format="ant-ace", **RELU)


def test_heir_constants(tmp_path: Path) -> None:
    stages = oracle("heir_composite_step.json")["stages"]
    path = tmp_path / "PolynomialApproximation.cpp"
    path.write_text(
        "\n".join(
            f"static const std::vector<double> kCompositeSignPoly{i} = {{\n  {', '.join(row)}}};"
            for i, row in enumerate(stages)
        )
    )
    step = pa.import_table(path, format="heir", function="step", domain=(2.0**-6, 1))
    assert step.bits == pytest.approx(26.7241, abs=5e-5)
    relu = pa.import_table(path, format="heir", name="kCompositeSignPoly", **RELU)
    assert relu.error_bound == pytest.approx(3.6e-4, rel=0.02)


LATTIGO = """package comparison
// DefaultCompositePolynomialForSign is an example
var DefaultCompositePolynomialForSign = [][]string{
%s	minimax.CoeffsSignX4Cheby, // Quadruples the output precision
}
"""


def test_lattigo_source(tmp_path: Path) -> None:
    *rows, last = [
        "\t{" + ", ".join(f'"{c}"' for c in row) + "},\n"
        for row in oracle("lattigo_default_sign.json")["stages"]
    ]
    path = tmp_path / "comparison.go"
    path.write_text(LATTIGO % "".join(rows))
    with pytest.raises(TableError, match=r"a row is minimax\.CoeffsSignX4Cheby"):
        pa.import_table(path, function="sign", domain=(2.0**-30, 1))
    path.write_text(
        LATTIGO % "".join(rows) + "var CoeffsSignX4Cheby = []string" + last.strip().rstrip(",")
    )
    r = pa.import_table(path, function="sign", domain=(2.0**-30, 1), guard=0)
    assert r.bits == pytest.approx(81.58, abs=0.01)
    beyond = pa.import_table(
        path, function="sign", domain=(2.0**-30, 1 + 2.0**-35), half_width=1, guard=0
    )
    assert beyond.bits == pytest.approx(30.61, abs=0.01)


def test_openfhe_vectors_have_c0_doubled(tmp_path: Path) -> None:
    p = pa.minimax("exp", 5)
    numbers = [float(c) for c in p.components[0].coefficients]
    numbers[0] *= 2
    listed = ", ".join(map(repr, numbers))
    cpp, py = tmp_path / "a.cpp", tmp_path / "a.py"
    cpp.write_text(f"std::vector<double> c({{0}});\nstd::vector<double> coeff = {{{listed}}};\n")
    py.write_text(f"coefficients = [{listed}]\n")
    with pytest.raises(TableError, match=r"several arrays \('c', 'coeff'\); choose one by name="):
        pa.import_table(cpp, format="openfhe-cpp", function="exp", domain=(-1, 1))
    for path, format, name in ((cpp, "openfhe-cpp", "coeff"), (py, "openfhe", None)):
        r = pa.import_table(path, format=format, function="exp", domain=(-1, 1), name=name)
        assert r.error_bound == pytest.approx(p.error_bound, rel=1e-6)


def test_orion_lists(tmp_path: Path) -> None:
    """orion-fhe takes Chebyshev coefficients ascending and monomials descending."""
    path = tmp_path / "silu.py"
    path.write_text("coeffs = [0.25, 0.5, 1.0]\n")  # x²/4 + x/2 + 1, highest power first
    r = pa.import_table(
        path, format="orion", basis="monomial", function="x^2/4 + x/2 + 1", domain=(-3, 3)
    )
    assert r.error_bound < 1e-12
    path.write_text("coeffs = [0.5, 0.25, 0.5]\n")
    r = pa.import_table(path, format="orion", function="x^2 + x/4", domain=(-1, 1))
    assert r.error_bound < 1e-12


AMBIGUOUS = [
    ({"function": "relu", "domain": (-1, 1)}, "basis is not given"),
    ({"function": "relu", "basis": "chebyshev"}, "interval is not given"),
    ({"domain": (-1, 1), "basis": "chebyshev"}, "function is not given"),
    ({"function": "relu", "domain": (-1, 1), "basis": "legendre"}, "basis must be one of"),
    ({"function": "relu", "domain": (-1, 1), "basis": "chebyshev", "format": "excel"},
     "format must be one of"),
    ({"function": "relu", "domain": (-1, 1), "basis": "chebyshev", "half_width": -1.0},
     "half_width must be a positive number"),
]  # fmt: skip


@pytest.mark.parametrize(("options", "words"), AMBIGUOUS)
def test_what_is_left_open_is_asked_for(options: dict, words: str, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("1.5,-0.5\n")
    with pytest.raises(ArgumentError, match=words):
        pa.import_table(path, **options)


UNREADABLE = [
    ("csv", b"1.5, x\n", "line 1: 'x' is not a finite number"),
    ("csv", b"1.5, nan\n", "is not a finite number"),
    ("csv", b"1e999\n", "beyond the largest double"),
    ("csv", b"\xff\xfe\x00", "not UTF-8"),
    ("csv", b"", "holds no row of numbers"),
    ("python", b"def f(:\n", "cannot be read as Python"),
    ("python", b"def evaluate(x):\n    import os\n    return x\n", "line 2 is not an operation"),
    ("c", b"int main(void) { return 0; }", "holds no plan"),
    ("lattigo", b"package x\nvar T = [][]string{\n\t{\"1\"},\n", "not closed; was the file cut off"),
    ("orion", b"ORION\0\2\0\xff\xff\0\0{", "not a whole .orion container"),
    ("heir", b"module {}", "holds no array"),
    ("latex", b"\\begin{tabular}{l}", "holds no table"),
    ("ant-ace", b"int x;", "holds no list of coefficients"),
    ("openfhe", b"x = 1\n", "holds no list of coefficients"),
]


@pytest.mark.parametrize(("format", "content", "words"), UNREADABLE)
def test_what_cannot_be_read_is_said(
    format: str, content: bytes, words: str, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(TableError, match=words) as caught:
        pa.import_table(path, format=format, basis=None, **RELU)
    assert str(path) in str(caught.value)


def test_a_truncated_export_is_refused(tmp_path: Path) -> None:
    r = pa.minimax("exp", 7)
    refused = 0
    for format in ("python", "c", "lattigo", "heir", "orion", "latex", "openfhe", "csv"):
        path = r.export(format, tmp_path / "whole")
        content = path.read_bytes()
        for keep in range(20, len(content), len(content) // 12):
            path.write_bytes(content[:keep])
            try:
                again = pa.import_table(path, format=format)
            except PolyApproxError:
                refused += 1
                continue
            assert again.error_bound == pytest.approx(r.error_bound, rel=1e-6)  # all is there
    assert refused > 50


def test_the_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table, go, back = tmp_path / "t.json", tmp_path / "t.go", tmp_path / "back.json"
    r = pa.minimax("exp", 5)
    r.save(table)
    assert main(["export", str(table), "-f", "lattigo", "--form", "components", "-o", str(go)]) == 0
    assert main(["import", str(go), "-o", str(back), "--json"]) == 0
    said = capsys.readouterr().out
    assert json.loads(said[said.index("{") :])["error_bound"] == pytest.approx(r.error_bound)
    assert pa.load(back).components == r.components
    assert main(["audit", str(back), str(go)]) == 0
    assert capsys.readouterr().out.count("conclusion") == 2
    assert main(["export", str(table), "-f", "cobol", "-o", str(go)]) == 2
    assert main(["import", str(tmp_path / "absent.csv")]) == 2
    error = capsys.readouterr().err
    assert "format must be one of" in error and "cannot be read" in error
    assert "Traceback" not in error
