"""Inputs a little outside the domain, and noise between stages: made for, proven, and at what cost."""

import math
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import mpmath
import numpy as np
import pytest
from flint import arb
from typer.testing import CliRunner

import polyapprox as pa
from polyapprox import Approximation
from polyapprox.cli.commands import application
from polyapprox.errors import ArgumentError, ProofError
from polyapprox.numbers import ball, exact, fraction
from polyapprox.precision import working_precision
from polyapprox.proof.covered import widened
from polyapprox.targets import as_target

GUARD = 2.0**-20
BAD = (-GUARD, 0.1, 1, math.nan, math.inf, "2^-20", None, True, 1j)
FALSE_AT_1 = (36, 40, 46, 50)  # without a guard doubles return 1e8 and NaN there


def largest(r: Approximation, x: np.ndarray, target: str) -> float:
    return float(np.max(np.abs(r(x) - as_target(target).numpy(x))))


def ends(r: Approximation) -> np.ndarray:
    """Points beyond the ends of the domain, within what is covered."""
    found = []
    for (low, high), (start, end) in zip(r.domain, r.covered, strict=True):
        found += [np.linspace(float(start), float(low), 9), np.linspace(float(high), float(end), 9)]
    return np.concatenate(found)


def error_in_balls(r: Approximation, x: float, target: str) -> arb:
    with working_precision(4000):
        return abs(r.plan.run(arb(x)) - as_target(target).ball(arb(x)))


@pytest.mark.filterwarnings("ignore::polyapprox.PrecisionWarning")
@pytest.mark.parametrize("k", FALSE_AT_1)
def test_high_precision_in_doubles_at_the_ends(k: int) -> None:
    r = pa.relu(precision=2.0**-k)
    slack = 64 * 2.0**-53
    for x in (1.0, -1.0, 1 + 2.0**-21, -1 - 2.0**-21, 1 - 2.0**-21, 1 + GUARD):
        assert abs(r(x) - max(x, 0.0)) <= r.error_bound + slack, x
        assert error_in_balls(r, x, "relu") <= r.error_bound, x
    assert r.error_bound <= 2.0**-k


@pytest.mark.filterwarnings("ignore::polyapprox.PrecisionWarning")
def test_without_a_guard_they_are_as_they_were() -> None:
    r = pa.relu(precision=2.0**-36, guard=0)
    assert r.guard == 0 and r.covered == r.domain
    with np.errstate(all="ignore"):
        assert not abs(r(np.array([1.0]))[0] - 1) < 1
    assert not error_in_balls(r, 1 + 2.0**-45, "relu") < 1


@pytest.mark.parametrize(
    ("make", "target"),
    [
        (lambda: pa.relu(precision=2**-9, interval=(-50, 50)), "relu"),
        (lambda: pa.relu(precision=2**-9, interval=(-3, 50), structure="direct"), "relu"),
        (lambda: pa.relu(precision=2**-6, interval=(-3, 5), structure="direct"), "relu"),
        (lambda: pa.relu(degrees=[7, 15], interval=(-50, 50)), "relu"),
        (lambda: pa.relu(degrees=[5, 7], interval=(-1, 3), refine=False), "relu"),
        (lambda: pa.abs(precision=2**-8, interval=(-5, 2), structure="composite"), "abs"),
        (lambda: pa.circuit("abs", multiplications=6, interval=(-0.1, 0.1)), "abs"),
        (lambda: pa.circuit("gelu", multiplications=4), "gelu"),
        (lambda: pa.circuit("exp", multiplications=4, interval=(-8, 0)), "exp"),
        (lambda: pa.sign(precision=2**-6, threshold=2**-6, interval=(-2, 2)), "sign"),
        (lambda: pa.step(degrees=[5, 7], threshold=0.1), "step"),
        (lambda: pa.minimax("exp", 5, domain=(-2, 3)), "exp"),
        (lambda: pa.minimax("tanh", 9, domain=(-3, 3)), "tanh"),
        (lambda: pa.minimax("sqrt", 8, domain=(0, 1)), "sqrt"),
        (lambda: pa.minimax("1/x", 7, domain=(0.1, 4)), "1/x"),
        (lambda: pa.minimax("exp", 6, domain=[(-2, -1), (0.1, 1)]), "exp"),
        (lambda: pa.minimax("sin", 5, domain=(0, 2), parity="odd"), "sin"),
    ],
)  # fmt: skip
def test_every_maker_covers_the_guard(make: object, target: str) -> None:
    r = make()  # type: ignore[operator]
    assert r.guard == exact(GUARD)
    scale = Fraction(float(r.scale))
    moved = [fraction(d[0]) - fraction(c[0]) for d, c in zip(r.domain, r.covered, strict=True)]
    moved += [fraction(c[1]) - fraction(d[1]) for d, c in zip(r.domain, r.covered, strict=True)]
    assert all(0 <= move <= scale * Fraction(GUARD) * Fraction(1001, 1000) for move in moved)
    assert max(moved) >= scale * Fraction(GUARD)
    assert largest(r, ends(r), target) <= r.error_bound * (1 + 1e-9) + 1e-12
    assert pa.verify(r).ok


