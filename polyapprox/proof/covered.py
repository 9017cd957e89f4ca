# SPDX-License-Identifier: Apache-2.0
"""What an approximation covers: its domain, each end moved outward by the guard.

Values under encryption carry noise, so an input of a domain [-B, B] may arrive a little outside
it, where a polynomial of high degree soon grows. Every approximation is therefore made and proven
for inputs up to B · (1 + guard).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import mpmath

from .. import outward
from ..approximation import Approximation, Interval
from ..errors import DomainError, ProofError
from ..numbers import add, exact, magnitude, multiply, negate
from ..polynomial import Polynomial
from ..targets import Target, check_domain

_AHEAD = 64  # an end moves at most so many times less than the way to where f is not smooth


def widened(
    domain: Sequence[Interval],
    guard: mpmath.mpf,
    target: Target | None = None,
    weight: Target | None = None,
    walls: tuple[float, ...] = (),
) -> tuple[Interval, ...]:
    """What an approximation of a function covers: each end moved outward by guard · B.

    An end is moved by guard · \\|end\\| instead where f has a pole, a kink, a jump or another
    interval of the domain within 64 times the way that guard · B would take it, and not at all
    where that is still too far. New ends are doubles, rounded outward.

    Parameters
    ----------
    domain : sequence of intervals
        Ascending and disjoint.
    guard : mpmath.mpf
    target, weight : Target, optional
        The function and the weight of its error; none: nothing is in the way.
    walls : tuple of float
        More points not to be passed.

    Examples
    --------
    >>> from polyapprox.targets import as_target
    >>> def shown(domain, f):
    ...     (part,) = widened([tuple(map(exact, domain))], exact(2**-10), as_target(f))
    ...     return [float(end) for end in part]
    >>> shown((-1, 1), "exp"), shown((2**-10, 1), "1/x"), shown((0, 1), "sqrt(x)")
    ([-1.0009765625, 1.0009765625], [0.0009756088256835938, 1.0009765625], [0.0, 1.0009765625])
    """
    if not guard:
        return tuple(domain)
    scale = max(magnitude(end) for part in domain for end in part)
    functions = [f for f in (target, weight) if f is not None]
    breaks = [exact(b) for f in functions for b in f.breakpoints] + [exact(w) for w in walls]
    result = []
    for number, (low, high) in enumerate(domain):
        before = domain[number - 1][1] if number else None
        after = domain[number + 1][0] if number + 1 < len(domain) else None
        left = _moved(negate(low), guard, scale, functions, [negate(b) for b in breaks],
                      None if before is None else negate(before), mirrored=True)  # fmt: skip
        right = _moved(high, guard, scale, functions, breaks, after, mirrored=False)
        result.append((negate(left), right))
    return tuple(result)


def _moved(
    end: mpmath.mpf,
    guard: mpmath.mpf,
    scale: mpmath.mpf,
    functions: list[Target],
    breaks: list[mpmath.mpf],
    following: mpmath.mpf | None,
    mirrored: bool,
) -> mpmath.mpf:
    """The upper end of an interval (of its mirror image), moved as far as it may be."""
    for move in _moves(end, guard, scale):
        far = add(end, multiply(move, exact(_AHEAD)))
        if any(end <= b <= far for b in breaks):
            continue
        if following is not None and add(far, far) >= add(end, following):
            continue
        ahead = (float(-far), float(-end)) if mirrored else (float(end), float(far))
        if all(_defined(f, ahead) for f in functions):
            return exact(outward.above(add(end, move)))
    return end


def _moves(end: mpmath.mpf, guard: mpmath.mpf, scale: mpmath.mpf) -> Iterator[mpmath.mpf]:
    yield multiply(guard, scale)
    if end:
        yield multiply(guard, magnitude(end))


def _defined(target: Target, interval: tuple[float, float]) -> bool:
    if not interval[0] < interval[1]:
        return True
    try:
        check_domain(target, [interval])
    except DomainError:
        return False
    return True


def reach(covered: Sequence[Interval]) -> float:
    """Largest \\|x\\| that is covered, as a double not below it."""
    low, high = covered[0][0], covered[-1][1]
    return max(-outward.below(low), outward.above(high))


def walls(approximation: Approximation) -> tuple[float, ...]:
    """Points that ends may not pass: 0, of a polynomial with a parity on one side of it."""
    one_sided = approximation.domain[0][0] >= 0
    parity = any(map(_has_parity, approximation.components))
    return (0.0,) if approximation.structure == "polynomial" and one_sided and parity else ()


def _has_parity(component: Polynomial) -> bool:
    low, high = component.domain
    halves = component.coefficients[0::2], component.coefficients[1::2]
    return low == negate(high) and not all(any(half) for half in halves)


def check_covered(approximation: Approximation, target: Target, weight: Target | None) -> None:
    """What is said to be covered must be the domain, widened by the guard that is stated.

    Raises
    ------
    ProofError
        If it does not.
    """
    a = approximation
    of_two = a.inputs == 2
    wanted = widened(a.domain, a.guard, None if of_two else target, weight, walls(a))
    if wanted != a.covered:
        raise ProofError(
            f"a guard of {float(a.guard):.6g} is stated, but what is covered is not the domain "
            "widened by it"
        )
