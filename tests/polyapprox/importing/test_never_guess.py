"""What a file says is read right or refused by its line: each sentence here was a silent wrong once."""

from __future__ import annotations

import json
from pathlib import Path

import mpmath
import numpy as np
import pytest

import polyapprox as pa
from polyapprox.errors import ArgumentError, PolyApproxError, TableError
from polyapprox.importing import Hints, read

NEWTON = [0.0, 1.5, 0.0, -0.5]


def rows(tmp_path: Path, format: str, text: str, **hints: object) -> list[list[float]]:
    path = tmp_path / "table"
    path.write_text(text)
    found = read(path, format, Hints(**{"basis": "monomial", **hints}))  # type: ignore[arg-type]
    return [[float(c) for c in row] for row in found.stages]


READ = [
    ("c", "double c[] = {0, 3.0 / 2, 0, -1.0 / 2};", NEWTON),
    ("c", "double c[4] = {0, -(-1.5), 0, -(0.25)*2};", NEWTON),
    ("c", "static const double c[6] = {0, 1.5, 0, -0.5};", [*NEWTON, 0, 0]),
    ("c", "std::vector<std::complex<double>> c = {0, std::complex<double>(1.5, 0), {0, 0}, -.5};", NEWTON),
    ("c", "std::vector<double> c{0., (double)3/2, 0e0, -0x1p-1};", NEWTON),
    ("c", "auto c = std::vector<double>{0, static_cast<double>(3) / 2, 0, -.5};", NEWTON),
    ("c", "double a[4] /* {9} */ = {0, // {8, 7}\n 1.5,\n 0, -0.5,\n};", NEWTON),
    ("c", "#if 0\ndouble a[] = {9, 9};\n#else\ndouble a[] = {0, 1.5, 0, -0.5};\n#endif", NEWTON),
    ("c", "\t{0, 1.5,\n\t\t0, -0.5};\n", NEWTON),  # a fragment
    ("c", "float c[] = {0.1, 0.1f};", [float(np.float32(0.1))] * 2),
    ("c", "double c[] = {0.1f, 0.1L, 3*0.1f, 2.0f/3};",
     [float(np.float32(0.1)), 0.1, float(np.float32(3) * np.float32(0.1)), float(np.float32(2) / 3)]),
    ("c", "double c[] = {1.0/3 + 1.0/3, 0.1*3};", [1 / 3 + 1 / 3, 0.1 * 3]),
    ("c", "enum Kind { A = 1, B = 2 };\nint f(int x) { return x + 1; }\ndouble c[2] = {0, 1};", [0, 1]),
    ("c", "void f() { for (int i : {0, 1, 2}) g(i, {3.0}); cheby = {0, 1.5, 0, -0.5}; }", NEWTON),
    ("c", "std::array<double, 4> c = {0, 1.5};", [0, 1.5, 0, 0]),
    ("c", "std::array<double, 4> c{{0, 1.5}};", [0, 1.5, 0, 0]),
    ("lattigo", "var x = [4]float64{0, 1.5}", [0, 1.5, 0, 0]),
    ("lattigo", "x := []float64{0, 3.0 / 2, 0, -1.0 / 2}", NEWTON),
    ("lattigo", "var x = []complex128{0, complex(1.5, 0), 0i, -0.5 + 0i}", NEWTON),
    ("lattigo", "var x []float64 = []float64{0.1 * 3, 1 / 3.0}", [0.3, 1 / 3]),  # exact, rounded once
    ("lattigo", 'var x = [][]string{\n{"0", "1.5"},\n}\n', [0, 1.5]),
    ("python", "c = [0, 3 / 2, 0, -(1 / 2)]\n", NEWTON),
    ("python", "c = [-0.5, 0, 1.5, 0]\nc.reverse()\n", NEWTON),
    ("python", "c = [-1, 0, 3, 0]\nc = c[::-1]\nc = np.array(c) * 0.5\n", NEWTON),
    ("python", "c = np.array([0.1], dtype=np.float32)\n", [float(np.float32(0.1))]),
    ("python", "c = torch.as_tensor([0.1])\n", [float(np.float32(0.1))]),
    ("python", "c = torch.tensor(np.array([0.1]))\n", [0.1]),
    ("python", "c = [0, 1.5]\nd = c\nd = [x for x in y]\nd.reverse()\n", [0, 1.5]),
    ("python", "c = [0.1 + 0.2, 10**-1 * 3, 1e-3]\n", [0.1 + 0.2, 10**-1 * 3, 1e-3]),
    ("csv", "0; 1.5; 0; -0.5\n", NEWTON),
]  # fmt: skip


