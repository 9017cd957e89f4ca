"""What is proven holds on the whole domain that a table states, with its weight."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from flint import arb

import polyapprox as pa
from polyapprox import Approximation, Polynomial
from polyapprox.errors import ProofError
from polyapprox.numbers import ZERO, ball, exact
from polyapprox.precision import working_precision
from polyapprox.proof.prove import prove
from polyapprox.recipes.plans import composite_plan
from polyapprox.targets import as_target

NEWTON = Polynomial.from_floats([0, 1.125, 0, -0.125], parity="odd")
BOTH = [(-1, -0.5), (0.5, 1)]


def stretched(value: Approximation, by: float) -> Approximation:
    """The same claim on a wider domain."""
    domain = tuple((exact(float(a) * by), exact(float(b) * by)) for a, b in value.domain)
    gap = domain[-1][0] if len(domain) == 2 else value.threshold
    return replace(value, domain=domain, covered=domain, threshold=gap)


@pytest.mark.parametrize(
    "make",
    [
        lambda: pa.maximum(precision=2**-6, structure="direct"),
        lambda: pa.minimum(precision=2**-6, structure="direct", interval=(-3, 2)),
        lambda: pa.maximum(precision=2**-6, structure="composite"),
        lambda: pa.maximum(degrees=[15, 15, 15, 7]),
        lambda: pa.minimum(precision=2**-6, structure="circuit"),
        lambda: pa.relu(degrees=[15, 15, 15, 27]),
        lambda: pa.relu(precision=2**-6, structure="direct"),
        lambda: pa.sign(degrees=[7, 7], threshold=0.1),
        lambda: pa.minimax("exp", 5),
        lambda: pa.minimax("sqrt", 5, domain=(0, 1)),
    ],
)
@pytest.mark.parametrize("by", [10.0, 1.0625])
def test_a_stretched_domain_is_refused(make: Callable[[], Approximation], by: float) -> None:
    value = make()
    assert pa.verify(value).ok
    with pytest.raises(ProofError, match=r"the table claims an error|cannot be"):
        pa.verify(stretched(value, by))


@pytest.mark.parametrize("function", ("maximum", "minimum"))
@pytest.mark.parametrize("structure", ["direct", "composite", "circuit"])
def test_all_differences_of_two_arguments_are_covered(function: str, structure: str) -> None:
    value = getattr(pa, function)(precision=2**-5, structure=structure, interval=(-1, 2))
    a, b = (v.ravel() for v in np.meshgrid(np.linspace(-1, 2, 301), np.linspace(-1, 2, 301)))
    wanted = np.maximum(a, b) if function == "maximum" else np.minimum(a, b)
    assert np.max(np.abs(value(a, b) - wanted)) <= value.error_bound


def test_a_domain_beyond_what_is_covered_is_refused() -> None:
    value = pa.minimax("exp", 5)
    for domain in ((exact(-2), exact(1)), (exact(-1), exact(1.5))):
        with pytest.raises(ProofError, match="does not hold its domain"):
            prove(replace(value, domain=(domain,)))


def truth(value: Approximation, target: Callable[[np.ndarray], np.ndarray]) -> float:
    """Largest error at many points, less what doubles may add to it."""
    near = np.geomspace(1e-12, 1, 1000)
    points = [
        np.concatenate([np.linspace(a, b, 40_001), *(e[(a <= e) & (e <= b)] for e in (near, -near))])
        for a, b in ((float(a), float(b)) for a, b in value.domain)
    ]
    x = np.concatenate(points)
    return float(np.max(np.abs(value(x) - target(x)))) * (1 - 1e-12)


def sign_of(x: np.ndarray) -> np.ndarray:
    return np.sign(x)


def step_of(x: np.ndarray) -> np.ndarray:
    return np.heaviside(x, 0.5)


SEVEN = Polynomial.from_floats([0, 1.2, 0, -0.3, 0, 0.15, 0, -0.05], parity="odd")
EVEN = Polynomial.from_floats([0.6, 0, 0.55, 0, -0.1], parity="even")
NEITHER = Polynomial.from_floats([0.02, 1.125, 0.01, -0.125])
FIVE = Polynomial.from_floats([0, 1.171875, 0, -0.1953125, 0, 0.0234375], parity="odd")  # Newton
PARTS = {
    "both sides": BOTH,
    "right": [(0.5, 1)],
    "left": [(-1, -0.5)],
    "not mirrored": [(-1, -0.75), (0.25, 0.5)],
    "three": [(-1, -0.9), (-0.3, -0.2), (0.6, 1)],
    "beyond": [(-1.25, -0.5), (0.5, 1.125)],
    "over zero": [(-0.5, 1)],
}
STAGES = {
    "3, 3, 3": [NEWTON] * 3,
    "3, 3, 5": [NEWTON, NEWTON, FIVE],
    "5, 5": [FIVE, FIVE],
    "7, 3": [SEVEN, NEWTON],
    "3, 7, 3": [NEWTON, SEVEN, NEWTON],
    "neither": [NEITHER, NEWTON],
    "even": [NEWTON, EVEN],
}


@pytest.mark.parametrize("stages", STAGES)
@pytest.mark.parametrize("parts", PARTS)
@pytest.mark.parametrize("structure", ["composite", "composition"])
@pytest.mark.parametrize("function", ["sign", "step"])
def test_every_part_is_proven_tightly(
    function: str, structure: str, parts: str, stages: str
) -> None:
    """Odd stages hide nothing of a step's negative side, and the bound is within 1 % of the truth."""
    value = pa.from_components(function, STAGES[stages], PARTS[parts], structure=structure)
    assert value.certificate is not None and value.certificate.method == "stages"
    sampled = truth(value, sign_of if function == "sign" else step_of)
    assert sampled <= value.error_bound <= 1.01 * sampled
    assert pa.verify(value).ok


