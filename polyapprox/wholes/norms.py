# SPDX-License-Identifier: Apache-2.0
"""LayerNorm and RMSNorm: one inverse root, and what it does to the vector.

LayerNorm works with z = α (n x − Σ x), n times the centred vector: whole factors use no level, and α
is done by the layer before. Σ z² is then the variance times what the plan of 1/√v scales its input
by, so that costs no level either, and the result is √n/α' · z times it: the factor on z waits for
nothing. It is there a level before Σ z² is, and so the product by it is done inside the plan of 1/√v, at no
level, where that plan is a polynomial with a degree below a power of two: the norm takes one level beside it.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from flint import arb

from ..approximation import Approximation
from ..errors import ArgumentError, NotConvergedError, ProofError
from ..given import positive, shown, whole
from ..numbers import ball, dyadic, exact, rounded
from ..outward import float_up
from ..plan.iteration import unscaled
from ..plan.times import times_plan
from ..precision import one_at_a_time, working_precision
from ..provenance import Provenance, call
from ..recipes.approximate import approximate, cost_for
from ..recipes.arguments import Ends, read_interval
from ..recipes.minimax import minimax
from .vector_plan import VectorBuilder, VectorPlan
from .whole import Whole

_BITS = 160  # of the constants of the plan
_ROUNDING = arb((1, -120))  # relative: what their rounding may do to the result
_LONGEST = 1 << 15  # whole factors up to it are free
_GUARD = 2.0**-20


@one_at_a_time
def layer_norm(
    n: int,
    *,
    variance: Ends,
    precision: float,
    eps: float = 0.0,
    objective: str = "levels",
) -> Whole:
    """(x − mean) / √(variance + eps) of vectors of n numbers, with a bound of every entry's error.

    Parameters
    ----------
    n : int
        Length of the vectors, from 2 to 2^15.
    variance : (float, float)
        Within which the variance of a vector, plus `eps`, lies: 0 < low < high.
    precision : float
        Largest error of an entry of the result (whose entries are at most √(n − 1)).
    eps : float
        Added to the variance.
    objective : {"levels", "multiplications", "balanced"}
        What is least in the inverse root.

    Returns
    -------
    Whole
        γ and β are a product with constants, done by the layer that follows.

    Raises
    ------
    ArgumentError, ProofError

    Examples
    --------
    >>> norm = layer_norm(64, variance=(0.25, 4), precision=1e-2)
    >>> norm.levels, norm.rotations, norm.error_bound <= 1e-2
    (5, 12, True)
    """
    return _norm("layer_norm", n, variance, precision, eps, objective, centred=True)


@one_at_a_time
def rms_norm(
    n: int,
    *,
    mean_square: Ends,
    precision: float,
    eps: float = 0.0,
    objective: str = "levels",
) -> Whole:
    """x / √(mean of x² + eps) of vectors of n numbers; parameters as for :func:`layer_norm`.

    Parameters
    ----------
    n : int
        Length of the vectors, from 2 to 2^15.
    mean_square : (float, float)
        Within which the mean of the squares, plus `eps`, lies: 0 < low < high.
    precision : float
        Largest error of an entry of the result (whose entries are at most √n).
    eps : float
        Added to the mean of the squares.
    objective : {"levels", "multiplications", "balanced"}
        What is least in the inverse root.

    Examples
    --------
    >>> norm = rms_norm(64, mean_square=(0.25, 4), precision=1e-2)
    >>> norm.levels, norm.rotations, norm.error_bound <= 1e-2
    (5, 6, True)
    """
    return _norm("rms_norm", n, mean_square, precision, eps, objective, centred=False)


def _norm(
    name: str, n: Any, box: Any, precision: Any, eps: Any, objective: str, centred: bool
) -> Whole:
    n = whole("n", n, 2, _LONGEST)
    said = "variance" if centred else "mean_square"
    low, high = read_interval(box, said)
    wanted, added = positive("precision", precision), positive("eps", eps, zero=True)
    if low <= 0:
        raise ArgumentError(f"{said} must lie between two positive numbers; got {shown(box)}")
    if added > low:
        raise ArgumentError(f"eps={added!r} is part of {said}, whose least value is {low!r}")
    with working_precision(_BITS):
        largest = ball(n - centred).sqrt()
        share = float((wanted / largest - _ROUNDING).lower())
        root, plan = _cheapest((low, high), min(share, 0.5), objective, n, added, centred)
        bound = largest * (ball(exact(root.error_bound)) + _ROUNDING)
        error = float_up(exact(bound.upper()))
    command = call(
        name, n, **{said: (low, high)}, precision=wanted, eps=added, objective=objective,
        leave_out={"eps": 0.0, "objective": "levels"},
    )  # fmt: skip
    entries = "√(n − 1)" if centred else "√n"
    return Whole(
        name, n, {said: (low, high), "eps": added}, plan, error, {"inverse root": root},
        f"the entries of the exact result are at most {entries}, and each is multiplied by 1 + e, e "
        "the relative error of the inverse root",
        Provenance.of(command),
    )  # fmt: skip


def _cheapest(
    ends: tuple[float, float], error: float, objective: str, n: int, eps: float, centred: bool
) -> tuple[Approximation, VectorPlan]:
    """An inverse root and the whole plan, the product by the vector inside the root's plan or behind it.

    A polynomial is tried too where that takes fewer levels: inside a circuit no level is saved.
    """
    given = {"interval": ends, "relative": True, "guard": _GUARD}
    roots = [approximate("1/sqrt(x)", precision=error, objective=objective, **given)]  # type: ignore[arg-type]
    if objective == "levels" and roots[0].structure != "polynomial":
        with suppress(NotConvergedError, ProofError):
            roots.append(minimax("1/sqrt(x)", tolerance=error, **given))  # type: ignore[arg-type]
    ways = [(root, _plan(root, n, eps, centred, inside)) for root in roots for inside in (False, True)]
    return min(ways, key=lambda way: _cost(way[1], objective))


def _cost(plan: VectorPlan, objective: str) -> tuple[int, int]:
    found = plan.counts()
    return cost_for(objective, found.multiplications, found.levels)


def _plan(root: Approximation, n: int, eps: float, centred: bool, inside: bool) -> VectorPlan:
    """The operations, the product by the vector inside the root's plan or behind it; current precision."""
    inverse, scaling = unscaled(root.plan)
    factor = n**3 if centred else n  # Σ z² is α² times this times the mean square
    alpha = rounded(exact((ball(scaling) / factor).sqrt().mid()), _BITS)
    builder = VectorBuilder(n)
    value = builder.scale(0, alpha)
    if centred:
        total = builder.record("sum", value)
        many = builder.scale(value, dyadic(n, 0))
        value = builder.record("subtract", many, total)
    square = builder.record("sum", builder.record("multiply", value, value))
    if eps:
        more = ball(exact(eps)) * ball(scaling)
        square = builder.record("shift", square, constant=rounded(exact(more.mid()), _BITS))
    back = rounded(exact((1 / (ball(alpha) * (n if centred else 1))).mid()), _BITS)  # z back to the centred vector
    if inside:
        builder.record("apply", square, value, plan=times_plan(inverse, (1, 0), back))
    else:
        found = builder.record("apply", square, plan=inverse)
        builder.record("multiply", builder.scale(value, back), found)
    return builder.finish()
