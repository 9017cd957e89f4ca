"""Lower bounds: nobody whom they speak of does better."""

from __future__ import annotations

from dataclasses import replace

import mpmath
import numpy as np
import pytest

import polyapprox as pa
from polyapprox import Approximation, Polynomial
from polyapprox.certificate import Certificate
from polyapprox.errors import ProofError
from polyapprox.numbers import exact
from polyapprox.proof.prove import prove
from polyapprox.recipes.plans import polynomial_plan
from polyapprox.targets import as_target


def made(
    function: str, coefficients: list[float], domain: tuple[float, float] = (-1, 1), **more: object
) -> Approximation:
    """A polynomial, not proven yet."""
    polynomial = Polynomial.from_floats(coefficients, domain)
    value = pa.from_components(function, [polynomial], domain, structure="polynomial")
    return replace(value, plan=polynomial_plan(polynomial), **more)  # type: ignore[arg-type]


def points(*numbers: float) -> tuple[mpmath.mpf, ...]:
    return tuple(exact(float(x)) for x in numbers)


@pytest.mark.parametrize("function", ["exp", "sin(x)+x**2", "log(2+x)", "1/(3+x)"])
@pytest.mark.parametrize("side", [1, -1])
def test_half_the_points_prove_nothing_of_other_functions(function: str, side: int) -> None:
    """The form of the polynomial says nothing of the function."""
    best = pa.minimax(function, 2)
    x = np.linspace(0.05, 1, 3) * side
    value = as_target(function).numpy(x)
    shift = np.array([0.3, -0.3, 0.3])
    c = np.linalg.solve(np.polynomial.chebyshev.chebvander(x, 2), value + shift)
    claimed = made(function, [float(v) for v in c])
    found = prove(claimed, points(*sorted(x)))
    assert found.lower is None and best.error_bound < 0.25
    forged = replace(
        claimed,
        certificate=Certificate(
            found.upper, exact(0.29), "any polynomial of degree at most 2", found.method,
            {"reference": [repr(float(v)) for v in sorted(x)]},
        ),
    )  # fmt: skip
    with pytest.raises(ProofError, match="has an error of at least"):
        pa.verify(forged)


@pytest.mark.parametrize("function", ["relu", "gelu", "silu", "softplus"])
def test_half_the_points_are_enough_for_half_a_line_and_an_even_function(function: str) -> None:
    """x/2 plus an even function is approximated best by x/2 plus an even polynomial."""
    general = pa.minimax(function, 6, domain=(-3, 3))
    even = pa.minimax(f"{function}(x)-x/2", 6, domain=(-3, 3))
    c = [float(v) for v in even.components[0].coefficients]
    c[1] += 1.5
    assert even.certificate is not None
    reference = tuple(mpmath.mpf(t) for t in even.certificate.details["reference"])  # type: ignore[attr-defined]
    one_sided = tuple(x for x in reference if x >= 0)
    found = prove(made(function, c, (-3, 3)), one_sided)
    assert found.lower_for.startswith("any polynomial of degree at most 6")
    assert found.lower is not None and general.error_lower_bound is not None
    assert float(found.lower) <= general.error_bound
    assert float(found.lower) == pytest.approx(general.error_lower_bound, rel=1e-3)


def test_the_line_must_be_that_of_the_function() -> None:
    """With another line the points say what x/2 plus even polynomials cannot, no more."""
    even = pa.minimax("relu(x)-x/2", 6)
    c = [float(v) for v in even.components[0].coefficients]
    c[1] += 0.25
    assert even.certificate is not None
    reference = tuple(mpmath.mpf(t) for t in even.certificate.details["reference"])  # type: ignore[attr-defined]
    found = prove(made("relu", c), tuple(x for x in reference if x >= 0))
    assert found.lower is not None and float(found.lower) <= pa.minimax("relu", 6).error_bound


def test_on_a_domain_that_is_not_symmetric_the_competitors_are_fewer() -> None:
    value = pa.relu(precision=2**-6, structure="direct", interval=(-1, 0.98))
    assert value.certificate is not None
    if value.certificate.lower is not None:
        assert "plus" in value.certificate.lower_for or len(value.degrees) == 1
        best = pa.minimax("relu", value.degrees[0], domain=(-1, 0.98))
        if value.certificate.lower_for.startswith("any polynomial of degree"):
            assert float(value.certificate.lower) <= best.error_bound


@pytest.mark.parametrize("weight", ["x", "-1", "x-0.5"])
def test_weights_that_change_sign_alternate_for_nobody(weight: str) -> None:
    value = pa.minimax("exp", 3)
    with pytest.raises(ProofError):
        pa.verify(replace(value, weight=weight))


NEWTON = Polynomial.from_floats([0, 1.125, 0, -0.125], parity="odd")


@pytest.mark.parametrize("function", ["sign", "step"])
@pytest.mark.parametrize("structure", ["composite", "composition"])
@pytest.mark.parametrize(
    "parts", [[(0.5, 1)], [(-1, -0.5)], [(-1, -0.75), (0.1, 0.5)], [(0.2, 0.4), (0.5, 1)]]
)
def test_a_constant_is_a_sign_on_one_side(function: str, structure: str, parts: list) -> None:
    """On one side of 0 (or with sides that mirror nothing) a low degree does it exactly."""
    value = pa.from_components(function, [NEWTON] * 2, parts, structure=structure)
    lower = value.error_lower_bound
    if len(parts) == 1 or parts[0][0] > 0:
        assert lower == 0.0
    else:  # a cubic of small error: nothing is proven against it
        assert lower is not None and lower < 1e-6


def test_a_sign_with_sides_of_two_lengths() -> None:
    """What both sides share counts: not the longer one."""
    short = pa.from_components("sign", [NEWTON] * 2, [(-1, -0.5), (0.5, 1)])
    long = pa.from_components("sign", [NEWTON] * 2, [(-1, -0.5), (0.5, 1.25)])
    assert long.error_lower_bound == pytest.approx(short.error_lower_bound, rel=1e-4)  # the guards
    best = pa.minimax("sign", 9, domain=[(-1, -0.5), (0.5, 1.25)])
    assert long.error_lower_bound is not None and long.error_lower_bound <= best.error_bound


@pytest.mark.parametrize("parts", [[(-1, -0.5), (0.5, 1)], [(0.25, 1)], [(-1, -0.1), (0.3, 1)]])
def test_without_the_kink_an_absolute_value_is_no_harder_than_a_line(parts: list) -> None:
    value = pa.from_components("abs", [NEWTON] * 2, parts)
    assert value.error_lower_bound == 0.0


def test_a_lower_bound_without_its_points_is_refused() -> None:
    value = pa.minimax("exp", 5)
    certificate = value.certificate
    assert certificate is not None
    for details in ({}, {"reference": []}, {"reference": None}):
        forged = replace(certificate, details=details, lower=certificate.upper)
        with pytest.raises(ProofError, match="has an error of at least"):
            pa.verify(replace(value, certificate=forged))
    for words in ("any function at all", "any polynomial of degree at most 50"):
        with pytest.raises(ProofError, match="has an error of at least"):
            pa.verify(replace(value, certificate=replace(certificate, lower_for=words)))
    sign = pa.sign(degrees=[7, 7], threshold=0.1)
    assert sign.certificate is not None
    forged = replace(sign.certificate, lower=sign.certificate.upper, lower_for="everybody")
    with pytest.raises(ProofError, match="has an error of at least"):
        pa.verify(replace(sign, certificate=forged))