@pytest.mark.parametrize("function", ["maximum", "minimum"])
def test_both_arguments_may_leave(function: str) -> None:
    r = getattr(pa, function)(precision=2**-8, interval=(-3, 7))
    low, high = (float(end) for end in r.covered[0])
    assert low < -3 and high > 7
    exactly = max if function == "maximum" else min
    for a, b in [(low, high), (high, low), (low, low), (high, high)]:
        assert abs(r(a, b) - exactly(a, b)) <= r.error_bound
    assert pa.verify(r).ok


@pytest.mark.parametrize(
    ("domain", "function", "covered"),
    [
        ([(-1, 1)], "exp", [(-1 - GUARD, 1 + GUARD)]),
        ([(2**-20, 1)], "1/x", [(2**-20 * (1 - GUARD), 1 + GUARD)]),
        ([(2**-4, 1)], "1/x", [(2**-4 - GUARD, 1 + GUARD)]),
        ([(0, 1)], "sqrt", [(0, 1 + GUARD)]),
        ([(0, 2)], "relu", [(0, 2 + 2 * GUARD)]),
        ([(2**-18, 1)], "log", [(2**-18 * (1 - GUARD), 1 + GUARD)]),
        ([(-1, -(2**-17)), (2**-17, 1)], "sign",
         [(-1 - GUARD, -(2**-17) * (1 - GUARD)), (2**-17 * (1 - GUARD), 1 + GUARD)]),
        ([(-1, 0.5), (0.5 + 2**-12, 1)], "exp",
         [(-1 - GUARD, 0.5 + GUARD), (0.5 + 2**-12 - GUARD, 1 + GUARD)]),
        ([(-1, 0.5), (0.5 + 2**-15, 1)], "exp",
         [(-1 - GUARD, 0.5), (0.5 + 2**-15, 1 + GUARD)]),
    ],
)  # fmt: skip
def test_what_is_covered(domain: list, function: str, covered: list) -> None:
    parts = [(exact(low), exact(high)) for low, high in domain]
    found = widened(parts, exact(GUARD), as_target(function))
    for (low, high), (start, end) in zip(found, covered, strict=True):
        assert float(low) == pytest.approx(start, rel=2e-16)
        assert float(high) == pytest.approx(end, rel=2e-16)


def test_a_guard_that_is_not_covered_is_refused() -> None:
    r = pa.minimax("exp", 5, guard=0)
    with pytest.raises(ProofError, match="a guard of"):
        pa.verify(replace(r, guard=exact(GUARD)))
    with pytest.raises(ProofError, match="a guard of"):
        pa.verify(replace(pa.minimax("exp", 5), guard=exact(2 * GUARD)))
    odd = pa.minimax("x^3", 3, domain=(0, 2), parity="odd")
    assert pa.verify(odd).ok  # 0 is no end to be moved there


def test_exports_of_one_parity_on_one_side_are_proven_again(tmp_path: Path) -> None:
    r = pa.minimax("sin", 7, domain=(0, 2), parity="odd")
    assert "(proven)" in r.export("c", tmp_path / "sin.c", form="plan").read_text()


def test_a_bound_without_noise_does_not_pass_with_it() -> None:
    r = pa.relu(degrees=[5, 5, 5, 5, 13], interval=(-1, 1))
    alone = pa.relu(degrees=[5, 5, 5, 5, 13], interval=(-1, 1), guard=0)
    assert r.certificate is not None and alone.certificate is not None
    assert r.error_bound > 1.1 * alone.error_bound
    claim = replace(r.certificate, upper=alone.certificate.upper)
    with pytest.raises(ProofError, match="can be proven"):
        pa.verify(replace(r, certificate=claim))
    assert r.certificate.details["noise_between_stages"] == GUARD


