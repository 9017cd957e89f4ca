# SPDX-License-Identifier: Apache-2.0
"""Encrypted ReLU on OpenFHE: ours, the published composites, and the framework's own evaluator.

Every contestant is run in the same ring at the same scale, in a context with just as many levels
as it needs, on the same batch, one after the other, in rounds: so what else the machine does in the
meantime hits all alike. A contestant's time is the median over the rounds.

==============  ================================================================================
ours            the fastest of the circuits that meet the precision, by its plan
published plan  r_alpha by its plan, with the same late rescaling
published       r_alpha by ``EvalChebyshevSeries``, stage by stage
framework       one Chebyshev interpolant of the degree that reaches the same error, by
                ``EvalChebyshevFunction``'s evaluator (``EvalChebyshevSeries``)
==============  ================================================================================
"""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from .approximation import Approximation
from .encrypted.backend import BackendError, Measured, Parameters, Session
from .encrypted.choose import without_input_scaling
from .encrypted.frameworks.openfhe import BACKEND
from .errors import ArgumentError
from .plan.count import count
from .published.rivals import interpolant, published_relu
from .words import counted

SCALE_BITS = 50


@dataclass
class Entry:
    """One contestant: what it is, and what was measured."""

    name: str
    about: str
    executed: str
    levels: int
    multiplications: int | None
    seconds: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    largest_error: float = 0.0
    levels_used: int = 0

    @property
    def median(self) -> float:
        """Median of the seconds."""
        return statistics.median(self.seconds)

    @property
    def work(self) -> float:
        """Median of the processor seconds."""
        return statistics.median(self.processor)


@dataclass
class Contest:
    """All contestants for one precision in one ring."""

    precision: int
    ring_dimension: int
    entries: list[Entry]
    load: tuple[float, float]

    def best(self, name: str) -> Entry:
        """The fastest of a kind ("ours", "published plan", "published", "framework")."""
        return min((one for one in self.entries if one.name == name), key=lambda one: one.median)

    @property
    def rival(self) -> Entry:
        """The fastest that is not ours."""
        return min((one for one in self.entries if one.name != "ours"), key=lambda one: one.median)

    def ratio(self, name: str | None = None) -> float:
        """Our time divided by a rival's (by default the fastest's)."""
        other = self.rival if name is None else self.best(name)
        return self.best("ours").median / other.median

    def work_ratio(self, name: str | None = None) -> float:
        """The same of processor seconds."""
        other = self.rival if name is None else self.best(name)
        return self.best("ours").work / other.work

    def lines(self) -> list[str]:
        """A table for humans."""
        head = (
            f"2^-{self.precision}, ring {self.ring_dimension}, scale 2^{SCALE_BITS}, not secure, "
            f"for tests; load {self.load[0]:.2f} to {self.load[1]:.2f}"
        )
        rows = [
            f"  {one.name:15s} {one.about:38s} {counted(one.levels_used, 'level'):>10s}  "
            f"{one.median:8.4f} s ({min(one.seconds):.4f} … {max(one.seconds):.4f})  "
            f"error 2^{np.log2(one.largest_error):.2f}"
            for one in sorted(self.entries, key=lambda one: one.median)
        ]
        ours, rival = self.best("ours"), self.rival
        last = (
            f"  ours / fastest other ({rival.name}): {self.ratio():.3f}, "
            f"{counted(rival.levels_used - ours.levels_used, 'level')} fewer"
        )
        return [head, *rows, last, ""]


def contests(precisions: Sequence[int], rings: Sequence[int], repeats: int = 5) -> list[Contest]:
    """Run all contestants.

    Parameters
    ----------
    precisions : sequence of int
        k of the precisions 2^-k, from 4 to 14.
    rings : sequence of int
        Ring dimensions.
    repeats : int
        Rounds.

    Raises
    ------
    ArgumentError
        If there is no published composite of a precision.
    BackendError
        If OpenFHE is not found.
    """
    if repeats < 1:
        raise ArgumentError(f"repeats={repeats} must be 1 or more")
    found = BACKEND.find()
    if not found.found:
        raise BackendError(f"OpenFHE was not found ({found.reason}); get it by: {found.remedy}")
    contestants = {k: _contestants(k) for k in precisions}
    return [_contest(k, ring, contestants[k], repeats) for ring in rings for k in precisions]


