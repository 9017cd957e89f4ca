"""Constants rounded to the scale: which, how, and what is proven of the plan that results."""

import math
import warnings
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import mpmath
import numpy as np
import pytest

import polyapprox as pa
from polyapprox import Approximation
from polyapprox.errors import ArgumentError, ProofError
from polyapprox.noise import quantise, quantised_plan
from polyapprox.noise.deviation import deviation_bound
from polyapprox.noise.rounding import rounded_to_scale, rounding_errors
from polyapprox.noise.scale import ScaleWarning, Setting, assess, smallest_scale, sweep
from polyapprox.numbers import dyadic, exact, fraction
from polyapprox.plan import Operation, Plan
from polyapprox.table import load


def nearest(scale_bits: int) -> Callable[[mpmath.mpf], Fraction]:
    """Rounding in rational arithmetic, half to even."""
    return lambda constant: Fraction(round(fraction(constant) * 2**scale_bits), 2**scale_bits)


CASES: dict[str, Callable[[], Approximation]] = {
    "circuit": lambda: pa.circuit("relu", multiplications=5),
    "wide circuit": lambda: pa.circuit("relu", multiplications=4, interval=(-50, 50)),
    "maximum": lambda: pa.circuit("maximum", multiplications=4),
    "gelu circuit": lambda: pa.circuit("gelu", multiplications=5, interval=(-8, 8)),
    "sigmoid circuit": lambda: pa.circuit("sigmoid", multiplications=5, interval=(-8, 8)),
    "direct": lambda: pa.relu(precision=2**-6, structure="direct"),
    "composite": lambda: pa.relu(degrees=[7, 7], interval=(-3, 3)),
    "abs": lambda: pa.abs(degrees=[5, 7]),
    "sign": lambda: pa.sign(degrees=[7, 7], threshold=2**-3),
    "exp": lambda: pa.minimax("exp", 9),
    "gelu": lambda: pa.minimax("gelu(x)", 14, domain=(-5, 5)),
    "sine": lambda: pa.minimax("sin(x)", 9, domain=(-2, 2)),
    "relative": lambda: pa.minimax("exp", 6, relative=True),
}


@pytest.fixture(scope="module", params=list(CASES))
def exactly(request: pytest.FixtureRequest) -> Approximation:
    return CASES[request.param]()


@pytest.mark.parametrize("scale_bits", [20, 40])
def test_the_rounded_plan_is_the_plan_with_rounded_constants(
    exactly: Approximation, scale_bits: int
) -> None:
    rounded = quantised_plan(exactly.plan, scale_bits)
    for operation in rounded.operations:
        if operation.constant is not None:
            assert (fraction(operation.constant) * 2**scale_bits).denominator == 1
    for x in (Fraction(1, 3), Fraction(-7, 8)):
        arguments = [x, x / 5][: exactly.plan.inputs]
        expected = exactly.plan.run(*arguments, lift=nearest(scale_bits))
        assert rounded.run(*arguments) == expected
    for gap in rounding_errors(exactly.plan, scale_bits).values():
        assert 0 < abs(gap) <= Fraction(1, 2 ** (scale_bits + 1))


@pytest.mark.parametrize("scale_bits", [20, 40])
def test_what_is_proven_holds_for_the_rounded_plan(
    exactly: Approximation, scale_bits: int, tmp_path: Path
) -> None:
    rounded = quantise(exactly, scale_bits)
    assert rounded.plan == quantised_plan(exactly.plan, scale_bits)
    assert rounded.certificate is not None
    assert (rounded.function, rounded.domain) == (exactly.function, exactly.domain)
    assert rounded.counts("standalone").levels <= exactly.counts("standalone").levels
    found = pa.verify(rounded.save(tmp_path / "rounded.json"))
    assert found.ok and found.bound <= rounded.error_bound * (1 + 1e-9)
    assert load(tmp_path / "rounded.json") == rounded
    assert largest_error(rounded) <= rounded.error_bound
    assert largest_error(rounded) > 0.98 * rounded.error_bound  # and not a lazy bound