def test_the_negative_side_of_a_step_is_not_a_mirror_image() -> None:
    value = pa.from_components("step", [NEWTON] * 3, BOTH, structure="composition")
    assert value(-0.7) == pytest.approx(-0.9993, abs=1e-4)
    assert value.error_bound == pytest.approx(1.0, abs=1e-6)
    assert value.error_bound >= abs(value(-0.7))


@pytest.mark.parametrize("function", ["tanh", "sin(x)", "erf(2*x)", "relu", "x**2"])
def test_compositions_for_other_functions_are_compared_with_these(function: str) -> None:
    """Not with the sign, which they are not."""
    value = pa.from_components(function, [NEWTON, NEWTON], (-1, 1), structure="composition")
    target = as_target(function)
    sampled = truth(value, target.numpy)
    assert sampled <= value.error_bound <= 1.01 * sampled


def test_a_composition_beyond_expansion_is_refused() -> None:
    with pytest.raises(ProofError, match="beyond the proof"):
        pa.from_components("tanh", [NEWTON] * 8, (-1, 1), structure="composition")
    with pytest.raises(ProofError, match="beyond the proof"):
        pa.from_components("erf", [SEVEN] * 5, (-1, 1), structure="composition")


@pytest.mark.parametrize("weight", ["0.5", "1/(1+x**2)", "2"])
@pytest.mark.parametrize(
    "make",
    [
        lambda: pa.sign(degrees=[7, 7], threshold=0.1),
        lambda: pa.step(degrees=[7, 7], threshold=0.1),
        lambda: pa.relu(degrees=[15, 15, 15, 27]),
        lambda: pa.abs(degrees=[15, 15, 15, 27]),
        lambda: pa.relu(degrees=[7, 7]),
        lambda: pa.circuit("relu", multiplications=4),
        lambda: pa.maximum(precision=2**-5, structure="circuit"),
    ],
)
def test_weights_that_no_proof_uses_are_refused(
    make: Callable[[], Approximation], weight: str
) -> None:
    with pytest.raises(ProofError, match=r"without a weight|but at x=|can be proven"):
        pa.verify(replace(make(), weight=weight))


def test_the_weight_of_a_circuit_for_a_smooth_function_counts() -> None:
    value = pa.circuit("gelu", multiplications=4)
    with pytest.raises(ProofError, match="but at x="):
        pa.verify(replace(value, weight="2"))
    lighter = pa.verify(replace(value, weight="1/2"))  # true: half the error is within the bound
    assert lighter.ok and lighter.bound <= 0.501 * value.error_bound


def test_weights_that_the_proof_uses_count() -> None:
    value = pa.minimax("exp", 5)
    with pytest.raises(ProofError):
        pa.verify(replace(value, weight="2"))
    weighted = pa.minimax("exp", 5, weight="2+x")
    assert pa.verify(weighted).ok
    x = np.linspace(-1, 1, 10_001)
    sampled = np.max((2 + x) * np.abs(weighted(x) - np.exp(x)))
    assert sampled <= weighted.error_bound <= 1.001 * sampled


@pytest.mark.parametrize("weight", ["0", "x", "-1", "x**2-0.5"])
def test_weights_that_are_not_positive_are_refused(weight: str) -> None:
    with pytest.raises(ProofError, match="positive"):
        pa.verify(replace(pa.minimax("exp", 5), weight=weight))


def test_parity_is_that_about_zero() -> None:
    """A stage said to be odd about the middle of its domain is not odd."""
    shifted = Polynomial.from_floats([0, 1.2, 0, -0.2], (0.25, 1.25), "odd")
    value = pa.from_components("sign", [shifted, NEWTON], [(0.5, 1)], structure="composition")
    sampled = truth(value, sign_of)
    assert sampled <= value.error_bound <= 1.01 * sampled


@pytest.mark.parametrize("threshold", [-0.5, 0.0, 1.5, 3.0])
def test_impossible_thresholds_are_refused(threshold: float) -> None:
    value = pa.relu(degrees=[15, 15, 15, 27])
    with pytest.raises(ProofError, match="threshold"):
        pa.verify(replace(value, threshold=exact(threshold)))


