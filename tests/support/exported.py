"""Approximations for the tests of exports and imports: made from numbers, nothing proven."""

from __future__ import annotations

from pathlib import Path

import polyapprox as pa
from polyapprox import Approximation, Polynomial
from polyapprox.export import FORMATS, find_format
from polyapprox.numbers import ZERO, exact
from polyapprox.plan import Plan, PlanBuilder
from polyapprox.plan.chebyshev import append_chebyshev
from polyapprox.provenance import Provenance
from polyapprox.recipes.plans import composite_plan, composition_plan

FORMS = [(name, form) for name in FORMATS for form in find_format(name).forms]
STEPS = [(name, "plan") for name in ("lattigo", "openfhe", "openfhe-cpp", "seal", "tenseal")]
"""Plans written as steps: what is read computes the same, operations in another order."""
READ = [one for one in FORMS if one not in [*STEPS, ("orion", "plan")]]


def bare(
    rows: list[list[float]],
    structure: str = "polynomial",
    function: str = "exp",
    intervals: list[tuple[float, float]] | None = None,
    offset: float = 0.0,
    parity: str | None = None,
) -> Approximation:
    """An approximation that claims nothing, with these Chebyshev coefficients."""
    places = intervals or [(-1.0, 1.0)] * len(rows)
    stages = tuple(
        Polynomial.from_floats(row, domain=place, parity=parity)  # type: ignore[arg-type]
        for row, place in zip(rows, places, strict=True)
    )
    if structure == "composite":
        plan = composite_plan(function, stages, exact(offset))
    elif structure == "composition":
        plan = composition_plan(stages)
    else:
        plan = series_plan(stages[0])
    return Approximation(
        function=function,
        domain=(stages[0].domain,),
        structure=structure,  # type: ignore[arg-type]
        components=stages,
        plan=plan,
        offset=exact(offset),
        weight="1",
        error_estimate=1.0,
        certificate=None,
        margins=(),
        provenance=Provenance.of("made by hand"),
    )


def series_plan(polynomial: Polynomial) -> Plan:
    """The plan by baby steps and giant steps, whatever the coefficients."""
    builder = PlanBuilder()
    slope, shift = polynomial.unit_map
    u = builder.shift(builder.scale(builder.arguments[0], slope), shift)
    return builder.finish(append_chebyshev(builder, u, polynomial.coefficients, polynomial.parity))


def written(approximation: Approximation, name: str, form: str, folder: Path) -> Path:
    """The file of an export."""
    suffix = find_format(name).suffix
    path = folder / f"{name.replace('-', '_')}_{form}{suffix}"
    return pa.Approximation.export(approximation, name, path, form=form)  # type: ignore[arg-type]


def trimmed(stage: Polynomial) -> tuple:
    """Coefficients without trailing zeros, and the interval."""
    return stage.coefficients[: stage.degree + 1] or (ZERO,), stage.domain
