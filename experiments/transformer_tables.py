"""Approximations of encrypted transformers, audited: ``python experiments/transformer_tables.py``.

Every table of ``tests/oracles/transformer_tables.json`` is written as a file in the form in which its source has
it, imported and proven (iterations and piecewise functions are built from their scheme), compared
with mpmath at the worst of many points, and set beside what this package offers. One line a table
in ``experiments/results/transformers.jsonl``; tables that have one are left alone, so that the
command goes on where it stopped. ``python docs/made/transformers_tables.py`` makes the page.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
from flint import arb

import polyapprox as pa
from polyapprox.auditing import rival_of
from polyapprox.errors import PolyApproxError
from polyapprox.importing.certify import of_plan
from polyapprox.importing.numbers import number
from polyapprox.numbers import ball, exact
from polyapprox.outward import float_up
from polyapprox.plan.builder import PlanBuilder
from polyapprox.proof.by_series import largest_value
from polyapprox.targets import as_target

ROOT = Path(__file__).parents[1]
TABLES = ROOT / "tests" / "oracles" / "transformer_tables.json"
RECORD = ROOT / "experiments" / "results" / "transformers.jsonl"
POINTS = 100_001
LOOKED_AT, SPREAD = 40, 500  # of them, with mpmath: the worst, and some everywhere
DIGITS = 60
MOST = 12  # multiplications of a circuit beside piecewise functions
Entry = dict[str, Any]
Ring = Any


class Wire:
    """A value of a plan that is being written, with the operators of a ring."""

    def __init__(self, builder: PlanBuilder, index: int) -> None:
        self.builder, self.index = builder, index

    def __add__(self, other: Ring) -> Wire:
        if isinstance(other, Wire):
            return Wire(self.builder, self.builder.add(self.index, other.index))
        return Wire(self.builder, self.builder.shift(self.index, exact(other)))

    __radd__ = __add__

    def __mul__(self, other: Ring) -> Wire:
        if isinstance(other, Wire):
            return Wire(self.builder, self.builder.multiply(self.index, other.index))
        return Wire(self.builder, self.builder.scale(self.index, exact(other)))

    __rmul__ = __mul__

    def __sub__(self, other: Wire) -> Wire:
        return Wire(self.builder, self.builder.subtract(self.index, other.index))


def plan_of(formula: Callable[[Ring], Ring]) -> Any:
    """The operations of a formula, in its order."""
    builder = PlanBuilder()
    return builder.finish(formula(Wire(builder, builder.arguments[0])).index)


def squarings(entry: Entry, x: Ring) -> Ring:
    """(1 + x/2^n)^(2^n)."""
    value = x * mpmath.mpf(2) ** -entry["count"] + 1
    for _ in range(entry["count"]):
        value = value * value
    return value


def reciprocal(entry: Entry, x: Ring) -> Ring:
    """1/x as (1 + e)(1 + e²)(1 + e⁴)… with e = 1 − x."""
    e = x * mpmath.mpf(-1) + 1
    value = e + 1
    for _ in range(entry["count"]):
        e = e * e
        value = value * (e + 1)
    return value


def newton_goldschmidt(entry: Entry, x: Ring) -> Ring:
    """1/sqrt(x): a line, Newton's iteration y(3 − xy²)/2, Goldschmidt's for the root and its inverse."""
    half = mpmath.mpf(0.5)
    constant, slope = (number(c) for c in entry["line"])
    y = x * slope + constant
    for _ in range(entry["newton"]):
        y = (x * -half * y) * (y * y) + y * mpmath.mpf(1.5)
    root, inverse = x * y, y * half
    for _ in range(entry["goldschmidt"]):
        r = (root * inverse) * mpmath.mpf(-1) + half
        root, inverse = root + root * r, inverse + inverse * r
    return inverse * mpmath.mpf(2)


def inverse_root(entry: Entry, x: Ring) -> Ring:
    """1/sqrt(x): m = (3 − x)/2, x ← x m², y ← y m."""
    y = None
    for _ in range(entry["count"]):
        m = x * mpmath.mpf(-0.5) + mpmath.mpf(1.5)
        x = x * (m * m)
        y = m if y is None else y * m
    return y


def odd_stage(row: Sequence[Any], factor: mpmath.mpf, x: Ring) -> Ring:
    """a1 x + a3 x³ + … + a9 x⁹, as (a3 + a5 x²) x³ + (a7 x + a9 x³) x⁶ + a1 x."""
    a = [mpmath.mpf(c) * factor for c in row[1::2]]
    x2 = x * x
    x3 = x2 * x
    return (x2 * a[2] + a[1]) * x3 + (x * a[3] + x3 * a[4]) * (x3 * x3) + x * a[0]


def nexus_gelu(entry: Entry, x: Ring) -> Ring:
    """A polynomial between two breaks, x above them, by two signs of four stages each."""

    def sign(u: Ring) -> Ring:
        for row, half, scale in (("g", 1, 10), ("g", 0.5, 10), ("f", 1, 7), ("f", 0.5, 7)):
            u = odd_stage(entry[row], mpmath.mpf(half) * mpmath.mpf(2) ** -scale, u)
        return u

    shift, width = number(entry["breaks"]), exact(1 / float(entry["width"]))
    low, high = sign((x + shift) * width), sign((x + -shift) * width)
    x2 = x * x
    x4 = x2 * x2
    x6 = x2 * x4
    powers = (x, x2, x4, x6, x4 * x4, x2 * (x4 * x4), x6 * x6)
    first, *rest = (number(c) for c in entry["numbers"])
    value = powers[0] * rest[0]
    for power, c in zip(powers[1:], rest[1:], strict=True):
        value = value + power * c
    return (value + first) * (low - high) + x * (high + mpmath.mpf(0.5))


SCHEMES = {
    "squarings": squarings, "reciprocal": reciprocal, "newton-goldschmidt": newton_goldschmidt,
    "inverse-root": inverse_root, "nexus-gelu": nexus_gelu,
}  # fmt: skip


def piece(part: Entry, x: Ring) -> Ring:
    """One piece: a polynomial of x or −x, times x or plus a multiple of it."""
    u = x * mpmath.mpf(-1) if part.get("of") == "-x" else x
    if "horner" in part:
        g = [number(c) for c in part["horner"]]
        inner = (u * g[0] + g[1]) * u + g[2]
        value = (inner + u * g[0] + g[3]) * inner + g[4]
    else:
        coefficients = [number(c) for c in part["powers"]]
        value = u * mpmath.mpf(0) + coefficients[-1]
        for c in coefficients[-2::-1]:
            value = value * u + c
    if part.get("mirror"):
        value = value * mpmath.mpf(-1) + 1
    if part.get("times"):
        value = value * x
    return value + x * number(part["plus"]) if "plus" in part else value


def sines(
    entry: Entry, x: Any, sin: Callable[[Any], Any], pi: Any, lift: Callable[[Any], Any]
) -> Any:
    """x(1 + Σ b_k sin(kπ y/period))/2 with y = slope · x."""
    y = x * lift(number(entry["slope"]))
    total = None
    for k, text in enumerate(entry["numbers"], 1):
        term = sin(y * (pi * k / int(entry["period"]))) * lift(number(text))
        total = term if total is None else total + term
    return x * (total + 1) * lift(mpmath.mpf(0.5))


def written(entry: Entry) -> tuple[str, str, dict[str, Any]]:
    """A file in the form of the source: its text, format, and what has to be said of it."""
    form, rows = entry["form"], entry["numbers"]
    if form == "cpp-assigned":
        return f"void prepare() {{\n    table = {{{', '.join(rows)}}};\n}}\n", "c", {"name": "table"}
    if form == "cpp-high-to-low":
        listed = ", ".join(reversed(rows))
        return f"double coeff[] = {{{listed}}};\n", "c", {"order": "high-to-low"}
    if form == "cpp-odd":
        return f"std::vector<double> odd = {{{', '.join(rows)}}};\n", "c", {}
    if form == "list-c0-doubled":  # beside x/2, which is so many T_1
        listed = ", ".join([rows[0], entry["half_slope"], *rows[2:]])
        return f"[{listed}]\n", "openfhe", {}
    if form == "configs.json":
        layer = {
            "method": "thor_composite", "xmax": "X", "thor_p1_cheb": "P", "thor_p2_cheb": "Q",
            "thor_p2_a": "A", "thor_p2_b": "B",
        }  # fmt: skip
        text = json.dumps({"softgelu": {"layer": layer}})
        for mark, row in (("P", rows[0]), ("Q", rows[1])):
            text = text.replace(f'"{mark}"', f"[{', '.join(row)}]")
        for mark, key in (("X", "half_width"), ("A", "low"), ("B", "high")):
            text = text.replace(f'"{mark}"', entry[key])
        return text, "perseus", {}
    nested = rows if isinstance(rows[0], list) else [rows]
    lines = ["def he_function(engine, x):"]
    for k, row in enumerate(nested, 1):
        lines += [f"    p{k} = [{', '.join(reversed(row))}]", f"    p{k}.reverse()"]
        lines.append(f"    p{k} = np.array(p{k})")
    names = ",".join(f"he_function.p{k}" for k in range(1, len(nested) + 1))
    return "\n".join(lines) + "\n", "python", {"name": names}


def imported(entry: Entry) -> pa.Approximation:
    """A table of coefficients, through its file."""
    text, format, said = written(entry)
    options = {"function": entry["function"], "guard": 0, "format": format, **said}
    if format != "perseus":
        options |= {"basis": entry["basis"], "interval": interval_of(entry)}
        options["relative"] = entry["relative"]
        if "half_width" in entry:
            options["half_width"] = float(entry["half_width"])
        if entry["kind"] == "gate":
            options["structure"] = "composite"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table"
        path.write_text(text, encoding="utf-8")
        return pa.import_table(path, **options)


def sign_of(entry: Entry) -> pa.Approximation:
    """Odd steps of a matrix sign, as a composite for the sign on one side."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "steps.csv"
        path.write_text("\n".join(",".join(row) for row in entry["numbers"]), encoding="utf-8")
        return pa.import_table(
            path, function="sign", interval=interval_of(entry), basis="monomial-odd", half_width=1,
            guard=0,
        )  # fmt: skip