def largest_error(r: Approximation) -> float:
    """Sampled, against the function itself in mpmath's or numpy's own words."""
    functions: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "relu": lambda x: np.maximum(x, 0),
        "maximum": lambda x: np.maximum(x, 0),
        "abs": np.abs,
        "sign": np.sign,
        "exp": np.exp,
        "sin": np.sin,
        "gelu": lambda x: np.array([t * (1 + math.erf(t / math.sqrt(2))) / 2 for t in x]),
        "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    }
    largest = 0.0
    for low, high in r.domain:
        a, b = float(low), float(high)
        if r.function == "maximum":
            a, b = a - b, b - a
        steps = np.concatenate([np.sin(np.linspace(0, np.pi / 2, 40_001)) ** 2, [0.5]])
        x = a + (b - a) * steps
        value = r.plan.run(x) if r.plan.inputs == 1 else r.plan.run(x, 0 * x)
        error = np.abs(value - functions[r.function.removesuffix("(x)")](x))
        weight = np.exp(-x) if r.weight != "1" else 1.0
        largest = max(largest, float(np.max(error * weight)))
    return largest


# The table that the page on noise shows: precision, structure, and scales that must carry it.
@pytest.mark.parametrize("structure", ["circuit", "auto"])
@pytest.mark.parametrize("k", [7, 9, 12])
def test_relu_at_40_45_and_50_bits(k: int, structure: str) -> None:
    r = pa.relu(precision=2.0**-k, structure=structure)
    for scale_bits in (40, 45, 50):
        rounded = quantise(r, scale_bits)
        assert rounded.error_bound <= 2.0**-k
        changed = deviation_bound(r, rounded.plan)
        assert changed is not None and changed < 2.0 ** (16 - scale_bits)
        assert rounded.error_bound <= (r.error_bound + changed) * 1.002  # the mesh of the proof
        assert largest_error(rounded) <= rounded.error_bound
    found = smallest_scale(r, Setting(1 << 14), precision=2.0**-k)
    assert found.carries and 20 < found.scale_bits <= 45
    assert found.rounded_bound + found.noise.worst <= 2.0**-k
    (before,) = sweep(r, Setting(1 << 14), [found.scale_bits - 1], precision=2.0**-k)
    assert not before.carries


@pytest.mark.parametrize("scale_bits", [16, 24, 40])
def test_the_change_of_values_is_bounded(exactly: Approximation, scale_bits: int) -> None:
    rounded = quantised_plan(exactly.plan, scale_bits)
    bound = deviation_bound(exactly, rounded)
    assert bound is not None
    low, high = (fraction(end) for end in exactly.domain[0])
    if exactly.function == "maximum":
        low, high = low - high, high - low
    largest = Fraction(0)
    for step in range(201):
        x = low + (high - low) * Fraction(step, 200)
        point = (x, Fraction(0))[: exactly.plan.inputs]
        largest = max(largest, abs(exactly.plan.run(*point) - rounded.run(*point)))
    assert largest <= Fraction(bound)
    assert bound < 1.6 * float(largest) + 1e-11


def test_a_composite_is_proven_stage_by_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    """Taken apart into its rounded stages, a composite gives what samples of the whole give."""
    from polyapprox.noise import quantise as function

    module = __import__(function.__module__, fromlist=["quantise"])
    for make in (
        lambda: pa.relu(degrees=[7, 7, 13], interval=(-4, 4)),
        lambda: pa.abs(degrees=[7, 9], interval=(-2, 2)),
        lambda: pa.sign(degrees=[7, 7], threshold=2**-3),
    ):
        r = make()
        sampled = quantise(r, 24)
        with monkeypatch.context() as patch:
            patch.setattr(module, "_LARGEST_SAMPLED", 1)
            staged = quantise(r, 24)
        assert staged.structure == "composite" and sampled.structure == "circuit"
        assert staged.plan == sampled.plan
        assert staged.error_bound == pytest.approx(sampled.error_bound, rel=2e-3)
        assert [c.degree for c in staged.components] == list(r.degrees)
        assert pa.verify(staged).ok
        assert largest_error(staged) <= staged.error_bound