@pytest.mark.parametrize("by", [0.25, 0.999, 1.001, 4.0])
@pytest.mark.parametrize(
    "make",
    [
        lambda: pa.sign(degrees=[7, 7], threshold=0.1),
        lambda: pa.step(degrees=[7, 7], threshold=0.1, interval=(-2, 3)),
        lambda: pa.circuit("sign", multiplications=5, interval=(0.125, 1)),
    ],
)
def test_the_threshold_of_a_sign_is_the_gap_of_its_domain(
    make: Callable[[], Approximation], by: float
) -> None:
    value = make()
    assert value.threshold is not None and pa.verify(value).ok
    with pytest.raises(ProofError, match="threshold"):
        pa.verify(replace(value, threshold=exact(float(value.threshold) * by)))


@pytest.mark.parametrize(
    "make",
    [
        lambda: pa.minimax("exp", 5),
        lambda: pa.sign(degrees=[7, 7], threshold=0.1),
        lambda: pa.step(degrees=[7, 7], threshold=0.1),
        lambda: pa.circuit("relu", multiplications=4),
        lambda: pa.relu(precision=2**-5, structure="direct"),
    ],
)
@pytest.mark.parametrize("offset", [0.01, -1e-30])
def test_an_offset_where_none_is_added_is_refused(
    make: Callable[[], Approximation], offset: float
) -> None:
    with pytest.raises(ProofError, match="offset"):
        pa.verify(replace(make(), offset=exact(offset)))


def test_components_that_do_not_fit_the_structure_are_refused_at_once() -> None:
    value = pa.relu(degrees=[15, 15, 15, 27])
    with pytest.raises(ProofError, match="circuit has no components"):
        pa.verify(replace(value, structure="circuit"))
    with pytest.raises(ProofError, match="margins"):
        pa.verify(replace(value, margins=(*value.margins, ZERO)))
    with pytest.raises(ProofError, match="margins"):
        pa.verify(replace(value, margins=(exact(-1.0), *value.margins[1:])))


@pytest.mark.parametrize("function", ["relu", "abs"])
@pytest.mark.parametrize("count", [10, 12])
def test_hand_made_stages_beyond_samples_are_proven_tightly(function: str, count: int) -> None:
    """Newton's iteration errs near 0 alone: the end of the interval must not enter as a factor."""
    value = replace(
        pa.from_components(function, [NEWTON], (-1, 1)),
        components=(NEWTON,) * count,
        plan=composite_plan(function, [NEWTON] * count, ZERO),
        threshold=exact(2.0**-4),
    )
    found = prove(value)
    assert found.method == "stages"
    x = np.concatenate([np.linspace(0, 1, 20_001), np.geomspace(1e-9, 1, 40_001)])
    sampled = np.max(np.abs(value(x) - x)) * (1 - 1e-12)
    assert sampled <= float(found.upper) <= 1.01 * sampled


@pytest.mark.parametrize(
    "make",
    [
        lambda: pa.relu(degrees=[15, 15, 15, 15, 15]),
        lambda: pa.maximum(degrees=[15, 15, 15, 7], interval=(-50, 50)),
        lambda: pa.sign(degrees=[7, 15, 15, 15], threshold=2.0**-10),
    ],
)
def test_stages_are_proven_tightly_in_balls(make: Callable[[], Approximation]) -> None:
    value = make()
    assert value.certificate is not None and value.certificate.method == "stages"
    threshold, end = float(value.threshold or 0), float(value.covered[-1][1])
    two = value.function == "maximum"
    end = 2 * end if two else end
    x = np.geomspace(threshold if value.function == "sign" else threshold / 50, end, 3000)
    largest = arb(0)
    with working_precision(600):
        for v in map(arb, np.minimum(x, end).tolist()):
            found = value.plan.run(*((v, v * 0) if two else (v,)))
            largest = largest.max(abs(found - (1 if value.function == "sign" else v)))
        assert largest <= ball(value.certificate.upper) <= largest * 1.01


def test_ends_near_zero_are_enclosed_relatively() -> None:
    """A composite with sides of two lengths: looseness of 2^-24 grows to 8 % in four stages."""
    value = pa.step(
        degrees=[29, 29, 31, 31, 31], threshold=2.3e-7, interval=(-3.2e-13, 1.7e-14)
    )
    assert value.certificate is not None
    left = pa.step(degrees=[29, 29, 31, 31, 31], threshold=2.3e-7, interval=(-3.2e-13, 3.2e-13))
    assert value.error_bound <= 1.001 * left.error_bound
    assert value.error_bound >= 0.999 * left.error_bound


def test_a_lower_bound_beyond_all_numbers_is_nothing() -> None:
    value = pa.step(degrees=[7, 13, 29, 29, 29, 29], threshold=2.73e-07, interval=(-8.0, 2**-15))
    assert value.error_lower_bound == 0.0
    assert pa.verify(value).ok
