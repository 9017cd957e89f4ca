# SPDX-License-Identifier: Apache-2.0
"""`audit`: one page about a table, whoever made it.

What it truly approximates, with what proven error; the image of every stage on the whole
interval, and whether it leaves the interval of the next one; levels and multiplications by named
rules; the largest coefficients in both bases; how far beyond the interval it stays moderate; and
which of our own choices is at least as precise for less.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from flint import arb

from .approximation import Approximation
from .cost.models import cost_model, cost_models
from .errors import PolyApproxError
from .export.powers import UNIT
from .given import instance
from .numbers import ball, exact
from .outward import float_down, float_up, lower, lower_places
from .polynomial import Polynomial
from .precision import one_at_a_time, working_precision
from .proof.outside import safe_radius
from .proof.ranges import is_odd, power_form, range_on
from .provenance import call
from .targets import as_target
from .verification import verify
from .words import counted

_SLACK = 2.0**-30  # of an interval's half-width: rounding of who printed the coefficients
_SAMPLES = 8001
_DIGITS = 4
_RECIPROCAL_LEVELS = range(2, 14)
_LEAST_WEIGHTED = 1e-16  # below it a weighted polynomial is not looked for: it takes minutes
OBJECTIVES = ("balanced", "levels", "multiplications")
ABSOLUTE = ("relu", "abs", "maximum", "minimum")
Call = tuple[str, tuple[Any, ...], dict[str, Any]]  # a function of the package and its arguments


@dataclass(frozen=True)
class StageImage:
    """The values of one stage on everything that reaches it.

    Attributes
    ----------
    stage : int
        From 1, innermost first.
    degree : int
    low, high : float
        Proven enclosure of its values.
    allowed : (float, float) or None
        Interval of the next stage; None for the last.
    leaves : bool
        Whether a value was found that leaves that interval by more than 2^-30 of its half-width.
    largest_chebyshev, largest_monomial : float
        Largest absolute coefficient in each basis, of the stage's variable in [-1, 1].
    """

    stage: int
    degree: int
    low: float
    high: float
    allowed: tuple[float, float] | None
    leaves: bool
    largest_chebyshev: float
    largest_monomial: float


@dataclass(frozen=True)
class Rival:
    """One of our own choices beside the table; costs under the rule "published".

    Attributes
    ----------
    call : str
        How to get it, after ``import polyapprox as pa``.
    error : float
        Its proven bound.
    bits : float
        The same in bits.
    levels, multiplications : int
    """

    call: str
    error: float
    bits: float
    levels: int
    multiplications: int


@dataclass(frozen=True)
class Audit:
    """What :func:`audit` found.

    Attributes
    ----------
    source : str
    function : str
    weight : str
        Of the error; "1" for the absolute one.
    domain : tuple of (float, float)
    structure : str
    degrees : tuple of int
    error : float
        Proven bound, or the estimate where `proven` is False; absolute.
    proven : bool
    bits : float
        −log2 of the error, in the unit of :attr:`polyapprox.Approximation.bits`.
    stages : tuple of StageImage
    levels, multiplications : dict
        By counting rule, of the plan.
    framework_levels : dict
        Levels in each framework's own evaluator of polynomials (rule "published").
    safe_radius : float
        In half-widths of the interval: how far |r| provably stays below twice its bound.
    rival : Rival or None
        At least as precise with no more levels and no more multiplications, less of one; or for
        the same cost more precise by a bit at least.
    """

    source: str
    function: str
    weight: str
    domain: tuple[tuple[float, float], ...]
    structure: str
    degrees: tuple[int, ...]
    error: float
    proven: bool
    bits: float
    stages: tuple[StageImage, ...]
    levels: dict[str, int]
    multiplications: dict[str, int]
    framework_levels: dict[str, int]
    safe_radius: float
    rival: Rival | None

    @property
    def leaving(self) -> tuple[int, ...]:
        """Stages whose values may leave the interval of the next one."""
        return tuple(stage.stage for stage in self.stages if stage.leaves)

    @property
    def conclusion(self) -> str:
        """One sentence."""
        bits = lower_places(self.bits, 2) if self.proven else f"{self.bits:.2f}"
        said = f"{self.function} to {bits} bits ({_kind(self.proven)})"
        if self.leaving:
            where = ", ".join(map(str, self.leaving))
            said += f", but values of stage {where} leave the interval of the next"
        if self.safe_radius < 1.0 + 1e-6:
            said += "; nothing is proven beyond the interval"
        if self.rival is None:
            return said + "; none of our choices does as much for less, or a bit more for as much."
        r = self.rival
        return (
            f"{said}; dominated by {r.call}: {lower_places(r.bits, 2)} bits with {counted(r.levels, 'level')} and "
            f"{counted(r.multiplications, 'multiplication')} instead of {self.levels['published']} and "
            f'{self.multiplications["published"]} (rule "published").'
        )

    def text(self) -> str:
        """The page."""
        from .audit_page import page

        return page(self)


def _kind(proven: bool) -> str:
    return "proven" if proven else "estimate"


@one_at_a_time
def audit(approximation: Approximation) -> Audit:
    """Examine an approximation, ours or imported.

    Parameters
    ----------
    approximation : Approximation

    Returns
    -------
    Audit

    Raises
    ------
    FalseClaimError
        If the bound that it claims cannot be proven again: the checks are those of
        :func:`polyapprox.verify`.

    Examples
    --------
    >>> import polyapprox
    >>> newton = polyapprox.Polynomial.from_floats([0, 1.125, 0, -0.125], parity="odd")
    >>> table = polyapprox.from_components("relu", [newton] * 4, (-1, 1))
    >>> found = audit(table)
    >>> found.leaving, found.levels["published"], found.multiplications["published"]
    ((), 8, 9)
    >>> found.rival is not None and found.rival.multiplications < 9
    True
    """
    a = instance("approximation", approximation, Approximation, "an Approximation, made or loaded")
    proven = a.certificate is not None
    if proven:
        verify(a)
    error = a.error_bound if proven else a.error_estimate
    rules = ("published", "standalone")
    counts = {rule: a.counts(rule) for rule in rules}  # type: ignore[arg-type]
    return Audit(
        source=a.provenance.command,
        function=a.function,
        weight=a.weight,
        domain=tuple((float(low), float(high)) for low, high in a.domain),
        structure=a.structure,
        degrees=a.degrees,
        error=error,
        proven=proven,
        bits=a.bits,
        stages=images(a),
        levels={rule: counts[rule].levels for rule in rules},
        multiplications={rule: counts[rule].multiplications for rule in rules},
        framework_levels=_framework_levels(a),
        safe_radius=safe_radius(a),
        rival=rival_of(a, error),
    )


def images(approximation: Approximation) -> tuple[StageImage, ...]:
    """Enclosures of the values of every stage, from the whole interval on."""
    components = approximation.components
    if not components:
        return ()
    found = []
    with working_precision(200 + 8 * max(c.degree for c in components)):
        low, high = (ball(end) for end in components[0].domain)
        if approximation.inputs == 1:
            low, high = (ball(end) for end in approximation.interval)
        reach = np.linspace(float(low), float(high), _SAMPLES)
        for index, component in enumerate(components):
            reach = np.asarray(component(reach))
            form = power_form(component)
            odd = is_odd(component)
            if odd and low < 0 and high > 0:
                size = high.max(-low)
                half = range_on(form, True, arb(0), size)
                high = half.largest.max(-half.smallest)
                low = -high
            else:
                whole = range_on(form, odd and bool(low >= 0), low, high)
                low, high = whole.smallest, whole.largest
            allowed, leaves = None, False
            if index + 1 < len(components):
                a, b = components[index + 1].domain
                allowed = float(a), float(b)
                leaves = _outside(reach, *allowed)
            found.append(
                StageImage(
                    index + 1, component.degree, float_down(exact(low.lower())),
                    float_up(exact(high.upper())),
                    allowed, leaves, component.largest_coefficient,
                    _largest_monomial(component),
                )
            )  # fmt: skip
    return tuple(found)


def _outside(values: np.ndarray, low: float, high: float) -> bool:
    slack = _SLACK * (high - low) / 2
    return bool(np.nanmax(values) > high + slack or np.nanmin(values) < low - slack)


def _largest_monomial(component: Polynomial) -> float:
    unit = Polynomial(component.coefficients, UNIT)
    return float(max(abs(c) for c in unit.monomial()))


def _framework_levels(approximation: Approximation) -> dict[str, int]:
    if not approximation.components:
        return {}
    return {
        name: cost_model(name).component_levels(approximation)
        for name in cost_models()
        if name != "ideal"
    }


def rival_of(approximation: Approximation, error: float) -> Rival | None:
    """The choice of ours with the fewest levels and multiplications that dominates.

    Parameters
    ----------
    approximation : Approximation
    error : float
        The bound to be reached.
    """
    if not (math.isfinite(error) and error > 0):
        return None
    short = float(lower(error, _DIGITS))  # for a call that is pleasant to read, where it will do
    return _dominating(approximation, error, short) or _dominating(approximation, error, error)


def _dominating(approximation: Approximation, error: float, tolerance: float) -> Rival | None:
    ours = approximation.counts()
    better: list[Rival] = []  # each above those before it
    for text, made in _candidates(approximation, tolerance, better):
        counts = made.counts()
        cheaper = counts.levels < ours.levels or counts.multiplications < ours.multiplications
        no_worse = counts.levels <= ours.levels and counts.multiplications <= ours.multiplications
        needed = error if cheaper else error / 2
        if not no_worse or made.certificate is None or made.error_bound > needed:
            continue
        found = Rival(text, made.error_bound, made.bits, counts.levels, counts.multiplications)
        if not better or _order(found) < _order(better[-1]):
            better.append(found)
    return better[-1] if better else None


def _order(rival: Rival) -> tuple[int, float]:
    return rival.levels + rival.multiplications, rival.error


def _candidates(
    approximation: Approximation, error: float, known: list[Rival]
) -> Iterator[tuple[str, Approximation]]:
    """Choices of ours that may be as precise, with the text of the call that makes each.

    Circuits of more multiplications than what is known to dominate are not made.
    """
    makers = _makers()
    for name, arguments, named in _calls(approximation, error):
        if known and named.get("multiplications", 0) > known[-1].multiplications:
            continue
        try:
            made = makers[name](*arguments, **named)
        except (PolyApproxError, ArithmeticError, ValueError):
            continue
        text = call(name, *arguments, **named)
        yield text.replace("polyapprox.", "pa.", 1), made


def _makers() -> dict[str, Callable[..., Approximation]]:
    from .recipes.absolute import absolute, maximum, minimum, relu
    from .recipes.circuits import circuit
    from .recipes.minimax import minimax
    from .recipes.reciprocal import reciprocal
    from .recipes.sign import sign, step

    return {
        "relu": relu, "abs": absolute, "maximum": maximum, "minimum": minimum, "sign": sign,
        "step": step, "minimax": minimax, "circuit": circuit, "reciprocal": reciprocal,
    }  # fmt: skip


def _calls(approximation: Approximation, error: float) -> Iterator[Call]:
    a = approximation
    domain = tuple((float(low), float(high)) for low, high in a.domain)
    interval = domain[0][0], domain[-1][1]
    where = {} if interval == (-1.0, 1.0) else {"interval": interval}
    most = a.counts().multiplications
    if a.weight != "1":
        yield from _weighted(a, error, domain)
    elif a.function in ABSOLUTE:
        for objective in OBJECTIVES:
            named = {} if objective == "balanced" else {"objective": objective}
            yield a.function, (), {"tolerance": error, **where, **named}
        yield from _circuits(a.function, most, where)
    elif a.function in ("sign", "step"):
        yield from _jumps(a.function, error, domain, most)
    else:
        yield from _polynomials(a, error, domain)
        if len(domain) == 1:
            yield from _circuits(a.function, most, {"interval": interval})


def _weighted(
    a: Approximation, error: float, domain: tuple[tuple[float, float], ...]
) -> Iterator[Call]:
    """For a weighted error: the closed form of 1/x, circuits, polynomials."""
    relative = a.weight == as_target(a.function).reciprocal.name
    where = {"interval": (domain[0][0], domain[-1][1])}
    if a.function == "1/x" and relative:
        yield from (("reciprocal", (), {**where, "levels": n}) for n in _RECIPROCAL_LEVELS)
    if len(domain) == 1:
        weighted: dict[str, Any] = {"relative": True} if relative else {"weight": a.weight}
        yield from _circuits(a.function, a.counts().multiplications, {**where, **weighted})
    if error > _LEAST_WEIGHTED:
        yield from _polynomials(a, error, domain)


def _polynomials(
    a: Approximation, error: float, domain: tuple[tuple[float, float], ...]
) -> Iterator[Call]:
    """The minimax polynomial of the least degree."""
    where: dict[str, Any] = {} if domain == ((-1.0, 1.0),) else {"interval": domain[0]}
    if len(domain) > 1:
        where = {"interval": list(domain)}
    weighted = {} if a.weight == "1" else {"weight": a.weight}
    yield "minimax", (a.function,), {"tolerance": error, **where, **weighted}


def _circuits(function: str, most: int, where: dict[str, Any]) -> Iterator[Call]:
    """The shipped circuits of as many multiplications or fewer."""
    for m in range(1, most + 1):
        yield "circuit", (function,), {"multiplications": m, **where}


def _jumps(
    function: str, error: float, domain: tuple[tuple[float, float], ...], most: int
) -> Iterator[Call]:
    """Composites, and circuits of the sign, for both sides of the gap around 0."""
    gap = min(min(abs(low), abs(high)) for low, high in domain)
    if gap <= 0 or any(low < 0 < high for low, high in domain):
        return
    size = max(abs(domain[0][0]), abs(domain[-1][1]))
    where = {} if size == 1 else {"interval": (-size, size)}
    threshold = _threshold(gap, size)
    for objective in OBJECTIVES:
        named = {} if objective == "balanced" else {"objective": objective}
        yield function, (), {"precision": error, "threshold": threshold, **where, **named}
    if function == "sign":
        yield from _circuits(function, most, {"interval": (gap, size)})


def _threshold(gap: float, size: float) -> float:
    """The largest float whose product with the size is not above the gap."""
    threshold = gap / size
    while Fraction(threshold) * Fraction(size) > Fraction(gap):
        threshold = math.nextafter(threshold, 0.0)
    return threshold
