# SPDX-License-Identifier: Apache-2.0
"""``polyapprox make pareto``: all ways that no other beats, printed and drawn."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Annotated, Any

import typer

from ..recipes.pareto import Front
from .commands import AsJson, Plots
from .report import write_json, write_text


def deliver(
    front: Front,
    plot: Plots = None,
    bootstrap: Annotated[
        bool, typer.Option("--bootstrap", help="Also beside a bootstrap, and inside one.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Draw and print all ways that no other beats."""
    for path in plot or []:
        front.plot(path)
    from ..refresh.choices import beside_refresh, table

    files = [str(path) for path in plot or []]
    ways = beside_refresh(front) if bootstrap else ()
    if as_json:
        beside = {"bootstrap": [asdict(way) for way in ways]} if bootstrap else {}
        write_json({**_front(front), **beside, "files": files})
        return
    lines = [front.table(), *([table(ways)] if bootstrap else [])]
    write_text("\n".join([*lines, *(f"written {name}" for name in files)]))


def _front(front: Front) -> dict[str, Any]:
    return {
        "function": front.function,
        "precision": front.precision,
        "interval": list(front.interval),
        "rule": "published",
        "latency_model": f"{front.model.backend} {front.model.version}",
        "limit": {"multiplications": front.limits.multiplications, "levels": front.limits.levels},
        "ways": [
            {
                "beaten": beaten,
                "structure": way.structure,
                "degrees": list(way.degrees),
                "multiplications": way.multiplications,
                "levels": way.levels,
                "constant_products": way.constant_products,
                "seconds": way.seconds,
                "bits": way.bits if math.isfinite(way.bits) else None,
            }
            for beaten, ways in ((False, front.rows), (True, front.others))
            for way in ways
        ],
        "published": [
            {
                "name": point.name,
                "degrees": list(point.degrees),
                "multiplications": point.multiplications,
                "levels": point.levels,
                "seconds": seconds,
            }
            for point, seconds in zip(front.published, front.published_seconds, strict=True)
        ],
    }
