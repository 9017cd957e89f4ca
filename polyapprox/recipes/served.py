# SPDX-License-Identifier: Apache-2.0
"""Shipped circuits for other intervals than their own: shorter ones, and scaled ones where f allows.

A circuit for f on an interval is one on every shorter interval. Where f(λx) = λ^k f(x), as of 1/x
and 1/√x, it is one on every interval with as small a ratio of its ends. Either way the plan is
proven anew, for the interval asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import mpmath
import numpy as np
from flint import arb

from ..approximation import Approximation
from ..circuits.approximation import unproven
from ..circuits.function_plan import function_plan
from ..circuits.library import Shipped, shipped_for
from ..circuits.problem import problem_for
from ..errors import ArgumentError
from ..numbers import exact
from ..plan.plan import Plan
from ..proof.covered import widened
from ..proof.prove import certified
from ..scaling import homogeneity
from ..targets import Target, as_target
from .weights import read_weight

_POINTS = 4097


def weight_of(name: str, weight: Any, relative: bool, interval: tuple[float, float]) -> str:
    """Expression of the weight of a circuit's error, "1" for the absolute one.

    Raises
    ------
    ArgumentError, DomainError
        As :func:`polyapprox.recipes.weights.read_weight`; and where f is 0 at 0 and the circuit is not.
    """
    if name == "sign":
        return "1"
    target = as_target(name)
    found = read_weight(target, weight, relative, (interval,))
    low, high = interval
    through = relative and low <= 0 <= high and bool(target.ball(arb(0)) == 0)
    if found is not None and through and problem_for(name, interval, found.name).family != "odd":
        raise ArgumentError(
            f"{name!r} is 0 at x=0, where no circuit for it is 0 too: use minimax(…, relative=True), "
            "or an interval without 0"
        )
    if found is not None and found.tree is None:
        raise ArgumentError("weight must be an expression in x here; got a Python function")
    return "1" if found is None else found.name


@dataclass(frozen=True)
class Fitting:
    """A shipped circuit on an interval, with its sampled error there (an estimate)."""

    shipped: Shipped
    plan: Plan
    estimate: float


def fitting(
    name: str, interval: tuple[float, float], weight: str, guard: mpmath.mpf
) -> list[Fitting]:
    """What of the library serves an interval, by multiplications, then by sampled error.

    Parameters
    ----------
    name : str
        As the library has it.
    interval : (float, float)
    weight : str
        Expression of the weight of the error wanted.
    guard : mpmath.mpf
    """
    if name in ("abs", "sign"):
        return []
    target = as_target(name)
    ((low, high),) = widened([_exact(interval)], guard, target)
    x = float(low) + (float(high) - float(low)) * np.sin(np.linspace(0, np.pi / 2, _POINTS)) ** 2
    with np.errstate(divide="ignore"):
        size = np.ones_like(x) if weight == "1" else as_target(weight).numpy(x)
    x, size = x[np.isfinite(size)], size[np.isfinite(size)]
    found = []
    for one in shipped_for(name):
        plan = _plan(one, target, *interval)
        if plan is not None:
            error = float(np.max(np.abs(size * (plan.run(x) - target.numpy(x)))))
            found.append(Fitting(one, plan, error))
    return sorted(found, key=lambda one: (one.shipped.multiplications, one.estimate))


def _plan(one: Shipped, target: Target, low: float, high: float) -> Plan | None:
    """The plan of a shipped circuit that holds on [low, high]; None where none does."""
    start, stop = one.problem.interval
    if start <= low and high <= stop:
        return function_plan(one.circuit, one.problem)
    power = None if target.tree is None else homogeneity(target.tree)
    if power is None or one.problem.family != "general" or min(low, start) <= 0:
        return None
    stretch = high / stop
    if stretch * start > low:
        return None
    return function_plan(one.circuit, one.problem, stretch, stretch ** float(power))


def served(
    name: str,
    multiplications: int,
    interval: tuple[float, float],
    weight: str,
    guard: mpmath.mpf,
    command: str,
) -> Approximation | None:
    """The most precise of them with at most so many multiplications, proven; None if there is none."""
    known = fitting(name, interval, weight, guard)
    within = [one for one in known if one.shipped.multiplications <= multiplications]
    if not within:
        return None
    return on_interval(min(within, key=lambda one: one.estimate), interval, weight, guard, command)


def on_interval(
    one: Fitting, interval: tuple[float, float], weight: str, guard: mpmath.mpf, command: str
) -> Approximation:
    """The approximation on the interval, proven.

    Raises
    ------
    ProofError
        If no bound is found.
    """
    domain = (_exact(interval),)
    target = as_target(one.shipped.problem.function)
    weighting = None if weight == "1" else as_target(weight)
    made = unproven(one.shipped.circuit, one.shipped.problem, one.estimate, command)
    covered = widened(domain, guard, target, weighting)
    return certified(
        replace(made, plan=one.plan, domain=domain, weight=weight, guard=guard, covered=covered)
    )


def _exact(interval: tuple[float, float]) -> tuple[mpmath.mpf, mpmath.mpf]:
    return exact(interval[0]), exact(interval[1])
