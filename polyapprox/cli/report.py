# SPDX-License-Identifier: Apache-2.0
"""What the commands print: tables for humans, JSON for machines."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..approximation import Approximation
from ..comparison import RULE, Row
from ..errors import FalseClaimError
from ..outward import intervals, lower, lower_places, upper
from ..plan.count import RULES
from ..verification import Verification
from .talk import TALK


def summary(approximation: Approximation) -> dict[str, Any]:
    """The facts about an approximation, ready for JSON."""
    a = approximation
    proven = a.certificate is not None
    return {
        "function": a.function,
        "domain": [[float(low), float(high)] for low, high in a.domain],
        "structure": a.structure,
        "degrees": list(a.degrees),
        "weight": a.weight,
        "proven": proven,
        "error_bound": a.error_bound if proven else None,
        "error_estimate": a.error_estimate,
        "bits": a.bits if math.isfinite(a.bits) else None,
        "error_lower_bound": a.error_lower_bound,
        "lower_bound_for": a.certificate.lower_for if a.certificate else None,
        "method": a.certificate.method if a.certificate else None,
        "counts": {rule: _counts(a, rule) for rule in RULES},
        "largest_coefficient": a.largest_coefficient,
        "offset": float(a.offset),
        "threshold": None if a.threshold is None else float(a.threshold),
        "plan_digest": a.plan.digest,
        "command": a.provenance.command,
        "versions": dict(a.provenance.versions),
    }


def _counts(approximation: Approximation, rule: Any) -> dict[str, int]:
    found = approximation.counts(rule)
    return {
        "multiplications": found.multiplications,
        "constant_products": found.constant_products,
        "additions": found.additions,
        "levels": found.levels,
        "depth": found.levels,  # its former name
    }


def write_json(content: Any) -> None:
    """Pure JSON on standard output."""
    TALK.ready()
    sys.stdout.write(json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def write_text(text: str) -> None:
    """Plain text on standard output, unless nothing is to be said."""
    TALK.ready()
    sys.stdout.write((text + "\n") * (not TALK.quiet))


def _show(*parts: Any) -> None:
    TALK.ready()
    console = Console(file=sys.stdout, highlight=False, quiet=TALK.quiet)
    for part in parts:
        console.print(part)


def _facts(rows: Iterable[tuple[str, str]]) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in rows:
        grid.add_row(name, Text(value))
    return grid


def show_approximation(approximation: Approximation, files: Sequence[str] = ()) -> None:
    """The facts about an approximation, for a human."""
    facts = summary(approximation)
    rows = [
        ("function", facts["function"]),
        ("interval", intervals(approximation.domain)),
        ("structure", f"{facts['structure']}, degrees {facts['degrees']}"),
        ("levels", _by_rule(facts, "levels")),
        ("multiplications", _by_rule(facts, "multiplications")),
        ("constant products", _by_rule(facts, "constant_products")),
        *_error_rows(facts),
        ("largest coefficient", f"{facts['largest_coefficient']:.6g}"),
        ("offset", f"{facts['offset']:.6g}"),
    ]
    if facts["threshold"] is not None:
        rows.append(("threshold", f"{facts['threshold']:.6g}"))
    rows += [("made by", facts["command"]), *(("written", name) for name in files)]
    _show(_facts(rows))


def _by_rule(facts: dict[str, Any], cost: str) -> str:
    values = {rule: counts[cost] for rule, counts in facts["counts"].items()}
    return ", ".join(f'{value} (rule "{rule}")' for rule, value in values.items())


def _error_rows(facts: dict[str, Any]) -> list[tuple[str, str]]:
    kind = "error" if facts["weight"] == "1" else f"error weighted by {facts['weight']}"
    if not facts["proven"]:
        bits = "exact" if facts["bits"] is None else f"{facts['bits']:.3f}"
        return [
            (kind, f"about {facts['error_estimate']:.6g}: a sampled estimate, nothing is proven"),
            ("bits", f"{bits} (estimate)"),
        ]
    bits = "exact" if facts["bits"] is None else lower_places(facts["bits"], 3)
    rows = [
        (kind, f"at most {upper(facts['error_bound'])} (proven: {facts['method']})"),
        ("bits", f"{bits} (proven)"),
    ]
    if facts["error_lower_bound"] is not None:
        rows.append(
            (
                "lower bound",
                f"{lower(facts['error_lower_bound'])} (proven) for {facts['lower_bound_for']}",
            )
        )
    return rows


def refutation(error: FalseClaimError) -> dict[str, Any]:
    """Why a claim is not supported, ready for JSON."""
    return {"ok": False, "reason": str(error), "counterexample": error.counterexample}


def show_verification(name: str, found: Verification) -> None:
    """The outcome of a check, for a human."""
    least = "not stored with its points" if found.lower is None else lower(found.lower, 10)
    _show(
        _facts(
            [
                ("table", name),
                ("function", found.function),
                ("claimed bound", upper(found.claimed, 10)),
                ("proven again", f"{upper(found.bound, 10)} ({found.method})"),
                ("lower bound", least),
                ("seconds", f"{found.seconds:.3f}"),
                ("verdict", "the claim is supported"),
            ]
        )
    )


def _way(row: Row) -> str:
    """Degrees of a composite, or the structure."""
    if row.structure == "circuit":
        return row.structure
    degrees = ",".join(map(str, row.degrees))
    return degrees if row.structure == "composite" else f"{row.structure} {degrees}"


def show_comparison(rows: Sequence[Row]) -> None:
    """Ours beside the published composites, for a human."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("α", justify="right", no_wrap=True)
    for owner, names in (
        ("r_alpha", ("degrees", "levels", "mult.")),
        ("our plan", ("levels", "mult.", "bits")),
        ("ours", ("degrees", "levels", "mult.", "bits")),
    ):
        for name in names:
            head = owner if name == names[0] else ""
            table.add_column(f"{head}\n{name}", justify="right", no_wrap=True)
    table.add_column("least", justify="right", no_wrap=True)
    for row in rows:
        table.add_row(
            str(row.alpha),
            ",".join(map(str, row.published_degrees)),
            str(row.published_levels),
            str(row.published_multiplications),
            str(row.planned_levels),
            str(row.planned_multiplications),
            f"{row.published_bits:.2f}",
            _way(row),
            str(row.levels),
            str(row.multiplications),
            lower_places(row.bits, 2),
            str(row.limit),
        )
    write_text(f'ReLU on [-1, 1]: published r_alpha and ours for 2^-alpha (rule "{RULE}");')
    write_text(
        "r_alpha: the cost of the published plan, and of our plan for the same polynomials; its "
        "bits are sampled estimates, ours are proven; least: multiplications and levels of any "
        "polynomial program (proven)."
    )
    _show(table)

