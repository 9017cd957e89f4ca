# SPDX-License-Identifier: Apache-2.0
"""`polyapprox.minimax`: the best polynomial for any function, proven."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import mpmath

from .. import outward
from ..approximation import Approximation
from ..errors import ArgumentError, NotConvergedError
from ..given import is_whole, is_word, shown
from ..numbers import ZERO, exact
from ..plan.chebyshev import chebyshev_cost
from ..plan.series import series_cost
from ..polynomial import Parity
from ..precision import one_at_a_time
from ..proof.covered import widened
from ..proof.prove import certified
from ..provenance import Provenance, call
from ..remez.problem import Goal
from ..remez.solve import MinimaxPolynomial
from ..scaling import unit_of
from ..targets import Target, as_target, check_domain
from .arguments import Interval, Parts, either, read_degree, read_parts, read_tolerance
from .guard import DEFAULT_GUARD, read_guard
from .plans import cofactor_plan, polynomial_plan
from .reduction import level_of, reduction_of, solve
from .weights import read_weight

_HIGHEST_DEGREE = 2000
_MOST_BITS = 20_000
_STEPS = 8  # degrees tried beyond the one whose levelled error is small enough
_RATIO = 1.001


@one_at_a_time
def minimax(
    function: str | Callable[[Any], Any] | Target,
    degree: int | None = None,
    *,
    precision: float | None = None,
    tolerance: float | None = None,
    interval: Parts | None = None,
    domain: Parts | None = None,
    weight: str | Callable[[Any], Any] | Target | None = None,
    relative: bool = False,
    parity: Parity | None = None,
    bits: int | None = None,
    guard: float = DEFAULT_GUARD,
) -> Approximation:
    """The polynomial with the smallest largest error.

    Parameters
    ----------
    function : str or callable
        A name ("exp", "gelu", …), an expression ("exp(-x)/(1+x**2)"), a function of python-flint
        balls (proven like the rest) or any other function of floats (a black box: the result has
        an estimate and no bound).
    degree : int, optional
        Degree; or give `precision` or `tolerance` and the smallest degree that does it is found.
    precision : float, optional
        Error in the unit of bits: of the domain scaled to [-1, 1] for functions that scale with it
        (the absolute value, ReLU), absolute or weighted for all others.
    tolerance : float, optional
        Absolute (weighted) error.
    interval : (float, float) or list of them, optional
        Where the input lies, [-1, 1] by default; or disjoint ascending intervals.
    domain : the same
        The former word for `interval`.
    weight : str or callable, optional
        Positive weight w of the error w · |f − p|.
    relative : bool
        Weight 1/|f|: the relative error.
    parity : {"even", "odd"}, optional
        Structural parity; found automatically on symmetric domains.
    bits : int, optional
        Bits of the coefficients; by default as many as keep their rounding below the error.
    guard : float
        Inputs may leave the domain by so much of its larger end: it is the best, and proven, on
        the domain so widened (see :func:`polyapprox.proof.covered.widened`). 0: on the domain.

    Returns
    -------
    Approximation

    Raises
    ------
    ArgumentError, DomainError, ExpressionError, NotConvergedError, ProofError

    References
    ----------
    Pachón and Trefethen, BIT 49 (2009), 721, doi:10.1007/s10543-009-0240-1.

    Examples
    --------
    >>> p = minimax("exp", 5)
    >>> f"{p.error_bound:.4g}"
    '4.523e-05'
    """
    target = as_target(function)
    parts = read_parts(either("interval", interval, "domain", domain, (-1, 1)))
    check_domain(target, parts)
    weighting = read_weight(target, weight, relative, parts)
    over = read_guard(guard)
    given = None if relative else weighting
    asked = _Asked(target, parts, given, relative, parity, bits, float(over))
    parity = _parity(target, weighting, parts, parity)
    bits = _bits(bits)
    room = _room(Goal(target, parts, weighting, parity), over)
    if (degree is None) == (precision is None and tolerance is None):
        raise ArgumentError("give either degree, or one of precision and tolerance")
    if degree is not None:
        return _of_degree(room, _degree(degree), bits, asked)
    weighted = "1" if weighting is None else weighting.name
    wanted = read_tolerance(precision, tolerance, unit_of(target.name, parts, weighted))
    degree = _search_degree(room.goal, wanted)
    step = reduction_of(room.goal, 2).degrees[1]
    for _ in range(_STEPS):
        result = _of_degree(room, degree, bits, asked)
        reached = result.certificate.upper if result.certificate else result.error_estimate
        if reached <= wanted:
            return result
        degree += step
    raise NotConvergedError(
        f"{target.name!r} does not reach {wanted:.3g} by degree {degree} with {bits} bits; "
        "allow more bits"
    )


@dataclass(frozen=True)
class _Asked:
    """What a caller gave, for the command that makes it again."""

    target: Target
    domain: tuple[Interval, ...]
    weight: Target | None
    relative: bool
    parity: Any
    bits: int | None
    guard: float

    def command(self, degree: int) -> str:
        """The call for a degree."""
        domain = self.domain[0] if len(self.domain) == 1 else list(self.domain)
        left_out = {
            "interval": (-1.0, 1.0), "weight": None, "relative": False, "parity": None, "bits": None,
            "guard": DEFAULT_GUARD,
        }  # fmt: skip
        return call(
            "minimax", _text(self.target), degree, interval=domain, weight=_text(self.weight),
            relative=self.relative, parity=self.parity, bits=self.bits, guard=self.guard,
            leave_out=left_out,
        )  # fmt: skip


def _text(target: Target | None) -> Any:
    """What a caller gave as a function: its text, or the callable."""
    return target if target is None else target.function if target.tree is None else target.name


@dataclass(frozen=True)
class Room:
    """Where a polynomial is wanted, and on what it is made: both unions of intervals."""

    asked: Goal
    guard: mpmath.mpf
    covered: tuple[tuple[mpmath.mpf, mpmath.mpf], ...]

    @cached_property
    def goal(self) -> Goal:
        """The goal on what is covered, in doubles."""
        parts = tuple((outward.below(low), outward.above(high)) for low, high in self.covered)
        return replace(self.asked, domain=parts)

    @property
    def hull(self) -> Interval:
        """The interval whose Chebyshev polynomials are used."""
        low, high = self.asked.domain[0][0], self.asked.domain[-1][1]
        return (low, high) if self.asked.parity is None else (-high, high)


def _room(goal: Goal, guard: mpmath.mpf) -> Room:
    walls = (0.0,) if goal.parity is not None and goal.domain[0][0] >= 0 else ()
    intervals = [(exact(a), exact(b)) for a, b in goal.domain]
    return Room(goal, guard, widened(intervals, guard, goal.target, goal.weight, walls))


def _degree(degree: Any) -> int:
    value = read_degree(degree)
    if value > _HIGHEST_DEGREE:
        raise ArgumentError(f"degree must be at most {_HIGHEST_DEGREE}; got {shown(value)}")
    return value


def _bits(bits: Any) -> int | None:
    if bits is None:
        return None
    if not is_whole(bits) or not 2 <= bits <= _MOST_BITS:
        raise ArgumentError(
            f"bits must be a whole number between 2 and {_MOST_BITS}; got {shown(bits)}"
        )
    return int(bits)


def _parity(
    target: Target, weight: Target | None, domain: tuple[Interval, ...], wanted: Any
) -> Parity | None:
    """The parity asked for, or the one that function, weight and domain have."""
    if wanted is not None and not is_word(wanted, ("even", "odd")):
        raise ArgumentError(f"parity must be 'even', 'odd' or None; got {shown(wanted)}")
    mirrored = tuple((-b, -a) for a, b in reversed(domain))
    natural: Parity | None = None
    if mirrored == domain:
        right = [(max(a, 0.0), b) for a, b in domain if b > 0]
        if weight is None or weight.parity(right) == "even":
            natural = target.parity(right)
    elif wanted is not None and domain[0][0] < 0:
        raise ArgumentError(
            f"parity={wanted!r} needs a domain that is symmetric about 0 or lies on its positive "
            f"side; got {domain}"
        )
    elif wanted is not None:
        return _checked(wanted)
    if wanted is not None and natural != wanted:
        raise ArgumentError(
            f"parity={wanted!r} does not suit {target.name!r} on {domain}, which is "
            f"{natural or 'neither even nor odd'} there; leave parity out, or take the positive "
            "side only"
        )
    return natural


def _checked(parity: Any) -> Parity:
    return "even" if parity == "even" else "odd"


def _of_degree(room: Room, degree: int, bits: int | None, asked: _Asked) -> Approximation:
    """Solve and prove; solve again in balls if the proof shows a gap."""
    if room.asked.parity == "odd" and degree == 0:
        room = replace(room, asked=replace(room.asked, parity=None))
    for careful in (False, True):
        found = solve(room.goal, degree, bits, careful=careful, hull=room.hull)
        result = polynomial_approximation(found, room, asked.command(degree))
        if (bits is not None and not careful) or _is_best(result, found):
            return result
    raise NotConvergedError(
        f"the polynomial of degree {degree} found for {asked.target.name!r} is not proven the best: "
        f"its error is at most {outward.upper(_upper(result))}, and its alternation shows only "
        f"that at least {outward.lower(_lower(result))} is needed; try another degree"
    )


def _upper(result: Approximation) -> mpmath.mpf:
    return result.certificate.upper if result.certificate else ZERO


def _lower(result: Approximation) -> mpmath.mpf:
    return (result.certificate.lower if result.certificate else None) or ZERO


def _is_best(result: Approximation, found: MinimaxPolynomial) -> bool:
    """Whether the two bounds agree to 0.1%, or the error is but that of rounding."""
    upper, lower = _upper(result), _lower(result)
    if result.certificate is None or upper <= lower * _RATIO:
        return True
    size = max((abs(c) for c in result.components[0].coefficients), default=ZERO)
    return bool(found.level == 0 and upper <= max(size, mpmath.mpf(2) ** -20) * mpmath.mpf(2) ** -100)


def _search_degree(goal: Goal, wanted: float) -> int:
    """The smallest degree whose levelled error is small enough: no lower one can do."""
    target = goal.target
    first, step = reduction_of(goal, 2).degrees

    def good(index: int) -> bool:
        found = level_of(goal, max(first + step * index, 1), wanted)
        if not found.resolved and found.largest > wanted:
            raise NotConvergedError(
                f"the values of {target.name!r} carry rounding errors that hide an error of "
                f"{wanted:.3g}; ask for more than {float(found.largest):.1g}, or give it as an "
                "expression"
            )
        return bool(min(found.level, found.largest) <= wanted)

    high = 0
    while not good(high):
        high = 2 * high or 1
        if first + step * high > _HIGHEST_DEGREE:
            raise NotConvergedError(
                f"{target.name!r} needs a degree above {_HIGHEST_DEGREE} for an error of "
                f"{wanted:.3g}; ask for less, shorten the domain or use a composite"
            )
    low = high // 2 if high > 1 else high - 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if good(middle) else (middle, high)
    return first + step * high


def polynomial_approximation(
    found: MinimaxPolynomial, room: Room, command: str
) -> Approximation:
    """Wrap a solved polynomial, and prove it where the function can be enclosed."""
    target, weight = room.asked.target, room.asked.weight
    intervals = tuple((exact(a), exact(b)) for a, b in room.asked.domain)
    if found.cofactor is None:
        plan = polynomial_plan(found.polynomial)
    else:
        plan = cofactor_plan(found.cofactor)
    result = Approximation(
        function=target.name,
        domain=intervals,
        structure="polynomial",
        components=(found.polynomial,),
        plan=plan,
        offset=ZERO,
        weight="1" if weight is None else weight.name,
        error_estimate=float(found.estimate),
        certificate=None,
        margins=(),
        provenance=Provenance.of(command),
        guard=room.guard,
        covered=room.covered,
    )
    provable = target.provable and (weight is None or weight.provable)
    if not provable:
        return result
    return certified(result, _inside(found.reference, room.goal.domain), target, weight)


def _inside(
    reference: tuple[mpmath.mpf, ...], domain: tuple[Interval, ...]
) -> tuple[mpmath.mpf, ...]:
    return tuple(x for x in reference if any(a <= x <= b for a, b in domain))


def level_at(
    target: Target,
    degree: int,
    interval: Interval,
    weight: Target | None,
    guard: mpmath.mpf,
    wanted: float,
) -> float:
    """About the least error of a polynomial of a degree: a forecast, what :func:`minimax` would reach."""
    return float(level_of(_guarded(target, interval, weight, guard), degree, wanted).level)


def _guarded(
    target: Target, interval: Interval, weight: Target | None, guard: mpmath.mpf
) -> Goal:
    parity = _parity(target, weight, (interval,), None)
    return _room(Goal(target, (interval,), weight, parity), guard).goal


def degree_for(
    target: Target, wanted: float, interval: Interval, weight: Target | None, guard: mpmath.mpf
) -> int:
    """The lowest degree that reaches an error, by its levelled error: a forecast.

    Raises
    ------
    NotConvergedError
        If none is known to.
    """
    return _search_degree(_guarded(target, interval, weight, guard), wanted)


def cost_of(
    target: Target, degree: int, interval: Interval, weight: Target | None, adapted: bool = True
) -> tuple[int, int]:
    """Multiplications and levels of what :func:`minimax` makes of a degree: a forecast.

    The least it may be; without adapted coefficients, which some polynomials refuse, the most.
    """
    parity = _parity(target, weight, (interval,), None)
    reduced = reduction_of(Goal(target, (interval,), weight, parity), degree)
    left, parity = degree - reduced.lost, reduced.goal.parity
    if parity is not None and left % 2 != (parity == "odd"):
        left -= 1
    cost = series_cost if adapted else chebyshev_cost
    if reduced.lost and parity == "even":  # x times an even polynomial is evaluated as the odd one it is
        return cost(left + reduced.lost, "odd")
    multiplications, levels = cost(left, parity) if left > 0 else (0, 0)
    return multiplications + reduced.lost, levels + reduced.lost
