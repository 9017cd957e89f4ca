"""Verification: what is claimed is proven again, and a false claim is found out."""

import math
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import mpmath
import numpy as np
import pytest

import polyapprox as pa
from polyapprox import Approximation, Polynomial
from polyapprox.certificate import Certificate
from polyapprox.errors import FalseClaimError, ProofError, TableError
from polyapprox.numbers import add, dyadic, exact, multiply
from polyapprox.plan import Operation, Plan
from polyapprox.recipes.plans import composite_plan, polynomial_plan
from polyapprox.table import save
from polyapprox.verification import stored_reference

SOLVERS = ("polyapprox.remez", "polyapprox.composite", "polyapprox.recipes")


@pytest.fixture(scope="module")
def composite() -> Approximation:
    return pa.relu(degrees=[7, 15], interval=(-3, 4))


@pytest.fixture(scope="module")
def exponential() -> Approximation:
    return pa.minimax("exp", 9)


@pytest.mark.parametrize(
    "make",
    [
        lambda: pa.relu(precision=2**-6, interval=(-50, 50)),
        lambda: pa.relu(precision=2**-16, structure="composite"),
        lambda: pa.abs(precision=2**-7, structure="composite"),
        lambda: pa.maximum(precision=2**-4, interval=(-1, 2)),
        lambda: pa.minimum(precision=2**-4, interval=(-1, 2)),
        lambda: pa.minimax("exp", 22),
        lambda: pa.minimax("gelu", 12, domain=(-4, 4)),
        lambda: pa.minimax("sqrt", 9, domain=(0, 1)),
        lambda: pa.minimax("exp", 6, domain=[(-2, -1), (0.5, 1)], relative=True),
        lambda: pa.minimax("x**3", 3),
    ],
)
def test_honest_tables_pass(make: Callable[[], Approximation], tmp_path: Path) -> None:
    value = make()
    found = pa.verify(save(value, tmp_path / "t.json"))
    assert found.ok
    assert found.claimed == value.error_bound
    assert found.bound <= value.error_bound * (1 + 1e-9)
    assert found.bound >= value.error_estimate * (1 - 1e-6) or found.bound == 0
    assert pa.verify(value).bound == found.bound


def test_no_solver_is_loaded(composite: Approximation, tmp_path: Path) -> None:
    path = save(composite, tmp_path / "t.json")
    program = (
        "import sys, polyapprox\n"
        f"polyapprox.load({str(path)!r})\n"
        f"assert polyapprox.verify({str(path)!r}).ok\n"
        "print(*sorted(sys.modules), sep='\\n')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=300
    )
    loaded = done.stdout.split()
    assert "polyapprox.proof.prove" in loaded
    assert [name for name in loaded if name.startswith(SOLVERS)] == []


def rebuilt(value: Approximation, component: int, index: int, by: float) -> Approximation:
    """The same claim for other coefficients, plan and hash consistent."""
    polynomial = value.components[component]
    coefficients = list(polynomial.coefficients)
    coefficients[index] = add(coefficients[index], exact(by))
    components = list(value.components)
    components[component] = Polynomial(tuple(coefficients), polynomial.domain, polynomial.parity)
    plan = (
        polynomial_plan(components[0])
        if value.structure == "polynomial"
        else composite_plan(value.function, components, value.offset)
    )
    return replace(value, components=tuple(components), plan=plan)


@pytest.mark.parametrize("by", [1e-2, -1e-2, 1e-5, 1e-7])
def test_altered_coefficients_with_a_new_hash_fail(
    exponential: Approximation, by: float, tmp_path: Path
) -> None:
    path = save(rebuilt(exponential, 0, 2, by), tmp_path / "t.json")
    with pytest.raises(ProofError, match="the table claims an error of at most"):
        pa.verify(path)


def test_altered_composite_fails(composite: Approximation, tmp_path: Path) -> None:
    path = save(rebuilt(composite, 1, 3, 0.02), tmp_path / "t.json")
    with pytest.raises(ProofError, match="but at x="):
        pa.verify(path)


def test_a_change_that_keeps_the_bound_passes(exponential: Approximation) -> None:
    assert exponential.certificate is not None
    loose = replace(
        exponential.certificate, upper=multiply(exponential.certificate.upper, exact(2)), lower=None
    )
    value = replace(rebuilt(exponential, 0, 2, 1e-12), certificate=loose)
    found = pa.verify(value)
    assert exponential.error_estimate < found.bound < found.claimed


def test_a_bound_claimed_too_small_fails(exponential: Approximation) -> None:
    assert exponential.certificate is not None
    smaller = multiply(exponential.certificate.upper, exact(1 - 1e-4))
    claim = Certificate(smaller, None, "", "Taylor balls")
    with pytest.raises(ProofError, match="the table claims an error of at most"):
        pa.verify(replace(exponential, certificate=claim))


def test_a_lie_in_the_estimate_does_not_help(exponential: Approximation) -> None:
    false = replace(rebuilt(exponential, 0, 0, 1e-4), error_estimate=0.0)
    with pytest.raises(ProofError):
        pa.verify(false)
    assert pa.verify(replace(exponential, error_estimate=0.0)).ok


