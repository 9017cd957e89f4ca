"""What is proven is the plan: a plan that computes something else is refused, however little."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

import polyapprox as pa
from polyapprox import Approximation, Polynomial
from polyapprox.errors import ProofError
from polyapprox.numbers import add, dyadic, exact, multiply, negate
from polyapprox.plan import Operation, Plan
from polyapprox.plan.degree import plan_degree
from polyapprox.precision import working_precision
from polyapprox.proof.identity import difference_bound
from polyapprox.proof.prove import prove
from polyapprox.structures import compose, total_degree

NEWTON = Polynomial.from_floats([0, 1.125, 0, -0.125], parity="odd")
SQUARINGS = 27


def with_term(value: Approximation, constant: tuple[int, int]) -> Approximation:
    """The same claim for the plan + c · u^(2^27) (1 − u²), u = x/B."""
    plan = value.plan
    operations = list(plan.operations)

    def put(*operation: object) -> int:
        operations.append(Operation(*operation))  # type: ignore[arg-type]
        return len(operations) - 1

    u = square = put("scale", 0, -1, exact(1 / float(value.scale)))
    for _ in range(SQUARINGS):
        square = put("multiply", square, square)
    near = put("shift", put("scale", put("multiply", u, u), -1, exact(-1)), -1, exact(1))
    term = put("scale", put("multiply", square, near), -1, dyadic(*constant))
    last = put("add", plan.output, term)
    return replace(value, plan=Plan(tuple(operations), last, plan.inputs))


MAKERS: dict[str, Callable[[], Approximation]] = {
    "exp": lambda: pa.minimax("exp", 5),
    "gelu": lambda: pa.minimax("gelu", 8, domain=(-4, 4)),
    "relative 1/x": lambda: pa.minimax("1/x", 6, domain=(0.25, 1), relative=True),
    "sign": lambda: pa.sign(degrees=[7, 7], threshold=0.1),
    "step": lambda: pa.step(degrees=[7, 7], threshold=0.1),
    "relu by samples": lambda: pa.relu(degrees=[7, 7]),
    "relu by stages": lambda: pa.relu(degrees=[15, 15, 15, 27]),
    "maximum": lambda: pa.maximum(degrees=[15, 15, 15, 7]),
    "composition": lambda: pa.from_components(
        "sign", [NEWTON] * 3, [(-1, -0.5), (0.5, 1)], structure="composition"
    ),
}


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("constant", [(1, 40), (1, -40), (1, -500)])
def test_a_term_of_a_huge_degree_is_refused(name: str, constant: tuple[int, int]) -> None:
    """Six random points never see c x^(2^27) (1 − x²); it may be thousands between them."""
    with pytest.raises(ProofError, match=r"the plan|but at x="):
        pa.verify(with_term(MAKERS[name](), constant))


@pytest.mark.parametrize("name", MAKERS)
def test_the_true_ones_pass(name: str) -> None:
    value = MAKERS[name]()
    assert value.certificate is not None
    difference = difference_bound(value, value.certificate.upper)
    assert 0 <= difference < 2.0**-300
    assert pa.verify(value).ok


@pytest.mark.parametrize(
    "make",
    [
        lambda: pa.maximum(interval=(-16, 16), precision=2**-22),
        lambda: pa.maximum(interval=(-50, 50), degrees=[15, 15, 27]),
        lambda: pa.maximum(interval=(-50, 50), precision=2**-12, structure="composite"),
        lambda: pa.minimum(interval=(-50, 50), precision=2**-12, structure="composite"),
        lambda: pa.minimum(interval=(-128, 128), precision=2**-10, structure="composite"),
        lambda: pa.maximum(interval=(-3, 128), degrees=[29, 29]),
        lambda: pa.minimum(interval=(-0.1, 0.3), degrees=[7, 7, 15]),
    ],
)
def test_true_plans_of_two_arguments_are_not_refused(make: Callable[[], Approximation]) -> None:
    """Points outside of what a − b takes made the values explode, and the check with them."""
    value = make()
    assert pa.verify(value).ok
    low, high = (float(end) for end in value.interval)
    for a, b in ((low, high), (high, low), (high, high), (0.3 * low, 0.2 * high)):
        wanted = max(a, b) if value.function == "maximum" else min(a, b)
        assert abs(value(a, b) - wanted) <= value.error_bound * (1 + 1e-6)


@pytest.mark.parametrize("structure", ["direct", "composite", "circuit"])
@pytest.mark.parametrize("function", ["maximum", "minimum"])
def test_a_second_argument_may_enter_as_half_of_the_sum_only(structure: str, function: str) -> None:
    value = getattr(pa, function)(precision=2**-5, structure=structure)
    assert pa.verify(value).ok
    plan = value.plan
    second = next(k for k, o in enumerate(plan.operations) if o == Operation("input", 1))
    n = len(plan.operations)
    terms = {
        "b²": (Operation("multiply", second, second), Operation("scale", n, -1, dyadic(1, -60))),
        "b": (Operation("shift", second, -1, exact(0)), Operation("scale", n, -1, dyadic(1, -60))),
    }
    for term in terms.values():
        operations = (*plan.operations, *term, Operation("add", plan.output, n + 1))
        with pytest.raises(ProofError, match="half the sum of its two arguments"):
            pa.verify(replace(value, plan=Plan(operations, n + 2, 2)))


@pytest.mark.parametrize("by", [(1, -30), (1, -70), (1, -90), (1, -200)])
@pytest.mark.parametrize("name", ["exp", "sign", "relu by stages", "composition"])
def test_a_little_added_is_refused_or_counted(name: str, by: tuple[int, int]) -> None:
    """Whatever the plan is off by, its claim holds: all of it is in the bound, or it is refused."""
    value = MAKERS[name]()
    assert value.certificate is not None
    plan = value.plan
    operations = (*plan.operations, Operation("shift", plan.output, -1, dyadic(*by)))
    other = replace(value, plan=Plan(operations, len(plan.operations), plan.inputs))
    if by[1] == -30:
        with pytest.raises(ProofError, match=r"plan does not compute|but no more than|but at x="):
            pa.verify(other)
        return
    found = difference_bound(other, value.certificate.upper)
    assert dyadic(1, by[1]) <= found <= dyadic(5, by[1] - 2)
    again = prove(other).upper
    assert multiply(value.certificate.upper, exact(1 - 1e-12)) < again
    if name != "relu by stages":  # whose old bound has slack of another kind
        assert again <= add(value.certificate.upper, dyadic(5, by[1] - 2))


def test_a_changed_stage_is_refused() -> None:
    value = MAKERS["relu by stages"]()
    for index in range(4):
        components = list(value.components)
        coefficients = list(components[index].coefficients)
        coefficients[3] = add(coefficients[3], dyadic(1, -30))
        components[index] = replace(components[index], coefficients=tuple(coefficients))
        with pytest.raises(ProofError, match="does not compute what the components say"):
            pa.verify(replace(value, components=tuple(components)))


def test_other_endings_are_refused() -> None:
    value = pa.relu(degrees=[7, 7], interval=(-3, 3))
    with pytest.raises(ProofError):
        pa.verify(replace(value, offset=add(value.offset, dyadic(1, -40))))
    with pytest.raises(ProofError):
        pa.verify(replace(value, structure="composition"))
    with pytest.raises(ProofError):
        pa.verify(replace(value, components=(*value.components, Polynomial.from_floats([0, 1, 1e-9]))))
    single = pa.minimax("exp", 5)
    with pytest.raises(ProofError, match="one component"):
        pa.verify(replace(single, components=single.components * 2))


def test_stages_with_maps_between_them() -> None:
    """Domains of stages that are not [-1, 1], and a stage that is not odd, in published form too."""
    wide = Polynomial.from_floats([0, 1.125, 0, -0.125], (-2, 2), "odd")
    skew = Polynomial.from_floats([0.1, 1.0, 0.05, -0.125], (-1.5, 1.25))
    for stages in ([wide, NEWTON, wide], [NEWTON, skew, NEWTON], [skew, skew]):
        r = pa.from_components(
            "sign", stages, [(-1, -0.5), (0.5, 1)], structure="composition"
        )
        assert r.certificate is not None
        assert difference_bound(r, r.certificate.upper) < 2.0**-300
        x = 0.7
        assert r(x) == pytest.approx(compose(r, x), abs=1e-13)


def test_lines_and_constants_among_the_stages() -> None:
    line = Polynomial.from_floats([0, 0.75], parity="odd")
    for stages in ([line, NEWTON, NEWTON], [NEWTON, line, NEWTON], [NEWTON, NEWTON, line]):
        for structure in ("composite", "composition"):
            r = pa.from_components("sign", stages, [(-1, -0.5), (0.5, 1)], structure=structure)
            assert r.certificate is not None and difference_bound(r, r.certificate.upper) < 2.0**-300


@pytest.mark.parametrize("degree", [5, 12, 31, 200])
@pytest.mark.parametrize("domain", [(0, 2.0**-20), (-1, 1), (100, 101)])
def test_the_difference_of_fine_polynomials_is_finer(degree: int, domain: tuple) -> None:
    """Adapted coefficients of 400 bits would be too coarse for an error of 2^-780."""
    if degree == 200 and domain != (-1, 1):
        pytest.skip("errors beyond 20,000 bits")
    value = pa.minimax("exp", degree, domain=domain)
    assert value.certificate is not None and value.certificate.lower is not None
    assert value.certificate.upper <= value.certificate.lower * 1.001
    x = exact(float(domain[0]))
    with working_precision(8000):
        from polyapprox.numbers import ball

        error = abs(value.plan.run(ball(x)) - ball(x).exp())
        assert error <= ball(value.certificate.upper)


def test_degrees_are_compared() -> None:
    for name in MAKERS:
        value = MAKERS[name]()
        assert plan_degree(value.plan) == total_degree(value)
        assert plan_degree(with_term(value, (1, -500)).plan) == 2**SQUARINGS + 2


def test_of_hand_made_differences_the_bound_is_kept() -> None:
    """A composite whose plan is off by a known amount: what is proven holds it, and is no slack."""
    value = MAKERS["composition"]()
    assert value.certificate is not None
    plan = value.plan
    by = dyadic(1, -130)
    first = next(
        k for k, o in enumerate(plan.operations) if o.kind == "multiply" and k > 2
    )
    operations = [
        *plan.operations[: first + 1],
        Operation("shift", first, -1, by),
        *(
            o if o.kind == "input" else o._replace(
                left=o.left + 1 if o.left >= first else o.left,
                right=o.right + 1 if o.right >= first else o.right,
            )
            for o in plan.operations[first + 1 :]
        ),
    ]  # fmt: skip
    changed = replace(value, plan=Plan(tuple(operations), plan.output + 1, 1))
    bound = difference_bound(changed, value.certificate.upper)
    from polyapprox.numbers import ball

    with working_precision(600):
        largest = max(
            abs(changed.plan.run(x) - plan.run(x)).mid()
            for k in range(101)
            for x in (ball(add(exact(0.5), multiply(exact(k), exact(0.005)))),)
        )
        assert largest <= ball(bound) <= 1000 * largest
    assert negate(bound) < 0
