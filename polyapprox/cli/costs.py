# SPDX-License-Identifier: Apache-2.0
"""``polyapprox table cost`` and ``calibrate``: what it costs, here and elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import ArgumentError
from ..words import counted
from . import values
from .commands import (
    AsJson,
    Backend,
    Table,
    application,
)

if TYPE_CHECKING:
    from ..approximation import Approximation
    from ..cost.latency import LatencyModel

Ring = Annotated[str, typer.Option("--ring", help="Ring dimension, such as 2^13.")]


@application.command()
def cost(table: Table, backend: Backend = None, as_json: AsJson = False) -> None:
    """Levels of a table in each framework, and the time forecast."""
    from ..cost.latency import latency_model
    from ..recipes.wish import DEFAULT_BACKEND
    from ..table import load
    from .report import write_json, write_text

    result = load(table)
    model = latency_model(values.backend(backend) or DEFAULT_BACKEND)
    facts = costs_of(result, model)
    if as_json:
        write_json({"table": str(table), **facts})
        return
    lines = [
        f"{result.function}, {result.structure} {list(result.degrees)}: "
        f"{counted(result.multiplications, 'multiplication')}, "
        f"{counted(facts['plan_levels']['published'], 'level')} (rule \"published\"), "
        f"{facts['plan_levels']['standalone']} (rule \"standalone\") by its plan, everywhere"
    ]
    for name, levels in (facts["component_levels"] or {}).items():
        lines.append(
            f"{name:10s} {levels['published']} (rule \"published\"), {levels['standalone']} "
            "(rule \"standalone\") by the framework's own evaluator of its components"
        )
    if facts["component_levels"] is None:
        lines.append("no components: a circuit is run by its plan")
    lines.append(
        f"forecast   {facts['seconds']:.3f} s by {model.backend} {model.version}, ring "
        f"{model.ring_dimension}, {model.machine}, {model.date} (an estimate)"
    )
    write_text("\n".join(lines))


def costs_of(result: Approximation, model: LatencyModel) -> dict[str, Any]:
    """Levels by framework and rule, and the seconds forecast, ready for JSON."""
    from ..cost.models import cost_model, cost_models
    from ..plan.count import RULES

    return {
        "plan_levels": {rule: result.counts(rule).levels for rule in RULES},
        "component_levels": {
            name: {rule: cost_model(name).component_levels(result, rule) for rule in RULES}
            for name in cost_models()
        }
        if result.components
        else None,
        "multiplications": result.multiplications,
        "seconds": model.forecast(result.plan),
        "latency_model": {
            name: getattr(model, name)
            for name in ("backend", "version", "machine", "date", "ring_dimension", "scale_bits")
        },
    }


@application.command()
def calibrate(
    output: Annotated[Path, typer.Option("--output", "-o", help="Write the model (JSON) here.")],
    backend: Annotated[str, typer.Option(help="openfhe, lattigo, tenseal, desilofhe.")] = "openfhe",
    ring: Ring = "2^13",
    scale: Annotated[int, typer.Option("--scale", help="log2 of the scale.")] = 50,
    levels: Annotated[int, typer.Option(min=2, help="Levels of the context.")] = 16,
    repeats: Annotated[int, typer.Option(min=1, help="Each operation is timed so often.")] = 5,
    as_json: AsJson = False,
) -> None:
    """Measure the operations of a framework on this machine, for forecasts of latency."""
    from ..encrypted.calibrate import calibrate as measure
    from .report import write_json, write_text

    if output.suffix != ".json":
        raise ArgumentError(f"output={str(output)!r} must end in .json")
    number = values.number(ring, "ring")
    if number != int(number):
        raise ArgumentError(f"ring is {ring!r}; it must be a power of two, such as 2^13")
    model = measure(
        backend, ring_dimension=int(number), scale_bits=scale, levels=levels, repeats=repeats
    )
    model.save(output)
    milliseconds = {
        kind: {level: 1e3 * seconds for level, seconds in points} for kind, points in model.points
    }
    if as_json:
        write_json({"written": str(output), "milliseconds": milliseconds})
        return
    tried = list(milliseconds["multiply"])
    lines = [
        f"{model.backend} {model.version}, ring {model.ring_dimension}, {model.machine}: "
        "milliseconds by levels left",
        f"{'':9s}" + "".join(f"{level:9d}" for level in tried),
    ]
    for kind, times in milliseconds.items():
        lines.append(f"{kind:9s}" + "".join(f"{times[level]:9.3f}" for level in tried))
    lines.append(
        f"a product with a constant is {model.constant_weight:.4f} of one of ciphertexts; the fit "
        f"misses by at most {100 * model.residual:.0f} %"
    )
    write_text("\n".join([*lines, f"written {output}"]))
