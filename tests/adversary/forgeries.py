"""False tables, by kind: each looks right (digest, derived fields and hash are made anew).

A forgery is a true table with one lie. Most lies are about numbers, and the judge finds a point
that shows them (`measurable`); the others are about words: the method, the structure, the threshold.
What only records how a table was made (its command, its estimate, the size of its margins) claims
nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import mpmath

import polyapprox as pa
from polyapprox import Approximation, Polynomial
from polyapprox.numbers import exact, multiply, nearest_dyadic
from polyapprox.plan.plan import Operation, Plan
from polyapprox.proof.covered import widened
from polyapprox.table import document_of
from polyapprox.table.schema import content_hash
from polyapprox.table.write import laid_out
from polyapprox.targets import as_target

BASES: dict[str, str] = {
    "exp": "pa.minimax('exp', 5)",
    "gelu": "pa.minimax('gelu', 14, domain=(-8, 8))",
    "sigmoid": "pa.minimax('sigmoid', 9, domain=(-6, 6))",
    "relative 1/x": "pa.minimax('1/x', 7, domain=(0.25, 1), relative=True)",
    "weighted sin": "pa.minimax('sin', 6, domain=(0.5, 2), weight='exp(-x)')",
    "union": "pa.minimax('exp', 6, domain=[(-2, -1), (0.5, 1)])",
    "fine exp": "pa.minimax('exp', 24)",
    "abs polynomial": "pa.minimax('abs', 8, domain=(-2, 2))",
    "sign": "pa.sign(precision=2**-8, threshold=2**-6)",
    "step": "pa.step(precision=2**-8, threshold=2**-6)",
    "lopsided sign": "pa.sign(precision=2**-6, threshold=2**-5, interval=(-3, 8))",
    "composite relu": "pa.relu(precision=2**-9, structure='composite')",
    "large composite relu": "pa.relu(precision=2**-24, interval=(-50, 50), structure='composite')",
    "composite abs": "pa.abs(degrees=[7, 15], interval=(-3, 4))",
    "direct relu": "pa.relu(precision=2**-5, structure='direct')",
    "direct maximum": "pa.maximum(precision=2**-6, structure='direct')",
    "composite maximum": "pa.maximum(degrees=[7, 15], interval=(-2, 2))",
    "composite minimum": "pa.minimum(degrees=[15, 15], interval=(-1, 3))",
    "circuit relu": "pa.circuit('relu', multiplications=6, interval=(-8, 8))",
    "long circuit": "pa.circuit('abs', multiplications=12)",
    "circuit maximum": "pa.circuit('maximum', multiplications=5)",
    "circuit gelu": "pa.circuit('gelu', multiplications=4)",
    "circuit sign": "pa.circuit('sign', multiplications=6, interval=(0.1, 1))",
    "composition": "pa.from_components('step', [NEWTON] * 3, [(0.5, 1)], structure='composition')",
    "entered sign": "pa.from_components('sign', [NEWTON] * 3, [(-1, -0.5), (0.5, 1)])",
}  # fmt: skip
NEWTON = Polynomial.from_floats([0.0, 1.125, 0.0, -0.125], parity="odd")


@cache
def base(name: str) -> Approximation:
    """A true table by name."""
    return eval(BASES[name], {"pa": pa, "NEWTON": NEWTON})


@dataclass(frozen=True)
class Forgery:
    """One false table."""

    kind: str
    name: str
    document: Callable[[], dict[str, Any]]
    measurable: bool = True

    def write(self, folder: Path) -> Path:
        """The forged file."""
        path = folder / "forged.json"
        path.write_text(laid_out(self.document()), encoding="utf-8")
        return path


def forgeries() -> Iterator[Forgery]:
    """All of them."""
    for maker in (
        _plan_terms, _plan_constants, _components, _domains, _weights, _functions, _parities,
        _offsets, _thresholds, _structures, _bounds, _lower_bounds, _methods, _references, _margins,
        _two_arguments, _guards, _files,
    ):  # fmt: skip
        yield from maker()


Change = Callable[[Approximation], Approximation]


def _of(kind: str, bases: list[str], change: Change, note: str = "", measurable: bool = True) -> Iterator[Forgery]:
    for name in bases:
        yield Forgery(
            kind, f"{name}{': ' if note else ''}{note}",
            lambda name=name: document_of(change(base(name))), measurable,
        )  # fmt: skip


# --- the plan ----------------------------------------------------------------------------------


def _appended(a: Approximation, squarings: int, size: Fraction) -> Approximation:
    """The plan with c · u^(2^n) · (1 − u²) added, u the variable on [-1, 1]."""
    rows = list(a.plan.operations)
    low, high = (Fraction(*_ratio(end)) for end in a.interval)
    slope, shift = 2 / (high - low), -(high + low) / (high - low)
    if a.plan.inputs == 2:
        slope = 1 / max(abs(low), abs(high))
    source = next(i for i, o in enumerate(rows) if o.kind == "input")

    def add(*operation: Any) -> int:
        rows.append(Operation(*operation))
        return len(rows) - 1

    u = add("scale", source, -1, nearest_dyadic(slope, 100))
    if shift and a.plan.inputs == 1:
        u = add("shift", u, -1, nearest_dyadic(shift, 100))
    square = add("multiply", u, u)
    rest = add("shift", add("scale", square, -1, exact(-1)), -1, exact(1))
    power = u
    for _ in range(squarings):
        power = add("multiply", power, power)
    term = add("scale", add("multiply", power, rest), -1, nearest_dyadic(size, 60))
    out = add("add", a.plan.output, term)
    return replace(a, plan=Plan(tuple(rows), out, a.plan.inputs))


def _ratio(number: mpmath.mpf) -> tuple[int, int]:
    sign, mantissa, exponent, _ = number._mpf_
    value = Fraction(int(mantissa)) * Fraction(2) ** int(exponent)
    value = -value if sign else value
    return value.numerator, value.denominator


def _plan_terms() -> Iterator[Forgery]:
    single = ["exp", "gelu", "sign", "relative 1/x", "step", "large composite relu", "union",
              "composite relu", "composite abs", "direct relu", "composition", "fine exp"]  # fmt: skip
    tall = Fraction(2) ** 40
    yield from _of("plan: tiny term of high degree", single, lambda a: _appended(a, 27, tall))
    yield from _of(
        "plan: tiny term of high degree", ["sign", "exp", "gelu"],
        lambda a: _appended(a, 60, Fraction(2) ** 70), "degree 2^60",
    )  # fmt: skip
    yield from _of(
        "plan: tiny term of high degree", ["circuit relu", "circuit gelu", "circuit sign"],
        lambda a: _appended(a, 22, Fraction(2) ** 40), "circuit",
    )  # fmt: skip
    yield from _of(
        "plan: term of moderate degree", ["exp", "gelu", "sigmoid", "composite relu", "direct maximum"],
        lambda a: _appended(a, 4, Fraction(1, 20)),
    )  # fmt: skip


def _with_constant(a: Approximation, which: int, factor: float) -> Approximation:
    rows = list(a.plan.operations)
    at = [i for i, o in enumerate(rows) if o.constant is not None and o.constant != 0][which]
    constant = multiply(rows[at].constant, exact(factor))  # type: ignore[arg-type]
    rows[at] = Operation(rows[at].kind, rows[at].left, rows[at].right, constant)
    return replace(a, plan=Plan(tuple(rows), a.plan.output, a.plan.inputs))


def _plan_constants() -> Iterator[Forgery]:
    names = ["exp", "gelu", "sign", "composite relu", "direct maximum", "circuit relu", "circuit gelu",
             "long circuit", "relative 1/x", "composite minimum"]  # fmt: skip
    yield from _of("plan: constant", names, lambda a: _with_constant(a, -1, 1.03))
    yield from _of("plan: constant", names, lambda a: _with_constant(a, 1, 1.01), "an inner one")
    yield from _of(
        "plan: constant", ["fine exp"],
        lambda a: _with_constant(a, -1, 1 + 2.0**-20), "by 2^-20",
    )  # fmt: skip


def _with_coefficient(a: Approximation, factor: float, stage: int = -1) -> Approximation:
    components = list(a.components)
    old = components[stage]
    row = list(old.coefficients)
    at = max(i for i, c in enumerate(row) if c)
    row[at] = multiply(row[at], exact(factor))
    components[stage] = Polynomial(tuple(row), old.domain, old.parity)
    return replace(a, components=tuple(components))


def _components() -> Iterator[Forgery]:
    names = ["exp", "gelu", "sign", "step", "composite relu", "large composite relu", "direct maximum",
             "composite maximum", "relative 1/x", "composition", "union"]  # fmt: skip
    kind = "components: coefficient"
    yield from _of(kind, names, lambda a: _with_coefficient(a, 1.25), measurable=False)
    yield from _of(
        kind, ["sign", "composite relu", "large composite relu"],
        lambda a: _with_coefficient(a, 1.01, 0), "first stage", measurable=False,
    )  # fmt: skip
    yield from _of(
        kind, ["composite relu", "sign"],
        lambda a: replace(a, components=a.components[:-1]), "a stage left out", measurable=False,
    )  # fmt: skip


# --- what is claimed -----------------------------------------------------------------------------


def _on(*parts: tuple[float, float]) -> Change:
    intervals = tuple((exact(a), exact(b)) for a, b in parts)

    def change(a: Approximation) -> Approximation:
        """On another domain, with its guard."""
        target = None if a.plan.inputs == 2 else as_target(a.function)
        covered = widened(intervals, a.guard, target)
        return replace(a, domain=intervals, covered=covered)

    return change


def _stretched(factor: float) -> Change:
    def change(a: Approximation) -> Approximation:
        parts = [(float(low) * factor, float(high) * factor) for low, high in a.domain]
        if len(parts) == 2 and parts[0][1] < 0 < parts[1][0]:  # the gap stays
            parts = [(parts[0][0], float(a.domain[0][1])), (float(a.domain[1][0]), parts[1][1])]
        return _on(*parts)(a)

    return change


def _domains() -> Iterator[Forgery]:
    kind = "domain: stretched"
    every = [name for name in BASES if name not in ("composition", "union", "relative 1/x", "weighted sin", "circuit sign", "entered sign")]
    yield from _of(kind, every, _stretched(1.25), "by a quarter")
    yield from _of(kind, ["direct maximum", "composite maximum", "circuit maximum", "exp", "sign",
                          "composite relu", "circuit relu", "entered sign"], _stretched(10), "tenfold")  # fmt: skip
    yield from _of(kind, ["relative 1/x"], _on((0.2, 1)))
    yield from _of(kind, ["direct maximum"], _on((-1, 2)), "one end")
    yield from _of(kind, ["exp"], _on((-3, 1)), "one end")
    yield from _of(kind, ["composite abs"], _on((-3, 6)), "one end")
    kind = "domain: other parts"
    yield from _of(kind, ["sign", "step", "entered sign"], _on((-1, 1)), "gap filled")
    yield from _of(kind, ["sign"], _on((-1, -0.25), (0.001, 1)), "gap narrowed on one side")
    yield from _of(kind, ["step"], _on((-1, -0.001), (0.5, 1)), "gap narrowed on one side")
    yield from _of(kind, ["union"], _on((-2, 1)), "gap filled")
    yield from _of(kind, ["exp"], _on((-1, 1), (2, 3)), "a part more")
    yield from _of(kind, ["composition"], _on((-1, -0.5), (0.5, 1)), "the other side")
    yield from _of(kind, ["composition"], _on((-1, -0.5)), "the other side alone")
    yield from _of(kind, ["entered sign"], _on((-1, -0.1), (0.5, 1)), "one part wider")
    yield from _of(kind, ["circuit sign"], _on((0.02, 1)), "gap narrowed")


def _weights() -> Iterator[Forgery]:
    names = ["sign", "step", "large composite relu", "exp", "composite relu", "circuit relu",
             "direct relu", "long circuit", "composition", "union"]  # fmt: skip
    yield from _of("weight", names, lambda a: replace(a, weight="2"), "2")
    yield from _of("weight", [*names, "gelu"], lambda a: replace(a, weight="1+x**2"), "1+x**2")
    yield from _of("weight", ["relative 1/x", "weighted sin"], lambda a: replace(a, weight="1"), "1")
    yield from _of("weight", ["relative 1/x"], lambda a: replace(a, weight="1/x"), "1/x")


RENAMED = [
    ("exp", "cosh"), ("exp", "exp(x)+x/10000"), ("exp", "1+x+x**2/2+x**3/6"), ("gelu", "silu"),
    ("gelu", "relu"), ("sigmoid", "1/2+tanh(x)/2"), ("sigmoid", "sigmoid(x)+x/1000"),
    ("relative 1/x", "1/x+1/1000"), ("union", "exp(x)+sign(x)/10000"), ("fine exp", "exp(x)+1e-20"),
    ("abs polynomial", "sqrt(x**2+1/100)"), ("sign", "tanh(20*x)"), ("sign", "step"),
    ("step", "sign"), ("composite relu", "abs"), ("composite relu", "relu(x)+x/100"),
    ("large composite relu", "relu(x)+1/1000"), ("composite abs", "relu"), ("direct relu", "abs(x)"),
    ("direct maximum", "minimum"), ("composite maximum", "minimum"), ("composite minimum", "maximum"),
    ("circuit maximum", "minimum"), ("circuit relu", "relu(x)+x/100"), ("circuit gelu", "silu"),
    ("long circuit", "abs(x)+x/1000"), ("circuit sign", "step"), ("composition", "step(x)+x/3"),
    ("entered sign", "step"),
]  # fmt: skip


def _functions() -> Iterator[Forgery]:
    for name, other in RENAMED:
        yield from _of("function", [name], lambda a, other=other: replace(a, function=other), other)


def _parities() -> Iterator[Forgery]:
    def said(parity: Any, stage: int = 0) -> Change:
        def change(a: Approximation) -> Approximation:
            components = list(a.components)
            components[stage] = replace(components[stage], parity=parity)
            return replace(a, components=tuple(components))

        return change

    def tainted(a: Approximation) -> Approximation:
        old = a.components[-1]
        row = [c if i != 2 else exact(2.0**-30) for i, c in enumerate(old.coefficients)]
        return replace(a, components=(*a.components[:-1], replace(old, coefficients=tuple(row))))

    kind = "parity"
    yield from _of(kind, ["exp", "gelu", "union"], said("even"), "even", measurable=False)
    yield from _of(kind, ["exp", "direct relu"], said("odd"), "odd", measurable=False)
    yield from _of(kind, ["sign", "composite relu"], said("even"), "even", measurable=False)
    yield from _of(kind, ["sign", "large composite relu"], tainted, "not quite odd", measurable=False)


def _offsets() -> Iterator[Forgery]:
    names = ["composite relu", "composite abs", "composite maximum", "large composite relu"]
    yield from _of(
        "offset", names, lambda a: replace(a, offset=multiply(a.offset, exact(1.5))), measurable=False
    )
    yield from _of(
        "offset", ["composite relu", "composite minimum"],
        lambda a: replace(a, offset=exact(0)), "zero", measurable=False,
    )  # fmt: skip
    yield from _of(
        "offset", ["sign", "exp", "step"], lambda a: replace(a, offset=exact(0.01)), "where there is none",
        measurable=False,
    )  # fmt: skip


def _thresholds() -> Iterator[Forgery]:
    def by(factor: float) -> Change:
        return lambda a: replace(a, threshold=multiply(a.threshold, exact(factor)))  # type: ignore[arg-type]

    names = ["sign", "step", "circuit sign"]  # the gap is that of the domain
    yield from _of("threshold", names, by(0.25), "a quarter", measurable=False)
    yield from _of("threshold", names, by(4), "fourfold", measurable=False)


def _structures() -> Iterator[Forgery]:
    for name, other in [
        ("exp", "composite"), ("exp", "circuit"), ("sign", "polynomial"), ("step", "composition"),
        ("composite relu", "composition"), ("composite relu", "direct"), ("direct relu", "composite"),
        ("composition", "polynomial"), ("direct maximum", "composite"), ("composite maximum", "direct"),
        ("large composite relu", "circuit"), ("composition", "composite"),
    ]:  # fmt: skip
        yield from _of(
            "structure", [name], lambda a, other=other: replace(a, structure=other), other,
            measurable=False,
        )  # fmt: skip


def _claim(a: Approximation, **changed: Any) -> Approximation:
    assert a.certificate is not None
    return replace(a, certificate=replace(a.certificate, **changed))


def _with_upper(a: Approximation, upper: mpmath.mpf) -> Approximation:
    lower = a.certificate.lower  # type: ignore[union-attr]
    lower = min(lower, upper) if lower is not None else None
    estimate = min(a.error_estimate, float(upper))
    return replace(_claim(a, upper=upper, lower=lower), error_estimate=estimate)


def _bounds() -> Iterator[Forgery]:
    def lowered(by: float) -> Change:
        return lambda a: _with_upper(a, multiply(a.certificate.upper, exact(1 - by)))  # type: ignore[union-attr]

    def below_the_proof(a: Approximation) -> Approximation:
        """Less than what a proof gives, which may itself be less than what the table claims."""
        return _with_upper(a, multiply(exact(pa.verify(a).bound), exact(1 - 1e-6)))

    yield from _of("bound: lowered by 1e-6", list(BASES), below_the_proof, measurable=False)
    yield from _of("bound: lowered by a half", list(BASES), lowered(0.5))
    yield from _of("bound: zero", ["exp", "sign", "circuit relu"], lowered(1.0))


def _lower_bounds() -> Iterator[Forgery]:
    def raised(a: Approximation) -> Approximation:
        return _claim(a, lower=a.certificate.upper)  # type: ignore[union-attr]

    def slightly(a: Approximation) -> Approximation:
        lower = multiply(a.certificate.lower, exact(1 + 1e-6))  # type: ignore[union-attr]
        return _claim(a, lower=lower)

    with_lower = ["exp", "gelu", "sigmoid", "relative 1/x", "weighted sin", "union", "fine exp",
                  "abs polynomial", "direct relu"]  # fmt: skip
    kind = "lower bound: raised"
    yield from _of(kind, with_lower, raised, "to the upper one", measurable=False)
    yield from _of(kind, with_lower, slightly, "by 1e-6", measurable=False)
    yield from _of(
        "lower bound: for others", ["exp", "gelu"],
        lambda a: _claim(a, lower_for="every polynomial"), measurable=False,
    )  # fmt: skip
    yield from _of(
        "lower bound: for others", ["exp", "direct relu"],
        lambda a: _claim(a, lower_for="every polynomial of degree <= 30"), measurable=False,
    )  # fmt: skip
    yield from _of(
        "lower bound: out of nothing", ["sign", "composition", "composite relu", "circuit gelu", "step"],
        lambda a: _claim(a, lower=multiply(a.certificate.upper, exact(0.9)),  # type: ignore[union-attr]
                         lower_for="every polynomial"), measurable=False,
    )  # fmt: skip


METHODS = ("sampling theorem", "Taylor models on cells", "Taylor balls", "stages", "magic")


def _methods() -> Iterator[Forgery]:
    for name in ("exp", "sign", "composite relu", "long circuit", "circuit relu", "large composite relu",
                 "circuit gelu", "direct maximum"):  # fmt: skip
        def change(a: Approximation) -> Approximation:
            true = a.certificate.method, pa.verify(a).method  # type: ignore[union-attr]
            return _claim(a, method=next(m for m in METHODS if m not in true))

        yield from _of("method", [name], change, measurable=False)
        yield from _of("method", [name], lambda a: _claim(a, method="magic"), "magic", measurable=False)


def _references() -> Iterator[Forgery]:
    """Points on one side, as if the function were even: they prove nothing for all polynomials."""

    def one_sided(function: str, degree: int, points: list[float], lower: float) -> Callable[[], dict[str, Any]]:
        def document() -> dict[str, Any]:
            bad = pa.from_components(function, [Polynomial.from_floats([1.0, 0.5])], structure="polynomial")
            best = pa.minimax(function, degree)
            c = best.certificate
            assert c is not None and bad.certificate is not None
            coefficients = [0.0] * (degree + 1)
            coefficients[0] = 1.0
            constant = pa.from_components(
                function, [Polynomial.from_floats(coefficients)], structure="polynomial"
            )
            assert constant.certificate is not None
            details = {**c.details, "reference": [repr(p) for p in points]}
            claim = replace(
                constant.certificate, lower=exact(lower), lower_for=c.lower_for, details=details
            )
            return document_of(replace(constant, certificate=claim))

        return document

    kind = "lower bound: one-sided reference"
    yield Forgery(kind, "exp, degree 2", one_sided("exp", 2, [0.0, 0.5, 1.0], 0.2), False)
    yield Forgery(kind, "exp, degree 3", one_sided("exp", 3, [0.0, 0.5, 1.0], 0.05), False)
    yield Forgery(kind, "sigmoid, degree 2", one_sided("sigmoid", 2, [0.0, 0.5, 1.0], 0.1), False)
    yield Forgery(kind, "gelu, degree 2", one_sided("gelu", 2, [0.1, 1.0], 0.3), False)


def _margins() -> Iterator[Forgery]:
    yield from _of(
        "margins", ["exp", "composite relu", "circuit relu"],
        lambda a: replace(a, margins=(*a.margins, exact(0.5))), "one too many", measurable=False,
    )  # fmt: skip


def _two_arguments() -> Iterator[Forgery]:
    def other_input(a: Approximation, which: int) -> Approximation:
        """One use of the second argument becomes a use of the first."""
        rows = list(a.plan.operations)
        first, second = (i for i, o in enumerate(rows) if o.kind == "input")
        uses = [i for i, o in enumerate(rows) if o.kind != "input" and second in (o.left, o.right)]
        at = uses[which]
        o = rows[at]
        new = [first if v == second else v for v in (o.left, o.right)]
        rows[at] = Operation(o.kind, new[0], new[1], o.constant)
        return replace(a, plan=Plan(tuple(rows), a.plan.output, 2))

    def negated(a: Approximation) -> Approximation:
        """a + b where a − b belongs."""
        rows = list(a.plan.operations)
        at = next(i for i, o in enumerate(rows) if o.kind == "subtract")
        rows[at] = Operation("add", rows[at].left, rows[at].right)
        return replace(a, plan=Plan(tuple(rows), a.plan.output, 2))

    names = ["direct maximum", "composite maximum", "composite minimum", "circuit maximum"]
    yield from _of("two arguments: one for the other", names, lambda a: other_input(a, 0))
    yield from _of("two arguments: one for the other", names, lambda a: other_input(a, -1), "the last use")
    yield from _of("two arguments: sum for difference", names, negated)
    yield from _of(
        "two arguments: of a function of one", ["direct maximum", "circuit maximum"],
        lambda a: replace(a, function="relu"), measurable=False,
    )  # fmt: skip
    yield from _of(
        "two arguments: of a function of one", ["composite relu", "circuit relu"],
        lambda a: replace(a, function="maximum"), measurable=False,
    )  # fmt: skip


def _guards() -> Iterator[Forgery]:
    names = ["exp", "sign", "composite relu", "large composite relu", "direct maximum", "circuit relu",
             "gelu", "composite maximum", "relative 1/x"]  # fmt: skip

    def enlarged(a: Approximation) -> Approximation:
        more = multiply(a.scale, exact(2.0**-3))
        low, high = a.covered[0][0], a.covered[-1][1]
        if a.function != "1/x":
            low = mpmath.fsub(low, more, exact=True)
        high = mpmath.fadd(high, more, exact=True)
        parts = [list(part) for part in a.covered]
        parts[0][0], parts[-1][1] = low, high
        return replace(a, covered=tuple((low, high) for low, high in parts))

    yield from _of("guard: covered enlarged", names, enlarged, "by an eighth")
    yield from _of("guard: larger", names, lambda a: replace(a, guard=exact(2.0**-10)), measurable=False)
    yield from _of(
        "guard: covered less than it says", names, lambda a: replace(a, covered=a.domain), measurable=False
    )
    yield from _of(
        "guard: covered less than the domain", ["exp", "sign", "composite relu"],
        lambda a: replace(a, covered=tuple((low * exact(0.5), high * exact(0.5)) for low, high in a.covered)),
        measurable=False,
    )  # fmt: skip


# --- the file -----------------------------------------------------------------------------------


def _files() -> Iterator[Forgery]:
    """Lies in the fields that repeat what others say."""

    def edited(name: str, edit: Callable[[dict[str, Any]], None], rehash: bool = True) -> Callable[[], dict[str, Any]]:
        def document() -> dict[str, Any]:
            found = json.loads(json.dumps(document_of(base(name))))
            edit(found)
            if rehash:
                found["sha256"] = content_hash(found)
            return found

        return document

    def put(*way: Any) -> Callable[[dict[str, Any]], None]:
        *path, last, value = way

        def edit(document: dict[str, Any]) -> None:
            place: Any = document
            for key in path:
                place = place[key]
            place[last] = value

        return edit

    for name in ("exp", "composite relu", "circuit relu"):
        for note, edit in {
            "bound": put("bound", "1e-9"), "bits": put("precision_bits", "40.0"),
            "multiplications": put("counts", "published", "multiplications", 1),
            "levels": put("counts", "standalone", "depth", 1), "interval": put("interval", 0, "-9.0"),
            "degrees": put("degrees", [3]), "lower bound": put("lower_bound", "1.0"),
            "plan's digest": put("plan", "digest", "0" * 64), "version": put("version", 99),
            "a field more": put("guarantee", "absolute"),
            "method of a number": put("certificate", "method", 7),
            "estimate below zero": put("error_estimate", "-1.0"),
        }.items():  # fmt: skip
            yield Forgery("file: contradiction", f"{name}: {note}", edited(name, edit), False)
        yield Forgery(
            "file: hash", name, edited(name, put("provenance", "command", "another"), False), False
        )
