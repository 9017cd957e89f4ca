# SPDX-License-Identifier: Apache-2.0
"""The page that an audit prints."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from .outward import intervals, lower, lower_places, rational, upper
from .scaling import scales_with_interval

if TYPE_CHECKING:
    from .auditing import Audit

_WIDTH = 96


def page(found: Audit) -> str:
    """One page of plain text."""
    kind = "proven" if found.proven else "sampled estimate, nothing is proven"
    rows = [
        ("table", found.source),
        ("approximates", f"{found.function} on {intervals(found.domain)}"),
        ("structure", f"{found.structure}, degrees {', '.join(map(str, found.degrees))}"),
        ("error", f"at most {upper(found.error)} ({kind})" if found.proven else f"about {found.error:.6g} ({kind})"),
        ("bits", f"{_bits(found)} (−log2 of the error{_unit(found)})"),
        *[("levels", _by_rule(found.levels)), ("multiplications", _by_rule(found.multiplications))],
    ]
    if found.framework_levels:
        said = ", ".join(f"{name} {levels}" for name, levels in found.framework_levels.items())
        rows.append(("own evaluators", f'{said} (levels of the components, rule "published")'))
    rows.append(("safe radius", _radius(found)))
    lines = [_row(name, text) for name, text in rows]
    if found.stages:
        lines += ["", *_stages(found)]
    return "\n".join([*lines, "", _row("conclusion", found.conclusion)])


def _bits(found: Audit) -> str:
    return lower_places(found.bits, 3) if found.proven else f"{found.bits:.3f}"


def _unit(found: Audit) -> str:
    scaled = scales_with_interval(found.function, found.weight)
    return " on the interval scaled to [-1, 1]" if scaled else ""


def _by_rule(values: dict[str, int]) -> str:
    return ", ".join(f'{value} (rule "{rule}")' for rule, value in values.items())


def _radius(found: Audit) -> str:
    if found.safe_radius <= 1.0:
        return "1 half-width: nothing is proven beyond the interval"
    beyond = rational(found.safe_radius) - 1
    return f"1 + {lower(beyond, 3)} half-widths: |r| stays below twice its bound (proven)"


def _row(name: str, text: str) -> str:
    head = f"{name:<16}"
    return textwrap.fill(text, _WIDTH, initial_indent=head, subsequent_indent=" " * 16)


def _stages(found: Audit) -> list[str]:
    lines = [
        f"{'stage':>5} {'degree':>6}  {'values (proven)':<26} {'next takes':<18} "
        f"{'leaves':<6} {'|c| Chebyshev':>13} {'|c| powers':>11}"
    ]
    for s in found.stages:
        values = f"[{lower(s.low, 9)}, {upper(s.high, 9)}]"
        allowed = "—" if s.allowed is None else intervals([s.allowed])
        leaves = "—" if s.allowed is None else "yes" if s.leaves else "no"
        lines.append(
            f"{s.stage:>5} {s.degree:>6}  {values:<26} {allowed:<18} {leaves:<6} "
            f"{s.largest_chebyshev:>13.5g} {s.largest_monomial:>11.5g}"
        )
    return lines