@pytest.mark.parametrize(("format", "text", "wanted"), READ)
def test_read_as_the_language_computes_it(
    format: str, text: str, wanted: list[float], tmp_path: Path
) -> None:
    assert rows(tmp_path, format, text) == [wanted]


REFUSED = [
    ("c", "double c[] = {1, 3 / 2};", "line 1: 3 / 2 of whole numbers is not 1.5"),
    ("c", "double c[] = {\n1,\nA};", "line 3: 'A' is not understood"),
    ("c", "double c[] = {1, sqrt(2.0)};", "line 1: 'sqrt' is not understood"),
    ("c", "double c[] = {1 2};", "line 1: '2' is not understood"),
    ("c", "double c[] = {1,, 2};", "line 1: ',' is not understood"),
    ("c", "double c[] = {--1};", "line 1: '--' is not understood"),
    ("c", "double c[] = {1.5.2};", r"line 1: '1\.5\.2' is not a number"),
    ("c", "double c[] = {010};", "line 1: '010' is not a number"),
    ("c", "double c[] = {1e999};", "beyond the largest double"),
    ("c", "float c[] = {1e39};", "beyond the largest float"),
    ("c", "double c[] = {1.0/0};", "line 1 divides by 0"),
    ("c", "int c[] = {1, 0.5};", "an array of whole numbers holds 0.5"),
    ("c", "double c[2] = {1, 2, 3};", "an array of 2 holds 3 numbers"),
    ("c", "double c[] = {[3] = 1.0};", r"line 1: '\[' is not understood"),
    ("c", "double c[] = {1, {2, 3}};", "no list of numbers"),
    ("c", "std::vector<std::complex<double>> c = {{1, 2}};", "imaginary part that is not 0"),
    ("c", "double a[] = {1, 2};\ndouble b[] = {3};", r"several arrays \('a', 'b'\)"),
    ("c", "double a[] = {1, 2};\nvoid f() { double a[] = {3}; }", r"several arrays \('a:1', 'a:2'\)"),
    ("c", "double a[] = {1, 2};\nvoid f() {\n a[0] *= 2; }", "line 3 changes 'a'"),
    ("c", "std::vector<double> a = {1, 2};\nstd::reverse(a.begin(), a.end());", "line 2 changes 'a'"),
    ("c", "#ifdef X\ndouble a[] = {1};\n#else\nint y;\n#endif", "#if with another branch"),
    ("c", "double a[] = {1, 2", "not closed; was the file cut off"),
    ("c", "double a[] = {1, /* 2};", "has no end"),
    ("lattigo", "x := []float64{1, 3 / 2}", "line 1: 3 / 2 of whole numbers"),
    ("lattigo", "x := []float64{0: 1, 2: 3}", "line 1: ':' is not understood"),
    ("lattigo", 'x := [][]string{{"0", y, "1"}}', "'y' is no number in quotes"),
    ("lattigo", 'x := [][]string{{"0" "1"}}', "not understood"),
    ("lattigo", "x := []complex128{1, 2i}", "imaginary number 2i is not 0"),
    ("lattigo", "x := []float64{1, 2}\nfunc f() {\nx[0] /= 2 }", "line 3 changes 'x'"),
    ("lattigo", "x := []float64{1, 2}\nfunc f() {\nx[0]++ }", "line 3 changes 'x'"),
    ("lattigo", "x := []float64{1, 2}\nfunc f() { sort.Float64s(x) }", "line 2 changes 'x'"),
    ("lattigo", "x := []float64{1, 2}\nfunc f() { copy(x, y) }", "line 2 changes 'x'"),
    ("lattigo", "x := [N]float64{1, 2}", "an array of the size 'N' holds 2 numbers"),
    ("lattigo", "x := [3][2]float64{{1, 2}, {3}}", "an array of 3 holds 2 rows"),
    ("c", "double c[3][2] = {{1, 2}, {3, 4}};", "an array of 3 holds 2 rows"),
    ("c", "double c[] = {0.1L * 3};", "line 1 computes with a long double"),
    ("c", "double c[] = {1, 2};\nvoid f() { memcpy(c, d, 16); }", "line 2 changes 'c'"),
    ("python", "c = [1, True]\n", "line 1 holds something that is not a number"),
    ("python", "c = [1, [2]]\n", "numbers and lists side by side"),
    ("python", "c = np.poly1d([1, 2])\n", "line 1 holds a call that is not read"),
    ("python", "c = np.flip([1, 2])\n", "line 1 holds a call that is not read"),
    ("python", "c = [1, 2]\nc[0] /= 2\n", "line 2 changes 'c'"),
    ("python", "c = [1, 2]\nfor k in range(2):\n    c[k] *= 2\n", "line 2 changes 'c'"),
    ("python", "c = [1, 2]\nd = [3]\n", r"several tables \('c', 'd'\)"),
    ("python", "c = [1, x]\n", "line 1 holds something that is not a number"),
    ("python", "c = [1, 10**10**10]\n", "too large"),
    ("python", "c = [1, 2]\nrandom.shuffle(c)\n", "line 2 changes 'c'"),
    ("python", "c = [1, 2]\nd = c\nd[0] = 3\n", "line 3 changes 'c'"),
    ("python", "c = np.array([1, 2])\nnp.multiply(c, 2, out=c)\n", "line 2 changes 'c'"),
    ("python", "c = torch.tensor([1, 2])\nc.mul_(2)\n", "line 2 changes 'c'"),
    ("python", "c = jnp.array([0.1, 0.2])\n", "line 1 holds a call that is not read"),
    ("python", "torch.set_default_dtype(torch.float64)\nc = torch.tensor([0.1])\n", "line 1 changes what numbers"),
    ("csv", "0,5; 1,5\n", "commas and semicolons"),
    ("csv", "1,,2\n", "line 1: a number is missing"),
    ("csv", "1\n2\n3\n", "holds one number a line"),
    ("csv", "0,1.5\n1,2.5\n2,3.5\n", r"pairs \(k, value\)"),
    ("csv", "1.0f, 2\n", "'1.0f' is not a finite number"),
    ("ant-ace", "T a{{{POLY_BASIS_TYPE::POWER, 1, {0, 1}}, {POLY_BASIS_TYPE::POWER, n, {0, 1}}}};",
     "'n' is not understood"),
    ("ant-ace", "T a{{{POLY_BASIS_TYPE::POWER, 2, {0, 1}}}};", "degree 2 has 2 coefficients"),
    ("heir", "#p = #polynomial.typed_chebyshev_polynomial<[1.0, x, 2.0]>\n", "'x' is no coefficient"),
    ("heir", "#p = #polynomial.typed_chebyshev_polynomial<[1.0]>\n%0 = polynomial.eval #p, %x : f64\n"
     "%1 = arith.mulf %0, %x : f64\n", "computes arith.mulf too"),
    ("latex", "\\begin{tabular}{rrl}\n\\multicolumn{3}{l}{stage 0 on $[\\num{-1}, \\num{1}]$} \\\\\n"
     "0 & 0 & \\num{1} \\\\\n0 & 1 & \\nom{5} \\\\\n\\end{tabular}", "line 4 is not as this package"),
    ("smart-paf", 'p["name"] = "a"\nq = [[1.0, x]]\n', "line 2 holds something that is not a number"),
    ("perseus", '{"s": {"l": {"method": "remez"}}}', "the method 'remez'"),
    ("perseus", '{"s": {"l": {"method": "thor_composite", "xmax": NaN}}}', "NaN is no number"),
]  # fmt: skip