def interval_of(entry: Entry) -> tuple[float, float]:
    """Its ends, as doubles."""
    low, high = (float(text) for text in entry["interval"])
    return low, high


def from_scheme(entry: Entry) -> pa.Approximation:
    """An iteration, operation by operation."""
    target = as_target(entry["function"])
    low, high = (exact(end) for end in interval_of(entry))
    plan = plan_of(lambda x: SCHEMES[entry["kind"]](entry, x))
    weight = target.reciprocal if entry["relative"] else None
    return of_plan(plan, entry["function"], [(low, high)], "circuit", entry["name"], 0, weight)


def in_pieces(entry: Entry) -> float:
    """The largest bound of the pieces, each proven on its part."""
    bounds = []
    for part in entry["pieces"]:
        low, high = (exact(float(text)) for text in part["interval"])
        plan = plan_of(lambda x, part=part: piece(part, x))
        found = of_plan(plan, entry["function"], [(low, high)], "circuit", entry["name"], 0)
        bounds.append(found.error_bound)
    return max(bounds)


def of_sines(entry: Entry) -> float:
    """The largest bound: sines inside, 0 and x outside."""
    target = as_target(entry["function"])
    low, high = interval_of(entry)
    inside = float(mpmath.mpf(entry["inside"]) / number(entry["slope"]))

    def fitted(x: Any) -> Any:
        return sines(entry, x, lambda u: u.sin(), arb.pi(), ball)

    parts = [
        (lambda x: fitted(x) - target.series(x), lambda x: fitted(x) - target.ball(x), -inside, inside),
        (target.series, target.ball, low, -inside),
        (lambda x: target.series(x) - x, lambda x: target.ball(x) - x, inside, high),
    ]
    found = [largest_value(s, v, [(exact(a), exact(b))]) for s, v, a, b in parts]
    return float_up(max(found))


