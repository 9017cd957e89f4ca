"""Makes the tables of the page of formats: forms that are read or refused, plans in OpenFHE."""

from __future__ import annotations

import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import mpmath
from page_tables import BENCHMARKS, DOCS, grid, main

import polyapprox as pa
from polyapprox.errors import PolyApproxError
from polyapprox.outward import upper
from polyapprox.targets import as_target

PAGE = DOCS / "formats.md"
POINTS = 801
TECHNIQUES = ("FIXEDMANUAL", "FLEXIBLEAUTO")
DIGITS = 30
TANH = {"function": "tanh", "interval": (-1, 1), "guard": 0}
POWERS = {**TANH, "basis": "monomial"}


class Form(NamedTuple):
    """A file, what is said of it, and the function that it stands for, for mpmath (none: refused)."""

    what: str
    format: str
    text: str
    options: dict[str, Any]
    value: Any = None


def powers(*coefficients: Any) -> Any:
    """A polynomial in x, low to high."""
    return lambda x: mpmath.fsum(mpmath.mpf(c) * x**k for k, c in enumerate(coefficients))


def series(*coefficients: Any) -> Any:
    """A Chebyshev series, low to high."""
    return lambda x: mpmath.fsum(
        mpmath.mpf(c) * mpmath.chebyt(k, x) for k, c in enumerate(coefficients)
    )


P = powers(0, 0.96875, 0, -0.21875)
T = series(0, 0.8125, 0, -0.0546875)
LIST = "0, 31.0 / 32, 0, -(7.0 / 32)"
RELU = {"function": "relu", "interval": (-2, 2), "basis": "monomial", "guard": 0}
FORMS = (
    Form("arithmetic in C", "c", f"double c[] = {{{LIST}}};", POWERS, P),
    Form("a product", "c", "double c[] = {0, 2*0.484375, 0, -0.21875};", POWERS, P),
    Form("`std::complex`", "c", "std::vector<std::complex<double>> c = {0, std::complex<double>(0.96875, 0), 0, "
         "{-0.21875, 0}};", POWERS, P),
    Form("`double a[6]`, the rest is 0", "c", "double a[6] = {0, 0.96875, 0, -0.21875};", POWERS, P),
    Form("high to low (MOAI)", "c", "double high_to_low[] = {-0.21875, 0, 0.96875, 0};",
         {**POWERS, "order": "high-to-low"}, P),
    Form("c_0, then odd powers (HELR)", "c", "static double degree3[3] = {0.0, 0.96875, -0.21875};",
         {**POWERS, "powers": (0, 1, 3)}, P),
    Form("odd powers (SLOTHE)", "c", "std::vector<double> c = {0.96875, -0.21875};",
         {**TANH, "basis": "monomial-odd"}, P),
    Form("powers of x/8", "c", "double c[] = {0, 7.75, 0, -112};", {**POWERS, "half_width": 8}, P),
    Form("float", "c", "float c[] = {0, 0.97, 0, -0.22};", POWERS,
         powers(0, mpmath.mpf(16273899) / 2**24, 0, mpmath.mpf(-14763950) / 2**26)),
    Form("an indented fragment", "c", "    {0, 0.96875,\n        0, -0.21875},\n", POWERS, P),
    Form("`[]float64`", "lattigo", "c := []float64{0, 13.0 / 16, 0, -0.0546875}", TANH, T),
    Form("`[]complex128`", "lattigo", "var c = []complex128{0, complex(0.8125, 0), 0, -0.0546875 + 0i}", TANH, T),
    Form("`[]string`", "lattigo", 'var c = []string{"0", "0.8125", "0", "-0.0546875"}', TANH, T),
    Form("c_0 doubled, in a page (FHERMA)", "openfhe", "[0.5, 0.8125, 0, -0.0546875]",
         {**TANH, "function": "tanh(x) + 0.25"}, series(0.25, 0.8125, 0, -0.0546875)),
    Form("reversed in a function (THOR)", "python", "def he_tanh(x):\n    p1 = [-0.4375, 0, 1.9375, 0]\n"
         "    p1.reverse()\n    p1 = np.array(p1) * 0.5\n", {**POWERS, "name": "he_tanh.p1"}, P),
    Form("`configs.json` (Perseus)", "perseus", '{"softgelu": {"h.0": {"method": "thor_composite", "xmax": 2.0, '
         '"thor_p1_cheb": [0, 1.0], "thor_p2_cheb": [0, 0.5625, 0, -0.0625], "thor_p2_a": -1.0, "thor_p2_b": 1.0}}}',
         {"function": "gelu", "guard": 0},
         lambda x: x * (mpmath.mpf(0.5) + series(0, 0.5625, 0, -0.0625)(x / 2))),
    Form("ReLU by a polynomial", "csv", "0.1877, 0.5, 0.2344", RELU, powers(0.1877, 0.5, 0.2344)),
    Form("ReLU by a sign", "csv", "0, 1.5, 0, -0.5", {**RELU, "interval": (-1, 1)},
         lambda x: x * (1 + powers(0, 1.5, 0, -0.5)(x)) / 2),
    Form("whole numbers that do not divide", "c", "double c[] = {0, 31 / 32};", POWERS),
    Form("a name", "c", "double c[] = {\n0,\nSLOPE};", POWERS),
    Form("several arrays", "c", "double a[] = {0, 1};\ndouble b[] = {0, 2};", POWERS),
    Form("the beginning of a name", "c", "double coeff2[] = {0, 1};", {**POWERS, "name": "coeff"}),
    Form("an array that is changed", "c", "double c[] = {0, 1};\nvoid f() { c[1] *= 0.5; }", POWERS),
    Form("an imaginary part", "lattigo", "c := []complex128{0, 1 + 2i}", TANH),
    Form("ReLU, not clear", "csv", "0.3, 0.2", RELU),
    Form("decimal commas", "csv", "0,5; 0,25", POWERS),
    Form("a call", "python", "c = np.flip([0, 1.0])", POWERS),
)  # fmt: skip