def test_a_wider_domain_or_another_function_fails(exponential: Approximation) -> None:
    wider = replace(exponential, domain=((exact(-1), exact(1.5)),), covered=())
    with pytest.raises(ProofError, match="but at x="):
        pa.verify(wider)
    with pytest.raises(TableError, match="covered must hold the one of domain"):
        pa.verify(replace(exponential, domain=wider.domain))
    with pytest.raises(ProofError, match="but at x="):
        pa.verify(replace(exponential, function="cosh"))


def test_a_plan_that_computes_something_else_fails(exponential: Approximation) -> None:
    plan = exponential.plan
    shifted = Plan(
        (*plan.operations, Operation("shift", plan.output, -1, dyadic(1, -60))),
        len(plan.operations),
    )
    with pytest.raises(ProofError, match="plan does not compute what the components say"):
        pa.verify(replace(exponential, plan=shifted))


def test_black_boxes_and_callables_have_nothing_to_verify() -> None:
    black_box = pa.minimax(lambda x: math.exp(float(x)), 4)
    with pytest.raises(ProofError, match="claims no bound"):
        pa.verify(black_box)
    proven_callable = pa.minimax(lambda x: 1 / (3 + x), 4)
    assert proven_callable.error_bound > 0
    with pytest.raises(ProofError, match="is no expression"):
        pa.verify(proven_callable)


def test_damaged_files_are_reported_as_such(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    path.write_text("{}")
    with pytest.raises(TableError, match="not a table"):
        pa.verify(path)


def with_reference(value: Approximation, points: object, lower: mpmath.mpf) -> Approximation:
    assert value.certificate is not None
    details = {**value.certificate.details, "reference": points}
    return replace(value, certificate=replace(value.certificate, details=details, lower=lower))


def extremal_points(degree: int) -> list[float]:
    """Points at which the error of the best exp alternates: found on a grid, no solver."""
    value = pa.minimax("exp", degree)
    x = np.linspace(-1, 1, 200_001)
    error = value(x) - np.exp(x)
    starts = np.flatnonzero(np.diff(np.sign(error))) + 1
    groups = np.split(np.arange(x.size), starts)
    return [float(x[g[np.argmax(np.abs(error[g]))]]) for g in groups]


@pytest.mark.parametrize(
    ("function", "degree", "domain"),
    [("exp", 5, (-1, 1)), ("abs", 8, (-2, 2)), ("sin", 7, (-1, 1)), ("sqrt", 6, (0, 1)),
     ("exp", 24, (0.1, 3.0))],
)
def test_lower_bounds_are_proven_again(
    function: str, degree: int, domain: tuple, tmp_path: Path
) -> None:
    value = pa.minimax(function, degree, domain=domain)
    lower = pa.verify(save(value, tmp_path / "t.json")).lower
    assert lower is not None and value.error_lower_bound is not None
    assert lower == pytest.approx(value.error_lower_bound, rel=1e-9)
    assert 0.999 * value.error_bound < lower <= value.error_bound


def test_points_found_elsewhere_prove_the_same() -> None:
    value = pa.minimax("exp", 5, guard=0)
    points = [repr(x) for x in extremal_points(5)]
    assert value.certificate is not None and value.certificate.lower is not None
    weaker = multiply(value.certificate.lower, exact(1 - 1e-6))
    lower = pa.verify(with_reference(value, points, weaker)).lower
    assert lower == pytest.approx(value.error_lower_bound, rel=1e-6)


@pytest.mark.parametrize("part", [slice(0, -1), slice(None, None, -1), slice(2, 4)])
def test_a_false_lower_bound_is_found_out(part: slice) -> None:
    value = pa.minimax("exp", 5)
    points = [repr(x) for x in extremal_points(5)]
    assert value.certificate is not None and value.certificate.lower is not None
    with pytest.raises(ProofError, match=r"has an error of at least .* but no lower bound can be"):
        pa.verify(with_reference(value, points[part], value.certificate.lower))
    with pytest.raises(ProofError, match=r"has an error of at least .* but only"):
        pa.verify(with_reference(value, points, value.certificate.upper))


def test_without_points_a_lower_bound_is_not_supported() -> None:
    value = pa.minimax("exp", 5)
    assert value.certificate is not None and value.certificate.lower is not None
    with pytest.raises(FalseClaimError, match="has an error of at least"):
        pa.verify(with_reference(value, None, value.certificate.lower))
    assert stored_reference(replace(value, certificate=None)) == ()
    with pytest.raises(TableError, match="point of alternation"):
        pa.verify(with_reference(value, ["0.5", "nan"], value.certificate.lower))


@pytest.mark.parametrize("structure", ["polynomial", "direct", "composite"])
@pytest.mark.parametrize("function", ["relu", "abs", "sign", "step", "maximum", "exp", "1/x", "?"])
@pytest.mark.parametrize("of", ["composite", "exponential"])
def test_tables_that_say_they_are_something_else(
    of: str, function: str, structure: str, request: pytest.FixtureRequest
) -> None:
    honest: Approximation = request.getfixturevalue(of)
    false = replace(honest, function=function, structure=structure)  # type: ignore[arg-type]
    true = {
        ("composite", "relu", "composite"),
        ("exponential", "exp", "polynomial"),
        ("exponential", "exp", "direct"),
    }
    if (of, function, structure) in true:
        assert pa.verify(false).ok
    else:
        with pytest.raises((ProofError, TableError)):
            pa.verify(false)
