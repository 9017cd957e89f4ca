# SPDX-License-Identifier: Apache-2.0
"""Making an approximation one that a format holds exactly: rounding, and proving again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import zip_longest

import mpmath
import numpy as np

from ..approximation import Approximation
from ..errors import ArgumentError, PolyApproxError
from ..given import is_word, shown
from ..numbers import ZERO, ball, exact
from ..outward import float_up
from ..plan.degree import plan_degree
from ..plan.plan import Plan
from ..polynomial import Polynomial
from ..precision import working_precision
from ..proof.error_function import error_function
from ..proof.prove import certified
from ..recipes.plans import composite_plan, composition_plan, polynomial_plan
from ..targets import as_target
from ..words import counted
from .chain import HALVED, chain_of, components_from
from .expand import expanded
from .job import Check, Form, Format, Job
from .powers import from_powers
from .text import is_double, nearest_double

_CHECKED = 17
_PRECISE = 800
_ULPS = 2.0**-51  # value and function are rounded to doubles
_POINTS = 401
_LARGEST_EXPANDED = 256
_LARGEST_SERIES = 512
_LARGEST_EXACT = 64  # of circuits, whose rational coefficients are the longest


def prepare(approximation: Approximation, format: Format, form: Form | None = None) -> Job:
    """Everything a writer needs; see :func:`polyapprox.export.export`.

    Raises
    ------
    ArgumentError
        If the format does not hold the form, or a number has no double.
    """
    if format.plans_as_series and not approximation.components:
        approximation = as_series(approximation)
    chosen = _form(approximation, format, form)
    if chosen == "components":
        chain_of(approximation)
    written, rounding = approximation, ""
    whole = format.numbers == "exact" or (chosen, format.numbers) == ("components", "series")
    if not whole:
        try:
            if chosen == "plan":
                written, rounding = _rounded_plan(approximation)
            else:
                powers = format.numbers == "powers"
                written, rounding = _rounded_components(approximation, powers)
        except OverflowError:
            raise ArgumentError(
                f"a constant of this {approximation.function!r} is beyond the largest double "
                "(1.8e308), which is all that the format holds: choose an interval nearer to 1"
            ) from None
    return Job(format, chosen, written, rounding, _checks(written))


def _form(approximation: Approximation, format: Format, form: Form | None) -> Form:
    if form is None:
        whole = not approximation.components or approximation.inputs > 1
        if whole and "plan" in format.forms:
            return "plan"
        if not approximation.components:
            raise ArgumentError(
                f"the format {format.name!r} holds components, and this circuit has only a plan: "
                "use a format that holds plans, such as 'openfhe', or structure='composite'"
            )
        return format.forms[0]
    if not is_word(form, format.forms):
        held = " or ".join(repr(f) for f in format.forms)
        raise ArgumentError(f"the format {format.name!r} does not hold form={shown(form)}; use {held}")
    return form


def _rounded_plan(approximation: Approximation) -> tuple[Approximation, str]:
    plan = approximation.plan
    long = [o for o in plan.operations if o.constant is not None and not is_double(o.constant)]
    if not long:
        return approximation, ""
    operations = tuple(
        o if o.constant is None else o._replace(constant=exact(nearest_double(o.constant)))
        for o in plan.operations
    )
    about = f"{counted(len(long), 'constant')} of the plan rounded to double"
    rounded = Plan(operations, plan.output, plan.inputs)
    return _proven_again(as_circuit(approximation, rounded), approximation, about)


def as_series(approximation: Approximation) -> Approximation:
    """The polynomial that a circuit is, as one Chebyshev series on its interval.

    Raises
    ------
    ArgumentError
        For two arguments, and for degrees beyond :data:`_LARGEST_SERIES`.
    """
    a = approximation
    if a.inputs > 1:
        raise ArgumentError(f"{a.function!r} takes two arguments, which no evaluator of polynomials does")
    if (degree := plan_degree(a.plan)) > _LARGEST_SERIES:
        raise ArgumentError(
            f"this circuit is a polynomial of degree {degree}, and {_LARGEST_SERIES} is the largest that "
            "is written as one series: use structure='composite'"
        )
    component = expanded(a.plan, a.interval, exactly=degree <= _LARGEST_EXACT)
    plan = polynomial_plan(component)
    return replace(a, structure="polynomial", components=(component,), plan=plan)


def as_circuit(approximation: Approximation, plan: Plan) -> Approximation:
    """The approximation that a plan computes: a polynomial where its degree is moderate."""
    a = approximation
    single = a.structure in ("polynomial", "direct") and a.inputs == 1
    if single and a.components[0].degree <= _LARGEST_EXPANDED:
        component = expanded(plan, a.components[0].domain)
        return replace(a, structure="polynomial", components=(component,), plan=plan)
    return replace(
        a, structure="circuit", components=(), plan=plan, offset=ZERO, margins=(), threshold=None
    )


def _rounded_components(
    approximation: Approximation, powers: bool = False
) -> tuple[Approximation, str]:
    a = approximation
    chain = chain_of(a)
    stages = [_in_powers(stage) if powers else _in_series(stage) for stage in chain.stages]
    offset = exact(nearest_double(a.offset))
    count = (offset != a.offset) + sum(
        x != y
        for new, old in zip(stages, chain.stages, strict=True)
        for x, y in zip_longest(new.coefficients, old.coefficients, fillvalue=ZERO)
    )
    if not count:
        return a, ""
    components = components_from(tuple(stages), a.function, a.structure)
    if not (a.structure == "composite" and a.function in HALVED):
        components = tuple(
            replace(new, parity=old.parity)
            for new, old in zip(components, a.components, strict=True)
        )
    again = replace(
        a, components=components, offset=offset, plan=plan_of(a, components, offset)
    )
    return _proven_again(again, a, f"{counted(count, 'coefficient')} rounded to double")


def _in_series(stage: Polynomial) -> Polynomial:
    return Polynomial(_doubles(stage.coefficients), _domain(stage), stage.parity)


def _in_powers(stage: Polynomial) -> Polynomial:
    """The stage whose coefficients in powers of its own argument are doubles."""
    numbers = tuple(exact(float(c)) for c in stage.monomial())
    return replace(from_powers(numbers, _domain(stage)), parity=stage.parity)


def _doubles(numbers: Sequence[mpmath.mpf]) -> tuple[mpmath.mpf, ...]:
    return tuple(exact(nearest_double(c)) for c in numbers)


def _domain(stage: Polynomial) -> tuple[mpmath.mpf, mpmath.mpf]:
    low, high = stage.domain
    if not (is_double(low) and is_double(high)):
        raise ArgumentError("an interval end of a stage is not a double; use form='plan'")
    return low, high


def plan_of(
    approximation: Approximation, components: tuple[Polynomial, ...], offset: mpmath.mpf = ZERO
) -> Plan:
    """The plan of other components in the same structure."""
    if approximation.structure == "composite":
        return composite_plan(approximation.function, components, offset)
    if approximation.structure == "composition":
        return composition_plan(components)
    return polynomial_plan(components[0])


def _proven_again(
    rounded: Approximation, given: Approximation, about: str
) -> tuple[Approximation, str]:
    rounded = replace(rounded, certificate=None)
    if given.certificate is not None:
        try:
            estimate = max(given.error_estimate, _accurate(rounded))
            again = certified(replace(rounded, error_estimate=estimate))
            return again, f"{about}; the bound above was proven again for the rounded numbers"
        except (PolyApproxError, ArithmeticError, ValueError):
            pass
    try:
        estimate = _sampled(rounded)
    except PolyApproxError:  # a black box
        estimate = given.error_estimate
    said = f"{about}; nothing is proven for the rounded numbers"
    return replace(rounded, error_estimate=estimate), said


def _sampled(approximation: Approximation) -> float:
    error = error_function(approximation)
    largest = 0.0
    for low, high in error.intervals:
        values = np.abs(error.floats(np.linspace(float(low), float(high), 20_001)))
        largest = max(largest, float(np.nanmax(values)))
    return largest


def _accurate(approximation: Approximation) -> float:
    """Largest error at some points, in high precision: rounded constants may be all of it."""
    error = error_function(approximation)
    largest = 0.0
    for low, high in error.intervals:
        ends = np.cos(np.linspace(0, np.pi, _POINTS))
        points = (float(low) + float(high)) / 2 + (float(high) - float(low)) / 2 * ends
        inside = np.clip(points, float(low), float(high))
        largest = max(largest, float(np.max(np.abs(error.accurate(inside, _PRECISE)))))
    return largest


def _checks(approximation: Approximation) -> tuple[Check, ...]:
    """Points of the domain, their values in exact arithmetic, and those of the function."""
    places: list[float] = []
    for low, high in approximation.domain:
        ends = np.linspace(float(low), float(high), _CHECKED)
        places += [float(np.clip(x, float(low), float(high))) for x in ends]
    pairs = [(x,) for x in places]
    if approximation.inputs == 2:
        pairs = list(zip(places, reversed(places[:-1] + places[:1]), strict=True))  # type: ignore[arg-type]
    return tuple(_check(approximation, point) for point in pairs)


def _check(approximation: Approximation, point: tuple[float, ...]) -> Check:
    value = _exact_value(approximation, point)
    if approximation.certificate is None:  # nothing is proven: what is computed is the polynomial
        return Check(point, value, value, _ULPS * abs(value))
    target = _target(approximation, point)
    weight = 1.0
    if approximation.weight != "1":
        weighed = error_function(approximation).weight
        weight = 1.0 if weighed is None else float(weighed.numpy(np.float64(point[0])))
    rounding = _ULPS * max(abs(value), abs(target))
    return Check(point, value, target, float_up(approximation.certificate.upper) / weight + rounding)


def _exact_value(approximation: Approximation, point: tuple[float, ...]) -> float:
    with working_precision(_PRECISE):
        return float(approximation.plan.run(*(ball(exact(x)) for x in point)).mid())


def _target(approximation: Approximation, point: tuple[float, ...]) -> float:
    if approximation.kin is not None:
        return float(approximation.kin.floats(*point))
    try:
        return float(as_target(approximation.function).numpy(np.float64(point[0])))
    except PolyApproxError:  # a black box: nothing but the polynomial is known of it
        return _exact_value(approximation, point)