def read(form: Form) -> pa.Approximation:
    """The form, through a file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table"
        path.write_text(form.text, encoding="utf-8")
        return pa.import_table(path, format=form.format, **form.options)


def truth(form: Form, made: pa.Approximation) -> float:
    """The largest error that mpmath finds, of what the form stands for."""
    ((low, high),) = made.domain
    target = as_target(form.options["function"])
    with mpmath.workdps(DIGITS):
        points = (low + (high - low) * k / (POINTS - 1) for k in range(POINTS))
        return float(max(abs(form.value(x) - target.mpmath(x)) for x in points))


@cache
def outcome(what: str) -> tuple[str, float, float]:
    """What becomes of a form: how it is read, its bound and the truth; or the refusal, and zeros."""
    (form,) = (form for form in FORMS if form.what == what)
    try:
        made = read(form)
    except PolyApproxError as error:
        words = str(error).partition(f"as {form.format!r}: ")[2] or str(error)
        return f"refused: {words}", 0.0, 0.0
    return f"read, {made.structure}", made.error_bound, truth(form, made)


def rows() -> Iterator[tuple[str, ...]]:
    """One line a form."""
    for form in FORMS:
        written = form.text.strip().replace("\n", " ").replace("|", "\\|")
        shown = f"`{written[:70]}{'…' if len(written) > 70 else ''}`"
        words, bound, sampled = outcome(form.what)
        numbers = (upper(bound, 5), f"{sampled:.5g}") if bound else ("", "")
        yield (form.what, form.format, shown, words, *numbers)


def forms() -> str:
    """The table."""
    head = ("form", "format", "file", "", "proven bound", "mpmath (sampled)")
    return grid(head, rows(), "---")


def openfhe() -> str:
    """Exported circuits and polynomials beside OpenFHE's own evaluator, at equal error."""
    lines = []
    for row in json.loads((BENCHMARKS / "exported_openfhe.json").read_text(encoding="utf-8"))["rows"]:
        own = "evaluator" if row["interpolant"] is None else "interpolant"
        time = {name: one["median"] for name, one in row.items() if isinstance(one, dict)}
        base = {t: time[f"{own} {t}"] for t in TECHNIQUES}
        ways = [
            (f"{time['plan FIXEDMANUAL'] / base['FLEXIBLEAUTO']:.2f}",
             f"{time['circuit FIXEDMANUAL'] / base['FLEXIBLEAUTO']:.2f}"),
            *((better(time, base[t], t), f"{time[f'circuit {t}'] / base[t]:.2f}") for t in TECHNIQUES[::-1]),
        ]  # fmt: skip
        levels = (row[f"{w} FLEXIBLEAUTO"]["levels"] for w in (own, "plan", "circuit"))
        degrees = (row["interpolant"] or "none", ", ".join(map(str, row["degrees"])), row["products"])
        errors = (f"{row[name]['error']:.2g}" for name in (f"{own} FLEXIBLEAUTO", "circuit FIXEDMANUAL"))
        lines.append((_on(row), upper(row["error"], 3), *errors, *degrees, *levels, *(cell for way in ways for cell in way)))
    head = (
        "function", "error at most", "measured: OpenFHE", "measured: circuit",
        "degree: interpolant", "degree: minimax", "products: circuit",
        *(f"levels: {way}" for way in ("OpenFHE", "minimax", "circuit")),
        *(f"{where}: {what}" for where in ("as exported", "FLEXIBLEAUTO", "FIXEDMANUAL") for what in ("minimax", "circuit")),
    )  # fmt: skip
    return grid(head, lines, "---", keys=2, starts=(7, 10))