@pytest.mark.parametrize(
    "make",
    [
        lambda: pa.relu(degrees=[5, 5, 7], interval=(-1, 1)),
        lambda: pa.relu(degrees=[3, 5, 5, 7, 15]),
        lambda: pa.relu(degrees=[7, 7], refine=False, interval=(-4, 4)),
        lambda: pa.relu(degrees=[27, 27, 29], refine=False),
        lambda: pa.sign(degrees=[7, 7, 13], threshold=2**-7),
    ],
)
def test_the_bound_holds_with_noise_between_stages(make: object) -> None:
    """Stages run one by one, what each hands on multiplied by 1 ± up to the guard."""
    r = make()  # type: ignore[operator]
    chance = np.random.default_rng(20261128)
    scale = float(r.scale)
    x = np.concatenate([scale * np.sin(np.linspace(0, np.pi / 2, 60_001)), np.geomspace(1e-6, 1, 9999)])
    x = np.concatenate([x, ends(r)])
    x = x[x >= float(r.threshold)] if r.function == "sign" else x[x >= 0]
    extreme = [np.array(signs) for signs in np.ndindex(*(2,) * (len(r.components) - 1))]
    worst = 0.0
    for signs in [*extreme, None, None, None]:
        value = x
        for position, component in enumerate(r.components):
            if position:
                noise = chance.uniform(-1, 1, x.shape) if signs is None else 2 * signs[position - 1] - 1
                value = value * (1 + GUARD * noise)
            value = component(value)
        result = value if r.function == "sign" else x * (1 + value) / 2 + float(r.offset)
        worst = max(worst, float(np.max(np.abs(result - as_target(r.function).numpy(x)))))
    assert worst <= r.error_bound * (1 + 1e-9)
    assert worst >= 0.9 * r.error_bound


COSTS = {5: (3, 3), 7: (5, 5), 9: (7, 7), 12: (10, 10), 20: (19, 19), 24: None, 30: None, 36: None}


@pytest.mark.parametrize("k", COSTS)
def test_the_guard_costs_no_level(k: int) -> None:
    with_guard, without = pa.relu(precision=2.0**-k), pa.relu(precision=2.0**-k, guard=0)
    assert with_guard.error_bound <= 2.0**-k
    cost = with_guard.multiplications, with_guard.levels
    assert cost == (without.multiplications, without.levels)
    assert COSTS[k] in (None, cost)
    assert with_guard.counts("standalone").levels == without.counts("standalone").levels
    assert without.bits - 0.01 < with_guard.bits <= without.bits + 1e-9


def test_the_parabola_needs_a_multiplication_more() -> None:
    """x² / 2 + x / 2 + 1/16 errs by 2^-4 exactly on [-1, 1]: on any more it misses 2^-4."""
    assert pa.relu(precision=2**-4, guard=0).multiplications == 1
    assert pa.relu(precision=2**-4).multiplications == 2
    assert pa.relu(precision=2**-4 * (1 + 2 * GUARD)).multiplications == 1


@pytest.mark.parametrize("guard", BAD)
def test_what_is_no_guard_is_refused(guard: object) -> None:
    line = pa.Polynomial.from_floats([0, 1], parity="odd")
    makers = (
        lambda g: pa.relu(precision=2**-4, guard=g),
        lambda g: pa.maximum(precision=2**-4, guard=g),
        lambda g: pa.sign(precision=2**-4, guard=g),
        lambda g: pa.minimax("exp", 3, guard=g),
        lambda g: pa.circuit("relu", multiplications=2, guard=g),
        lambda g: pa.circuit("gelu", multiplications=2, guard=g),
        lambda g: pa.weighted_relu(multiplications=2, samples=[0.1, 0.2], guard=g),
        lambda g: pa.from_components("relu", [line], guard=g),
    )
    for make in makers:
        with pytest.raises(ArgumentError, match=r"guard must be a number from 0 to 2\^-4"):
            make(guard)


@pytest.mark.parametrize("guard", [0, 2.0**-30, 2.0**-10])
def test_another_guard_is_in_the_command(guard: float) -> None:
    for r in (
        pa.relu(precision=2**-6, guard=guard),
        pa.minimax("exp", 4, guard=guard),
        pa.sign(precision=2**-4, guard=guard),
        pa.circuit("abs", multiplications=3, guard=guard),
    ):
        assert f"guard={float(guard)!r}" in r.provenance.command
        again = eval(r.provenance.command, {"polyapprox": pa})
        assert again == r


def test_the_command_line(tmp_path: object) -> None:
    run = CliRunner().invoke
    found = run(application, ["relu", "--precision", "2^-6", "--guard", "0", "--json"])
    assert found.exit_code == 0, found.output
    bad = run(application, ["minimax", "exp", "--degree", "3", "--guard", "1"])
    assert bad.exit_code != 0
    assert isinstance(bad.exception, ArgumentError) and "guard must be" in str(bad.exception)


def test_a_black_box_is_not_asked_where_it_is_undefined() -> None:
    def f(x: float) -> float:
        return math.sqrt(x) if x >= 0 else math.nan

    r = pa.minimax(f, 6, domain=(0, 1))
    assert r.covered[0][0] == 0 and r.covered[0][1] > 1


def test_thresholds_and_reference_lie_in_what_is_covered() -> None:
    r = pa.minimax("exp", 5, domain=(-1, 2))
    assert r.certificate is not None and r.certificate.lower is not None
    assert r.certificate.upper < 1.001 * r.certificate.lower
    with working_precision(100):
        assert ball(r.components[0].domain[1]) == 2
    assert mpmath.mpf(r.guard) == mpmath.mpf(2) ** -20
