"""`audit`: one page about a table, whoever made it.

What it truly approximates, with what proven error; the image of every stage on the whole
interval, and whether it leaves the interval of the next one; levels and multiplications by named
rules; the largest coefficients in both bases; how far beyond the interval it stays moderate; and
which of our own choices is at least as precise for less.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from flint import arb

from .approximation import Approximation
from .cost.models import cost_model, cost_models
from .errors import PolyApproxError
from .export.powers import UNIT
from .numbers import ball
from .polynomial import Polynomial
from .precision import one_at_a_time, working_precision
from .proof.outside import safe_radius
from .proof.ranges import is_odd, power_form, range_on
from .structures import TWO_ARGUMENTS

_SLACK = 2.0**-30  # of an interval's half-width: rounding of who printed the coefficients
_SAMPLES = 8001
OBJECTIVES = ("balanced", "levels", "multiplications")


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
        How to get it.
    bits : float
        −log2 of its proven error on the interval scaled to [-1, 1].
    levels, multiplications : int
    """

    call: str
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
    domain : tuple of (float, float)
    structure : str
    degrees : tuple of int
    error : float
        Proven bound, or the estimate where `proven` is False; absolute.
    proven : bool
    bits : float
        −log2 of the error on the interval scaled to [-1, 1].
    stages : tuple of StageImage
    levels, multiplications : dict
        By counting rule, of the plan.
    framework_levels : dict
        Levels in each framework's own evaluator of polynomials (rule "published").
    safe_radius : float
        In half-widths of the interval: how far |r| provably stays below twice its bound.
    rival : Rival or None
        At least as precise with no more levels and no more multiplications, less of one.
    """

    source: str
    function: str
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
        said = f"{self.function} to {self.bits:.2f} bits ({_kind(self.proven)})"
        if self.leaving:
            where = ", ".join(map(str, self.leaving))
            said += f", but values of stage {where} leave the interval of the next"
        if self.safe_radius < 1.0 + 1e-6:
            said += "; nothing is proven beyond the interval"
        if self.rival is None:
            return said + "; none of our choices is at least as precise for less."
        r = self.rival
        return (
            f"{said}; dominated by {r.call}: {r.bits:.2f} bits with {r.levels} levels and "
            f"{r.multiplications} multiplications instead of {self.levels['published']} and "
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
    a = approximation
    proven = a.certificate is not None
    error = a.error_bound if proven else a.error_estimate
    rules = ("published", "standalone")
    counts = {rule: a.counts(rule) for rule in rules}  # type: ignore[arg-type]
    return Audit(
        source=a.provenance.command,
        function=a.function,
        domain=tuple((float(low), float(high)) for low, high in a.domain),
        structure=a.structure,
        degrees=a.degrees,
        error=error,
        proven=proven,
        bits=a.bits,
        stages=images(a),
        levels={rule: counts[rule].depth for rule in rules},
        multiplications={rule: counts[rule].multiplications for rule in rules},
        framework_levels=_framework_levels(a),
        safe_radius=safe_radius(a),
        rival=_rival(a, error),
    )


def images(approximation: Approximation) -> tuple[StageImage, ...]:
    """Enclosures of the values of every stage, from the whole interval on."""
    components = approximation.components
    if not components:
        return ()
    found = []
    with working_precision(200 + 8 * max(c.degree for c in components)):
        low, high = (ball(end) for end in components[0].domain)
        if approximation.function not in TWO_ARGUMENTS:
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
                    index + 1, component.degree, float(low.lower()), float(high.upper()),
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


def _rival(approximation: Approximation, error: float) -> Rival | None:
    """The choice of ours with the fewest levels, then multiplications, that dominates."""
    ours = approximation.counts()
    best: Rival | None = None
    for call, made in _candidates(approximation, error):
        counts = made.counts()
        better = counts.depth < ours.depth or counts.multiplications < ours.multiplications
        no_worse = counts.depth <= ours.depth and counts.multiplications <= ours.multiplications
        precise = made.certificate is not None and made.error_bound <= error
        if not (better and no_worse and precise):
            continue
        found = Rival(call, made.bits, counts.depth, counts.multiplications)
        if best is None or (found.levels + found.multiplications, -found.bits) < (
            best.levels + best.multiplications, -best.bits,
        ):  # fmt: skip
            best = found
    return best


def _candidates(approximation: Approximation, error: float) -> list[tuple[str, Approximation]]:
    a = approximation
    if not (math.isfinite(error) and error > 0):
        return []
    function, parts = a.function, a.domain
    low, high = (float(end) for end in a.interval)
    found = []
    for objective in OBJECTIVES:
        try:
            made = _of(function, error, (low, high), parts, objective)
        except (PolyApproxError, ArithmeticError, ValueError):
            continue
        if made is not None:
            found.append(made)
    return found


def _of(
    function: str, error: float, interval: tuple[float, float], parts: tuple, objective: str
) -> tuple[str, Approximation] | None:
    from .recipes.absolute import absolute, maximum, minimum, relu
    from .recipes.minimax import minimax
    from .recipes.sign import sign, step

    size = max(abs(interval[0]), abs(interval[1]))
    where = "" if interval == (-1.0, 1.0) else f", interval=({interval[0]:g}, {interval[1]:g})"
    how = "" if objective == "balanced" else f', objective="{objective}"'
    plain = {"relu": relu, "abs": absolute, "maximum": maximum, "minimum": minimum}
    bits = -math.log2(error / size)
    if function in plain:
        made = plain[function](
            precision=error / size,
            interval=interval,
            objective=objective,  # type: ignore[arg-type]
        )
        return f"pa.{function}(precision=2**-{bits:.3f}{where}{how})", made
    if function in ("sign", "step"):
        gap = min(min(abs(float(a)), abs(float(b))) for a, b in parts)
        if gap <= 0 or any(a < 0 < b for a, b in parts):
            return None
        threshold, bits = gap / size, -math.log2(error)
        recipe = sign if function == "sign" else step
        made = recipe(
            precision=error,
            interval=(-size, size),
            threshold=threshold,
            objective=objective,  # type: ignore[arg-type]
        )
        return f"pa.{function}(precision=2**-{bits:.3f}, threshold={threshold:.6g}{how})", made
    if objective != "balanced":
        return None
    made = minimax(function, tolerance=error, domain=[(float(a), float(b)) for a, b in parts])
    return f"pa.minimax({function!r}, tolerance={error:.3g}{where})", made