def report(found: Sequence[Contest]) -> dict[str, Any]:
    """Everything measured, ready for JSON."""
    return {
        "backend": "openfhe",
        "version": BACKEND.find().version,
        "machine": f"{platform.machine()}, {counted(os.cpu_count(), 'processor')}",
        "date": time.strftime("%Y-%m-%d"),
        "threads": 1,
        "scale_bits": SCALE_BITS,
        "security": "not secure, for tests",
        "contests": [
            {
                "precision": one.precision,
                "ring_dimension": one.ring_dimension,
                "load": list(one.load),
                "ratio": one.ratio(),
                "ratio_of_processor_seconds": one.work_ratio(),
                "ratios": {
                    name: {"wall": one.ratio(name), "processor": one.work_ratio(name)}
                    for name in sorted({entry.name for entry in one.entries} - {"ours"})
                },
                "levels_fewer": one.rival.levels_used - one.best("ours").levels_used,
                "rival": one.rival.name,
                "entries": [
                    {**asdict(e), "median": e.median, "median_processor": e.work}
                    for e in one.entries
                ],
            }
            for one in found
        ],
    }


def _contest(
    precision: int, ring: int, contestants: list[tuple[Entry, Approximation]], repeats: int
) -> Contest:
    x = np.linspace(-1.0, 1.0, ring // 2)
    exact = np.maximum(x, 0.0)
    before = os.getloadavg()[0]
    entries = []
    with ExitStack() as stack:
        running = []
        for entry, one in contestants:
            fresh = Entry(
                entry.name, entry.about, entry.executed, entry.levels, entry.multiplications
            )
            session = BACKEND.session(Parameters(ring, SCALE_BITS, entry.levels))
            running.append((fresh, one, stack.enter_context(session)))
            entries.append(fresh)
        for number in range(repeats + 1):
            for entry, one, session in running:
                measured = _measure(session, entry, one, x)
                if number:  # the first round makes the contexts
                    entry.seconds.append(measured.seconds)
                    entry.processor.extend(measured.processor)
                error = float(np.max(np.abs(measured.values - exact)))
                entry.largest_error = max(entry.largest_error, error)
                entry.levels_used = measured.levels
    return Contest(precision, ring, entries, (before, os.getloadavg()[0]))


def _measure(session: Session, entry: Entry, one: Approximation, x: np.ndarray) -> Measured:
    if entry.executed == "plan":
        return session.run_plan(one.plan, x)
    return session.run_components(one, x)


def _contestants(precision: int) -> list[tuple[Entry, Approximation]]:
    from .cost import cost_model

    result = []
    model = cost_model("openfhe")
    for about, one in candidates(precision):
        result.append((_by_plan("ours", about, one), one))
    published = published_relu(precision)
    name = f"r_{precision} {list(published.degrees)}"
    result.append((_by_plan("published plan", name, published), published))
    levels = model.component_levels(published)
    result.append((Entry("published", name, "components", levels, None), published))
    single = interpolant(2.0**-precision)
    if single is not None:
        levels = model.component_levels(single)
        entry = Entry("framework", f"degree {single.degrees[0]}", "components", levels, None)
        result.append((entry, single))
    return result


def _by_plan(name: str, about: str, one: Approximation) -> Entry:
    plan, _ = without_input_scaling(one.plan)
    counts = count(plan, "standalone")
    return Entry(name, about, "plan", counts.levels, counts.multiplications)


def candidates(precision: int) -> list[tuple[str, Approximation]]:
    """The circuits worth trying: the most precise one of the fewest multiplications that meet the
    precision, and those with the fewest products with constants."""
    from .circuits.library import shipped_circuits, sparse_circuits
    from .recipes.circuits import circuit

    found = []
    for m in shipped_circuits():
        one = circuit("relu", multiplications=m)
        if one.bits >= precision:
            found.append((f"circuit, {counted(m, 'multiplication')}", one))
            break
    if not found:
        raise ArgumentError(f"no circuit has {precision} bits; ask for less precision")
    for m in range(found[0][1].multiplications, found[0][1].multiplications + 2):
        thin = [o for o in sparse_circuits() if o.circuit.multiplications == m]
        counts = [o.constant_products + 1 for o in thin if o.bits >= precision]
        if counts:
            one = circuit("relu", multiplications=m, constants=min(counts))
            found.append((f"circuit, {counted(m, 'multiplication')}, {counted(min(counts), 'constant')}", one))
    return found