def value_at(entry: Entry) -> Callable[[mpmath.mpf], mpmath.mpf]:
    """The scheme in mpmath, from the numbers of the data alone."""
    kind = entry["kind"]
    if kind in SCHEMES:
        return lambda x: SCHEMES[kind](entry, x)
    if kind == "sines":
        inside = mpmath.mpf(entry["inside"]) / number(entry["slope"])
        return lambda x: (
            sines(entry, x, mpmath.sin, mpmath.pi, mpmath.mpf) if abs(x) <= inside else max(x, mpmath.mpf(0))
        )
    if kind == "pieces":
        return lambda x: max(
            (piece(part, x) for part in entry["pieces"]
             if float(part["interval"][0]) <= x <= float(part["interval"][1])),
            key=lambda value: abs(value - as_target(entry["function"]).mpmath(x)),
        )  # fmt: skip
    return lambda x: _of_coefficients(entry, x)


def _of_coefficients(entry: Entry, x: mpmath.mpf) -> mpmath.mpf:
    rows = entry["numbers"] if isinstance(entry["numbers"][0], list) else [entry["numbers"]]
    odd = entry["kind"] == "sign" or entry.get("basis") == "monomial-odd"
    u = x / mpmath.mpf(entry["half_width"]) if "half_width" in entry else x
    ends = [(mpmath.mpf(-1), mpmath.mpf(1)) for _ in rows]
    chebyshev = entry.get("basis") == "chebyshev" or entry["kind"] == "perseus"
    if entry["kind"] == "perseus":
        ends[1] = (number(entry["low"]), number(entry["high"]))
    elif chebyshev and "half_width" not in entry:
        low, high = interval_of(entry)
        ends[0] = (mpmath.mpf(low), mpmath.mpf(high))
    for row, (low, high) in zip(rows, ends, strict=True):
        c = [number(text) for text in row]
        if entry.get("form") == "list-c0-doubled":
            c[0] = c[0] / 2
        if chebyshev:
            angle = mpmath.acos((2 * u - low - high) / (high - low))
            u = mpmath.re(mpmath.fsum(a * mpmath.cos(k * angle) for k, a in enumerate(c)))
        else:
            u = mpmath.fsum(a * u ** (2 * k + 1 if odd else k) for k, a in enumerate(c))
    if entry["kind"] == "gate":
        return x * (1 + u) / 2
    if "half_slope" in entry:
        return u + x / 2
    return x * (mpmath.mpf(0.5) + u) if entry["kind"] == "perseus" else u


