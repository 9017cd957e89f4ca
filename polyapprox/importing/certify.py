# SPDX-License-Identifier: Apache-2.0
"""From what a file holds to a certified approximation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import mpmath
import numpy as np

from ..approximation import Approximation
from ..errors import ArgumentError, TableError
from ..export.chain import components_from, doubled, with_parity
from ..export.expand import expanded
from ..export.powers import UNIT, from_powers
from ..functions.kin import inputs_of
from ..numbers import ZERO, exact, negate
from ..plan.plan import Plan
from ..polynomial import Polynomial
from ..proof.covered import widened
from ..proof.error_function import largest_sample
from ..proof.prove import certified
from ..proof.study import one_argument_function
from ..provenance import Provenance
from ..recipes.arguments import read_parts
from ..recipes.entered import from_components
from ..recipes.guard import DEFAULT_GUARD, read_guard
from ..recipes.plans import composite_plan, composition_plan, polynomial_plan
from ..recipes.weights import read_weight
from ..targets import Target, as_target
from ..words import counted
from .bases import folded, odd_row
from .contents import Contents, Interval

COMPOSITES = ("sign", "step", "abs", "relu")
_SAMPLES = 20_001
_CLEAR = 2.0  # so many times less must one reading err than the other


def approximation_of(
    contents: Contents,
    function: str | None,
    domain: Any,
    source: str,
    half_width: float | None = None,
    guard: Any = DEFAULT_GUARD,
    structure: str | None = None,
    relative: bool = False,
    weight: str | None = None,
) -> Approximation:
    """Certify the contents of a file as an approximation of a function on a domain.

    Raises
    ------
    ArgumentError
        If the file and the caller leave open what is approximated, where, or in which basis.
    """
    name = function or contents.function
    if name is None:
        raise ArgumentError(
            "function is not given and the file does not say it; give function='relu' or another"
        )
    if half_width is not None and not (math.isfinite(half_width) and half_width > 0):
        raise ArgumentError(f"half_width must be a positive number; got {half_width!r}")
    name = as_target(name).name if inputs_of(name) == 1 else name
    if domain is not None:
        parts = tuple((exact(a), exact(b)) for a, b in read_parts(domain))
    elif contents.domain:
        parts = contents.domain
    else:
        raise ArgumentError(
            "interval is not given and the file does not say it; give interval=(-1, 1) or another"
        )
    said = "; ".join((source, *contents.notes))
    if structure is not None and contents.structure is not None:
        raise ArgumentError("structure is said by the file, an export; leave it out")
    weighting = read_weight(_one_argument(name), weight, relative, parts)
    if contents.plan is not None:
        if half_width is not None:
            raise ArgumentError("half_width is for coefficients; the file holds a plan")
        return of_plan(contents.plan, name, parts, contents.structure, said, guard, weighting)
    readings = [
        _Reading(contents, name, parts, half_width, guard, said, structure, weighting)
        for structure in _structures(name, contents, structure)
    ]
    if len(readings) == 1:
        return readings[0].certified()
    return _clear_one(readings)


def _structures(function: str, contents: Contents, wanted: str | None) -> tuple[str, ...]:
    """What the rows may be: by the file, by the caller, or for ReLU and its kin two things."""
    itself = "polynomial" if len(contents.stages) == 1 else "composition"
    if contents.structure is not None:
        return ("polynomial" if contents.structure == "direct" else contents.structure,)
    if wanted is not None:
        return ("composite" if wanted == "composite" else itself,)
    if function == "sign" or (contents.function == "sign" and function in COMPOSITES):
        return ("composite",)
    if function == "step" and contents.halved:
        return (itself,)
    return ("composite", itself) if function in COMPOSITES else (itself,)


@dataclass(frozen=True)
class _Reading:
    """One way to take the rows of a file."""

    contents: Contents
    function: str
    parts: tuple[Interval, ...]
    half_width: float | None
    guard: Any
    source: str
    structure: str
    weight: Target | None = None

    @cached_property
    def components(self) -> tuple[tuple[Polynomial, ...], str]:
        """The stages, and what was done to them."""
        return components_of(
            self.contents, self.function, self.structure, self.parts, self.half_width
        )

    def sampled(self) -> float:
        """The error at some point: the true one is at least as large."""
        stages, _ = self.components
        places = [np.linspace(float(a), float(b), _SAMPLES) for a, b in self.parts]
        x = np.concatenate(places)
        with np.errstate(all="ignore"):
            s = x
            for stage in stages:
                s = np.asarray(stage(s))
            if self.structure == "composite":
                s = {"relu": x * (1 + s) / 2, "abs": x * s}.get(self.function, (1 + s) / 2)
            error = np.abs(s - as_target(self.function).numpy(x))
        return float(np.max(np.where(np.isfinite(error), error, np.inf)))

    def certified(self) -> Approximation:
        """The approximation, with its bound."""
        components, note = self.components
        contents, parts = self.contents, [(low, high) for low, high in self.parts]
        said = f"{self.source}; {note}" if note else self.source
        if self.weight is not None or (
            self.structure == "composite" and self.function not in COMPOSITES
        ):
            plan = self._plan(components)
            return of_plan(
                plan, self.function, self.parts, self.structure, said, self.guard, self.weight
            )
        return from_components(
            self.function, components, parts, structure=self.structure, offset=contents.offset,
            source=said, guard=self.guard,
        )  # fmt: skip

    def _plan(self, components: tuple[Polynomial, ...]) -> Plan:
        if self.structure == "polynomial":
            return polynomial_plan(components[0])
        if self.structure == "composition":
            return composition_plan(components)
        name = self.function if self.function in COMPOSITES else "relu"
        return composite_plan(name, components, self.contents.offset)


def _clear_one(readings: Sequence[_Reading]) -> Approximation:
    """The reading whose proven error is far below what the other has at some point."""
    better, worse = sorted(readings, key=lambda reading: reading.sampled())
    least, most = better.sampled(), worse.sampled()
    found = better.certified() if least * _CLEAR <= most else None
    if found is None or found.certificate is None or found.error_bound * _CLEAR > most:
        words = {"composite": "stages of a sign", "polynomial": "the function itself"}
        told = " and ".join(
            f"{reading.sampled():.3g} as {words.get(reading.structure, words['polynomial'])}"
            for reading in (better, worse)
        )
        raise ArgumentError(
            f"it is not clear what the numbers are: they err by about {told}; give "
            "structure='composite' or 'polynomial'"
        )
    return found


def components_of(
    contents: Contents,
    function: str,
    structure: str,
    parts: Sequence[Interval],
    half_width: float | None = None,
) -> tuple[tuple[Polynomial, ...], str]:
    """The components that rows of numbers stand for, and a note on what was done to them.

    Raises
    ------
    ArgumentError
        If the basis is not known.
    """
    if contents.basis is None:
        raise ArgumentError(
            "basis is not given and the file does not say it; give basis='chebyshev', 'monomial' "
            "or 'monomial-odd'"
        )
    if half_width is not None and contents.intervals:
        raise ArgumentError("half_width is given, but the file says the interval of each stage")
    intervals = contents.intervals or _intervals(
        structure, parts, len(contents.stages), half_width
    )
    if len(intervals) != len(contents.stages):
        raise TableError(
            f"holds {counted(len(contents.stages), 'stage')} and {counted(len(intervals), 'interval')}: was the file cut "
            "off?"
        )
    if contents.basis == "chebyshev":
        stages = tuple(
            with_parity(Polynomial(_trimmed(row), interval))
            for row, interval in zip(contents.stages, intervals, strict=True)
        )
        note = ""
    else:
        rows = contents.stages
        if contents.basis == "monomial-odd":
            rows = tuple(odd_row(row) for row in rows)
        own, scaled = bool(contents.intervals), half_width is not None
        stages, note = _from_rows(rows, intervals, structure, own, scaled)
    if contents.halved and contents.structure is not None:
        return components_from(stages, function, structure), note
    if contents.halved and structure == "composite" and function not in ("sign", "abs"):
        return (*stages[:-1], doubled(stages[-1])), note
    return stages, note


def _from_rows(
    rows: tuple[tuple[mpmath.mpf, ...], ...],
    intervals: Sequence[Interval],
    structure: str,
    own: bool,
    scaled: bool,
) -> tuple[tuple[Polynomial, ...], str]:
    if own or (structure == "polynomial" and not scaled) or (len(rows) == 1 and intervals[0] == UNIT):
        return tuple(
            from_powers(row, interval) for row, interval in zip(rows, intervals, strict=True)
        ), ""
    unit = tuple(from_powers(row) for row in rows)  # powers of x/B, then of each other's values
    stages, note = folded(unit)
    first = replace(stages[0], domain=intervals[0])
    return (first, *stages[1:]), note


def _intervals(
    structure: str, parts: Sequence[Interval], count: int, half_width: float | None
) -> tuple[Interval, ...]:
    """[-B, B] for the first stage of a composite, the hull for a polynomial, else [-1, 1]."""
    low, high = parts[0][0], parts[-1][1]
    if structure == "composite" or count > 1 or half_width:
        size = exact(half_width) if half_width else max(abs(low), abs(high))
        first: Interval = (negate(size), size)
    else:
        first = (low, high)
    return (first, *(UNIT for _ in range(count - 1)))


def _trimmed(row: tuple[mpmath.mpf, ...]) -> tuple[mpmath.mpf, ...]:
    last = max((k for k, c in enumerate(row) if c), default=0)
    return row[: last + 1] or (ZERO,)


def _one_argument(function: str) -> Target:
    return as_target(one_argument_function(function))


def of_plan(
    plan: Plan,
    function: str,
    parts: Sequence[Interval],
    structure: str | None,
    source: str,
    guard: Any = DEFAULT_GUARD,
    weight: Target | None = None,
) -> Approximation:
    """Certify a plan as an approximation of a function: a circuit, or a single polynomial.

    Raises
    ------
    ProofError
        If no bound can be proven.
    """
    hull = parts[0][0], parts[-1][1]
    single = structure in ("polynomial", "direct") and plan.inputs == 1
    components = (expanded(plan, hull),) if single else ()
    over = read_guard(guard)
    target = None if inputs_of(function) == 2 else as_target(function)
    result = Approximation(
        function=function,
        domain=tuple(parts),
        structure="polynomial" if single else "circuit",
        components=components,
        plan=plan,
        offset=ZERO,
        weight="1" if weight is None else weight.name,
        error_estimate=0.0,
        certificate=None,
        margins=(),
        provenance=Provenance.of(source),
        guard=over,
        covered=widened(parts, over, target, weight),
    )
    return certified(replace(result, error_estimate=largest_sample(result)))
