"""Targets and expressions: all arithmetics agree, hostile text and bad domains are refused."""

from fractions import Fraction

import mpmath
import numpy as np
import pytest
from flint import arb, arb_series

from polyapprox.errors import DomainError, ExpressionError
from polyapprox.expression import FUNCTIONS, parity, parse
from polyapprox.interpreters import to_sympy
from polyapprox.targets import as_target, check_domain

EXPRESSIONS = [f"{name}(x)" for name in sorted(FUNCTIONS)] + [
    "1/x", "1/sqrt(x)", "exp(-x)/(1+x**2)", "x^3-0.1*x", "pi*x+e", "x**-2", "x**(1/3)", "2**x",
]  # fmt: skip


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_interpreters_agree_with_mpmath(text: str) -> None:
    target = as_target(text)
    for x in (0.125, 0.7, 2.3):
        if x > 1 and text in ("asin(x)", "acos(x)", "logit(x)"):
            continue
        with mpmath.workdps(30):
            expected = target.mpmath(x)
        assert float(target.numpy(x)) == pytest.approx(float(expected), rel=1e-14)
        point, wide = target.ball(arb(x)), target.ball(arb(x, 2**-6))
        series = target.series(arb_series([x, 1], 4))
        assert float(point.mid()) == pytest.approx(float(expected), rel=1e-12)
        assert wide.contains(arb(point.mid()))
        assert float(series[0].mid()) == pytest.approx(float(expected), rel=1e-12)
        slope = mpmath.diff(target.mpmath, x)
        assert float(series[1].mid()) == pytest.approx(float(slope), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(
    "text",
    ["__import__('os')", "x.real", "x[0]", "lambda: x", "y", "x if x else 1", "exp(x, x)", "",
     "9**9**9", "x**1001", "x" * 501, "(" * 240 + "x" + ")" * 240, "-" * 200 + "x", "1j", "True",
     "'x'", "x; x", "x == 1", "exp(x=1)", "1e999", "9" * 400, "f'{x}'", "(x:=1)", "x**(1/0)", "x\0"],
)  # fmt: skip
def test_hostile_text_is_refused(text: str) -> None:
    with pytest.raises(ExpressionError):
        parse(text)


def test_numbers_are_exact() -> None:
    assert parse("0.1").value == Fraction(1, 10)
    assert str(to_sympy(parse("x/2"))) == "x/2"


def test_pieces_and_breakpoints() -> None:
    half, one, zero = Fraction(1, 2), Fraction(1), Fraction(0)
    assert as_target("abs(x-0.5)").pieces == (
        (None, mpmath.mpf(0.5), (half, -one)),
        (mpmath.mpf(0.5), None, (-half, one)),
    )
    assert as_target("relu").pieces == ((None, 0, (zero,)), (0, None, (zero, one)))
    assert as_target("exp(abs(x))").breakpoints == (0,)
    assert as_target("exp(x)").pieces is None
    assert as_target("sqrt").substitution == "sqrt"


def test_kinks_enclose_across_zero() -> None:
    for name in ("abs", "relu", "sign", "step"):
        wide = as_target(name).ball(arb(0, 1))
        for x in (-0.9, 0.0, 0.9):
            assert wide.contains(arb(float(as_target(name).numpy(x))))
        assert not as_target(name).series(arb_series([arb(0, 1), 1], 3))[0].is_finite()


@pytest.mark.parametrize(
    ("text", "expected"),
    [("abs", "even"), ("sign", "odd"), ("1/x", "odd"), ("exp", None), ("gelu", None)],
)
def test_parity(text: str, expected: str | None) -> None:
    assert as_target(text).parity() == expected


def test_callables() -> None:
    smooth = as_target(lambda x: 1 / (1 + x * x))
    assert smooth.provable and float(smooth.numpy(1.0)) == 0.5
    branching = as_target(lambda x: x if x > 0 else x * 0)
    assert not branching.provable
    box = as_target(lambda x: np.clip(x, -1.0, 1.0))
    assert not box.provable and box.name.startswith("<black box")


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [("1/x", -1, 1), ("log", -1, 1), ("sqrt", -1, 1), ("tan", 0, 3), ("1/(x-0.3)", -1, 1)],
)
def test_bad_domains(text: str, low: float, high: float) -> None:
    with pytest.raises(DomainError):
        check_domain(as_target(text), [(low, high)])


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [("1/x", 0.001, 1), ("sqrt", 0, 1), ("tanh", -8, 8), ("abs", -1, 1), ("gelu", -5, 5)],
)
def test_good_domains(text: str, low: float, high: float) -> None:
    target = as_target(text)
    check_domain(target, [(low, high)])
    assert np.isfinite(target.numpy(np.linspace(low, high, 9))).all()


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_parity_by_form_agrees_with_values(text: str) -> None:
    shown = parity(parse(text))
    if shown is not None:
        assert as_target(text).parity([(0.05, 0.9)]) == shown
    assert as_target(text).proven_parity == shown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x*sin(x)", "even"), ("x**3/cos(x)", "odd"), ("-tanh(x**3)", "odd"), ("abs(x**3)", "even"),
        ("exp(x**2)", "even"), ("exp(x)", None), ("x+x**2", None), ("x**3-x", "odd"), ("2**x", None),
        ("(x**2)**0.5", "even"), ("x**0.5", None), ("pi*x", "odd"), ("step", None), ("x**-1", "odd"),
        ("cos(x+1)", None), ("relu(x)+relu(-x)", "even"), ("erf(x)*atan(x)", "even"),
    ],
)  # fmt: skip
def test_parity_by_form(text: str, expected: str | None) -> None:
    assert parity(parse(text)) == expected


def test_parity_is_not_believed_from_floats_alone() -> None:
    assert as_target("cos(x)+1e-15*x").parity() is None
    assert as_target(lambda x: x * x + x * x * x * 1e-18).parity() is None
    assert as_target(lambda x: x * x).parity() == "even"


def test_tent_maps_do_not_explode() -> None:
    """Thirty nested kinks have 2^30 pieces; they are not counted out."""
    text = "abs(2*" * 30 + "x" + "-1)" * 30
    target = as_target(text)
    assert target.pieces is None
    small = as_target("abs(2*abs(2*x-1)-1)")
    assert small.pieces is not None and len(small.pieces) == 4


def test_values_at_zero_of_roots() -> None:
    """A ball [0, r] has its lower end rounded below 0; the root must still be enclosed."""
    wide = arb(0).union(arb(2.0**-40))
    for text, power in (("sqrt(x)", 0.5), ("x**1.5", 1.5), ("x**(1/3)", 1 / 3)):
        value = as_target(text).ball(wide)
        assert value.is_finite() and value.contains(arb(0))
        assert value.contains(arb(float(2.0 ** (-40 * power) * 0.999)))
    assert not as_target("sqrt(x)").ball(arb(0.5, 1)).is_finite()
    assert not as_target("log(x)").ball(wide).is_finite()


@pytest.mark.parametrize("text", ["sign", "step", "x*sign(x-0.25)", "sign(sin(x))*2"])
def test_jumps_are_refused_and_kinks_are_not(text: str) -> None:
    low, high = (-1, 1) if "sin" not in text else (-0.5, 0.5)
    if "sin" not in text:
        with pytest.raises(DomainError, match="jumps"):
            check_domain(as_target(text), [(low, high)])
    check_domain(as_target(text.replace("sign", "abs").replace("step", "relu")), [(low, high)])
    check_domain(as_target(text), [(0.3, 0.5)])