def truth(entry: Entry, rough: Callable[[np.ndarray], np.ndarray]) -> tuple[float, float]:
    """The error at the worst of many points, by mpmath, and where it is."""
    low, high = interval_of(entry)
    graded = low + (high - low) * np.geomspace(1e-9, 1, 20_001)
    x = np.unique(np.concatenate([np.linspace(low, high, POINTS), graded, _edges(entry)]))
    target, value = as_target(entry["function"]), value_at(entry)
    with np.errstate(all="ignore"):
        error = np.abs(rough(x) - target.numpy(x))
        error = error / np.abs(target.numpy(x)) if entry["relative"] else error
    order = np.argsort(np.where(np.isfinite(error), error, 0))[::-1]
    spread = x[:: len(x) // SPREAD]  # doubles do not rank errors near their own rounding
    places = [*x[order[:LOOKED_AT]], *spread, low, high, *_edges(entry)]
    with mpmath.workdps(DIGITS):
        found = []
        for place in places:
            point = mpmath.mpf(float(place))
            wanted = target.mpmath(point)
            gap = abs(value(point) - wanted)
            found.append((gap / abs(wanted) if entry["relative"] else gap, float(place)))
        worst, where = max(found)
        return float(worst), where


def _edges(entry: Entry) -> np.ndarray:
    return np.array([float(end) for part in entry.get("pieces", ()) for end in part["interval"]])


def rough_of(entry: Entry, made: pa.Approximation | None) -> Callable[[np.ndarray], np.ndarray]:
    """Values in doubles: the plan's, or those of the scheme."""
    if made is not None:
        return lambda x: np.asarray(made.plan.run(x))
    value = value_at(entry)
    return lambda x: np.array([float(value(mpmath.mpf(float(v)))) for v in x[:: max(1, len(x) // 4000)]]).repeat(
        max(1, len(x) // 4000)
    )[: len(x)]


def beside(function: str, interval: tuple[float, float], error: float) -> dict[str, Any] | None:
    """The circuit of fewest multiplications that is as precise as a piecewise function."""
    for m in range(1, MOST + 1):
        try:
            found = pa.circuit(function, multiplications=m, interval=interval)
        except PolyApproxError:
            continue
        if found.error_bound <= error:
            call = f"pa.circuit({function!r}, multiplications={m}, interval={interval})"
            return {"call": call, "error": found.error_bound, "levels": found.levels,
                    "multiplications": found.multiplications}  # fmt: skip
    return None


def measured(entry: Entry) -> dict[str, Any]:
    """The record of one table."""
    start = time.perf_counter()
    made: pa.Approximation | None = None
    rival: dict[str, Any] | None = None
    if entry["kind"] in ("pieces", "sines"):
        bound = in_pieces(entry) if entry["kind"] == "pieces" else of_sines(entry)
        rival = beside(entry["function"], interval_of(entry), bound)
    else:
        maker = {"sign": sign_of, **dict.fromkeys(SCHEMES, from_scheme)}.get(entry["kind"], imported)
        made = maker(entry)
        bound = made.error_bound
        found = rival_of(made, bound)
        if found is not None:
            rival = {"call": found.call, "error": found.error, "levels": found.levels,
                     "multiplications": found.multiplications}  # fmt: skip
    worst, where = truth(entry, rough_of(entry, made))
    return {
        "name": entry["name"], "bound": bound, "truth": worst, "where": where,
        "multiplications": made.multiplications if made else None,
        "levels": made.levels if made else None,
        "rival": rival, "seconds": round(time.perf_counter() - start, 1),
    }  # fmt: skip


def main(names: Sequence[str]) -> int:
    """Measure what has no record yet, or what is named."""
    tables = json.loads(TABLES.read_text(encoding="utf-8"))["tables"]
    known = RECORD.read_text(encoding="utf-8").splitlines() if RECORD.exists() else []
    records = {json.loads(line)["name"]: line for line in known}
    for entry in tables:
        if entry["name"] in records and entry["name"] not in names:
            continue
        if names and entry["name"] not in names:
            continue
        record = measured(entry)
        records[entry["name"]] = json.dumps(record)
        RECORD.write_text("\n".join(records.values()) + "\n", encoding="utf-8")
        sys.stdout.write(f"{record}\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