def test_a_composite_beyond_samples_needs_an_exact_scaling(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module = __import__(quantise.__module__, fromlist=["quantise"])
    monkeypatch.setattr(module, "_LARGEST_SAMPLED", 1)
    r = pa.relu(degrees=[7, 7], interval=(-3, 3))
    assert quantise(r, 30).structure == "circuit"  # as a whole, where that is possible
    monkeypatch.setattr(module, "_LARGEST_WHOLE", 1)
    with pytest.raises(ProofError, match=r"stage by stage: the end 3\.0 .*not a power of two"):
        quantise(r, 30)


def test_constants_that_vanish_are_taken_out() -> None:
    ops = (
        Operation("input", 0),
        Operation("scale", 0, -1, exact(1e-9)),
        Operation("multiply", 0, 1),
        Operation("add", 0, 2),
        Operation("subtract", 1, 3),
        Operation("shift", 4, -1, exact(1e-9)),
        Operation("scale", 5, -1, exact(0.3)),
    )
    plan = Plan(ops, 6)
    rounded = quantised_plan(plan, 20)
    assert all(o.constant != 0 for o in rounded.operations if o.constant is not None)
    assert rounded.run(Fraction(2)) == -2 * nearest(20)(exact(0.3))
    assert rounded.run(Fraction(2)) == plan.run(Fraction(2), lift=nearest(20))
    nothing = Plan((ops[0], ops[1]), 1)
    with pytest.raises(ArgumentError, match="scale_bits=20 rounds the whole plan to zero"):
        quantised_plan(nothing, 20)
    only = Plan((ops[0], ops[1], Operation("shift", 1, -1, exact(0.25))), 2)
    assert quantised_plan(only, 20).run(Fraction(5)) == Fraction(1, 4)


def test_integers_and_multiples_stay() -> None:
    r = pa.circuit("relu", multiplications=1)  # x, 1/2, …: short constants
    assert quantise(r, 200) is r
    assert rounded_to_scale(dyadic(5, 0), 10) == 5
    assert rounded_to_scale(dyadic(1, -11), 10) == 0  # half to even
    assert rounded_to_scale(dyadic(3, -11), 10) == dyadic(2, -10)


def test_what_is_asked_for_must_be_possible() -> None:
    r = pa.circuit("relu", multiplications=5)
    for bits in (7, 201, 40.0, True):
        with pytest.raises(ArgumentError, match="scale_bits="):
            quantise(r, bits)  # type: ignore[arg-type]
    setting = Setting(1 << 13)
    with pytest.raises(ArgumentError, match="that of the approximation itself is up to"):
        smallest_scale(r, setting, precision=2**-9)
    with pytest.raises(ArgumentError, match="precision or tolerance, not both"):
        assess(r, 40, setting, precision=2**-7, tolerance=0.1)
    with pytest.raises(ArgumentError, match=r"tolerance=-1\.0 must be positive"):
        assess(r, 40, setting, tolerance=-1.0)
    direct = pa.relu(precision=2**-6, structure="direct")
    with pytest.raises(ArgumentError, match="no scale up to 60 bits carries an error of"):
        smallest_scale(direct, setting, tolerance=direct.error_bound)
    with pytest.raises(ProofError, match="is no expression"):
        quantise(pa.minimax(lambda x: 1 / (2 + x), 4), 30)


def test_a_scale_that_does_not_carry_warns_with_advice() -> None:
    r = pa.circuit("relu", multiplications=7, interval=(-50, 50))
    setting = Setting(1 << 14)
    with pytest.warns(
        ScaleWarning, match=r"a scale of 24 bits does not carry .*use a scale of"
    ) as seen:
        found = assess(r, 24, setting)
    assert not found.carries
    advised = int(str(seen[0].message).rpartition("a scale of ")[2].split()[0])
    assert "is amplified most" in str(seen[0].message)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert assess(r, advised, setting).carries
    with pytest.warns(
        ScaleWarning, match=r"as large as 49.9.* does not fit into a first modulus of 60"
    ):
        assert not assess(r, 58, setting).fits


def test_a_budget_of_levels_is_kept() -> None:
    r = pa.circuit("relu", multiplications=5)
    depth = r.counts("standalone").levels
    assert assess(r, 45, Setting(1 << 13, levels=depth)).carries
    with pytest.warns(ScaleWarning, match=rf"uses {depth} levels .*{depth - 1} are there; use an"):
        assert not assess(r, 45, Setting(1 << 13, levels=depth - 1)).carries
    with pytest.raises(ArgumentError, match=f"uses {depth} levels"):
        smallest_scale(r, Setting(1 << 13, levels=depth - 1))