def lattigo() -> str:
    """Exported circuits and polynomials beside Lattigo's own evaluator, at equal error."""
    lines = []
    for row in json.loads((BENCHMARKS / "exported_lattigo.json").read_text(encoding="utf-8"))["rows"]:
        own, ways = row["evaluator"], [row[way] for way in ("plan", "circuit")]
        levels = (str(int(one["levels"])) for one in (own, *ways))
        ratios = (f"{one['median'] / own['median']:.2f}" for one in ways)
        lines.append((_on(row), upper(row["error"], 3), *levels, *ratios))
    head = ("function", "error at most", *(f"levels: {way}" for way in ("Lattigo", "minimax", "circuit")),
            "time: minimax", "time: circuit")  # fmt: skip
    return grid(head, lines, "---")


def _on(row: dict[str, Any]) -> str:
    """The function of a row, and its interval."""
    low, high = (f"{end:.4g}" for end in row["interval"])
    return f"{row['function']} on {'±' if row['function'] == 'sign' else ''}[{low}, {high}]"


def better(time: dict[str, float], base: float, technique: str) -> str:
    """The faster form of the polynomial, over OpenFHE's own."""
    form = min(("plan", "evaluator"), key=lambda name: time[f"{name} {technique}"])
    return f"{time[f'{form} {technique}'] / base:.2f}{'' if form == 'plan' else ' (components)'}"


def matrix() -> str:
    """Every format on 28 tables: what their runs said."""
    counted: dict[tuple[str, str], Counter[str]] = {}
    for line in (BENCHMARKS / "exported_tables.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        count = counted.setdefault((row["format"], row["form"]), Counter())
        count[row["found"]] += 1
        if row.get("run") is not None and row.get("header") is not None:
            count["counted"] += 1
            count["as said"] += row["run"] == row["header"]
    what = ("PASS", "FAIL", "refused", "written")
    rows = [
        (f"`{name}`", form, *map(str, (n[w] for w in what)), f"{n['as said']} of {n['counted']}" if n["counted"] else "")
        for (name, form), n in sorted(counted.items())
    ]
    total = sum(counted.values(), Counter())
    rows.append(("all", "", *(str(total[w]) for w in what), f"{total['as said']} of {total['counted']}"))
    return grid(("format", "form", "PASS", "FAIL", "refused by name", "written, not run", "levels as said"), rows, "---")


TABLES = {"matrix": matrix, "forms": forms, "openfhe": openfhe, "lattigo": lattigo}

if __name__ == "__main__":
    sys.exit(main(PAGE, TABLES, sys.argv[1:]))