@pytest.mark.parametrize(("format", "text", "words"), REFUSED)
def test_refused_by_line(format: str, text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "table"
    path.write_text(text)
    with pytest.raises((TableError, ArgumentError), match=words):
        pa.import_table(path, format=format, function="exp", interval=(-1, 1),
                        basis=None if format == "smart-paf" else "chebyshev")  # fmt: skip


def test_high_to_low_needs_the_size(tmp_path: Path) -> None:
    """What an array leaves open is 0, and comes first in that order."""
    for text in ("std::array<double, 3> c = {2, 1};", "double c[3] = {2, 1};"):
        path = tmp_path / "table"
        path.write_text(text)
        made = pa.import_table(path, format="c", function="exp", interval=(-1, 1), basis="monomial", order="high-to-low")
        assert [float(c) for c in made.components[0].monomial()][:3] == [0, 1, 2]
    path.write_text("double c[N] = {2, 1};")
    with pytest.raises(TableError, match="the size 'N': what it leaves open would come first"):
        pa.import_table(path, format="c", function="exp", interval=(-1, 1), basis="monomial", order="high-to-low")


def test_names_are_exact_and_may_be_composed(tmp_path: Path) -> None:
    text = "double poly[] = {0, 1};\ndouble poly2[] = {0, 2};\ndouble other[] = {3};\n"
    assert rows(tmp_path, "c", text, name="poly") == [[0, 1]]
    assert rows(tmp_path, "c", text, name="poly2,poly") == [[0, 2], [0, 1]]
    with pytest.raises(TableError, match="holds no array 'pol'"):
        rows(tmp_path, "c", text, name="pol")
    inside = "class A:\n    def f(self):\n        p1 = [1.0, 2.0]\n        p1.reverse()\np1 = [3.0]\n"
    assert rows(tmp_path, "python", inside, name="A.f.p1") == [[2, 1]]
    assert rows(tmp_path, "python", inside, name="p1") == [[3]]


def test_constants_of_heir_belong_together_only_if_numbered(tmp_path: Path) -> None:
    text = "const double kPoly0[] = {0, 1};\nconst double kPoly1[] = {0.5, 0.5};\n"
    assert rows(tmp_path, "heir", text) == [[0, 1], [0.5, 0.5]]
    assert rows(tmp_path, "heir", text, name="kPoly") == [[0, 1], [0.5, 0.5]]
    with pytest.raises(TableError, match="several arrays"):
        rows(tmp_path, "heir", text + "const double other[] = {1};\n")


def test_evaluators_in_the_file_say_the_basis(tmp_path: Path) -> None:
    c = "std::vector<double> c = {1, 2};\n"
    for call, wanted in (("EvalPoly(x, c)", [1, 2]), ("EvalChebyshevSeries(x, c, -1, 1)", [0.5, 2])):
        path = tmp_path / "a.cpp"
        path.write_text(f"{c}auto y = cc->{call};\n")
        (row,) = read(path, "openfhe-cpp").stages
        assert [float(v) for v in row] == wanted
    path.write_text(c + "cc->EvalPoly(x, c); cc->EvalChebyshevSeries(y, c, -1, 1);")
    with pytest.raises(ArgumentError, match="calls EvalPoly and EvalChebyshevSeries"):
        read(path, "openfhe-cpp")


def test_a_direct_relu_is_not_a_sign(tmp_path: Path) -> None:
    """x(1 + p)/2 of [0.1877, 0.5, 0.2344] errs by 0.922 on [-2, 2], the polynomial itself by 0.1877."""
    path = tmp_path / "t.csv"
    path.write_text("0.1877, 0.5, 0.2344\n")
    options = {"function": "relu", "interval": (-2, 2), "basis": "monomial", "guard": 0}
    r = pa.import_table(path, **options)
    assert r.structure == "polynomial" and r.error_bound == pytest.approx(0.1877, abs=1e-4)
    forced = pa.import_table(path, structure="composite", **options)
    assert forced.error_bound == pytest.approx(0.9221, abs=1e-3)
    narrow = pa.import_table(path, **{**options, "interval": (-1, 1)})
    assert narrow.error_bound == pytest.approx(0.1877, abs=1e-4)
    path.write_text("1.5, -0.5\n1.5, -0.5\n")
    sign = pa.import_table(path, **{**options, "basis": "monomial-odd"})
    assert sign.structure == "composite" and sign.error_bound < 0.12
    for text, function in (("0.3, 0.2\n", "relu"), ("0.4, 0.1\n", "abs"), ("0.4, 0.1\n", "step")):
        path.write_text(text)
        where = [(-1, -0.5), (0.5, 1)] if function == "step" else (-1, 1)
        with pytest.raises(ArgumentError, match="not clear what the numbers are"):
            pa.import_table(path, **{**options, "function": function, "interval": where})


def test_order_powers_and_scaled_variables(tmp_path: Path) -> None:
    """High to low, c_0 before odd powers, and powers of x/8: all of them are x³/2 + x + 1/4."""
    wanted = {"function": "x^3/2 + x + 1/4", "interval": (-2, 2), "basis": "monomial"}
    path = tmp_path / "t.c"
    for text, options in (
        ("double a[4] = {0.5, 0, 1, 0.25};", {"order": "high-to-low"}),
        ("double a[3] = {0.25, 1, 0.5};", {"powers": (0, 1, 3)}),
        ("double a[4] = {0.25, 8, 0, 256};", {"half_width": 8}),
    ):
        path.write_text(text)
        assert pa.import_table(path, format="c", **wanted, **options).error_bound < 1e-12
    with pytest.raises(ArgumentError, match="powers has 2 entries, but a row has 4 numbers"):
        pa.import_table(path, format="c", powers=(0, 1), **wanted)
    with pytest.raises(ArgumentError, match="powers must be different whole numbers"):
        pa.import_table(path, format="c", powers=(0, 0, 1, 2), **wanted)


def test_a_gate_of_another_function(tmp_path: Path) -> None:
    """GELU as x(1 + s)/2 with s near erf(x/√2), as transformers have it."""
    s = pa.minimax("erf(x/sqrt(2))", 15, interval=(-4, 4))
    path = tmp_path / "t.csv"
    path.write_text(",".join(repr(float(c)) for c in s.components[0].coefficients))
    r = pa.import_table(path, function="gelu", interval=(-4, 4), basis="chebyshev", structure="composite")
    x = np.linspace(-4, 4, 4001)
    truth = float(max(abs(r(v) - mpmath.mpf(v) * mpmath.ncdf(v)) for v in x))
    assert truth <= r.error_bound <= truth * 1.01


def test_perseus(tmp_path: Path) -> None:
    entry = {
        "method": "thor_composite", "xmax": 2.5, "thor_p2_a": -1.25, "thor_p2_b": 1.0,
        "thor_p1_cheb": [0.0, 1.0, 0.0, -0.125], "thor_p2_cheb": [0.0, 0.5, 0.0625],
    }  # fmt: skip
    path = tmp_path / "configs.json"
    path.write_text(json.dumps({"model": {"n": 1}, "softgelu": {"h.0": entry}}))
    r = pa.import_table(path, format="perseus", function="gelu")
    x = np.linspace(-2.5, 2.5, 101)
    p1 = np.polynomial.chebyshev.chebval(x / 2.5, entry["thor_p1_cheb"])
    p2 = np.polynomial.chebyshev.chebval((2 * p1 + 0.25) / 2.25, entry["thor_p2_cheb"])
    assert np.max(np.abs(r(x) - x * (0.5 + p2))) < 1e-12
    assert r.domain == ((-2.5, 2.5),)
    path.write_text('{"s": {"a": {"method": 1}, "a": {"method": 2}}}')
    with pytest.raises(PolyApproxError, match="a key stands twice"):
        pa.import_table(path, format="perseus", function="gelu")
