# SPDX-License-Identifier: Apache-2.0
"""|x| and its disguises by circuits: the fewest multiplications of all."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import mpmath

from ..approximation import Approximation
from ..cache import remembered
from ..circuits.approximation import unproven
from ..circuits.library import (
    FILES,
    Shipped,
    shipped_circuits,
    shipped_for,
    sparse_circuits,
    usual_interval,
)
from ..circuits.plan import FUNCTIONS, circuit_plan
from ..circuits.shape import Circuit
from ..errors import ArgumentError
from ..expression import parse
from ..functions.kin import inputs_of
from ..given import is_word, shown, whole
from ..numbers import exact
from ..outward import lower_places
from ..plan.count import count
from ..precision import one_at_a_time
from ..proof.covered import widened
from ..proof.error_function import largest_sample
from ..proof.prove import certified
from ..provenance import Provenance, call
from ..targets import as_target, check_domain
from ..words import counted
from .absolute import AbsoluteWish
from .arguments import Parts, either, read_flag, read_parts
from .circuit_polynomials import best_polynomial
from .from_library import certified_by_library, shipped_sign, sign_of_library, with_guard
from .guard import DEFAULT_GUARD, read_guard
from .searched import searched
from .served import served, weight_of
from .wish import MOST


def fewest(wish: AbsoluteWish) -> int | None:
    """The fewest multiplications of a shipped circuit that meets the wish (None: none does).

    A forecast from the bounds proven on [-1, 1]; each approximation is proven for its interval.
    """
    if not wish.offset:
        return None
    for m, one in shipped_circuits().items():
        if one.bound / 2 <= wish.unit_error:
            return m
    return None


def from_circuit(wish: AbsoluteWish) -> Approximation:
    """The circuit with the fewest multiplications whose proven error is within the tolerance.

    Raises
    ------
    ArgumentError
        If no shipped circuit is as precise, or r(0) = 0 is wanted.
    """
    if not wish.offset:
        raise ArgumentError(
            "structure='circuit' has r(0) ≠ 0; use offset=True or structure='composite'"
        )
    least = fewest(wish)
    for m, one in shipped_circuits().items():
        if least is not None and m >= least:
            result = of_constants(wish, one.circuit, one.estimate, one)
            if wish.meets(result):
                return result
    best = list(shipped_circuits().values())[-1]
    raise ArgumentError(
        f"structure='circuit' reaches a precision of 2^-{lower_places(best.bits, 2)} with "
        f"{counted(best.circuit.multiplications, 'multiplication')}; ask for less, or use "
        "structure='composite'"
    )


def of_constants(
    wish: AbsoluteWish,
    circuit: Circuit,
    unit_estimate: float,
    shipped: Shipped | None = None,
    command: str | None = None,
) -> Approximation:
    """A circuit for |x| on [-1, 1], scaled to what is wished for, with a proven error.

    Parameters
    ----------
    wish : AbsoluteWish
    circuit : Circuit
    unit_estimate : float
        Largest sampled error of |x| on [-1, 1].
    shipped : Shipped, optional
        The circuit in the library, whose proof is then taken.
    command : str, optional
        What made the circuit, if that is not what the wish says.

    Raises
    ------
    ProofError
        If no bound is found.
    """
    width = wish.reach
    plan = circuit_plan(circuit, wish.function, width)
    result = wish.approximation("circuit", (), plan, unit_estimate / 2 * width * wish.share)
    if command is not None:
        result = replace(result, provenance=Provenance.of(command))
    return certified(result) if shipped is None else certified_by_library(result, shipped, width)


def read_multiplications(multiplications: Any) -> int:
    """A whole number within the shipped circuits."""
    known = shipped_circuits()
    if isinstance(multiplications, bool) or multiplications not in known:
        raise ArgumentError(
            f"multiplications must be a whole number from {min(known)} to {max(known)}; "
            f"got {multiplications!r}"
        )
    return int(multiplications)


def within_constants(function: str, multiplications: int, constants: Any) -> Shipped:
    """The most precise shipped circuit with at most so many products with constants."""
    dense = shipped_circuits()[multiplications]
    if constants is None:
        return dense
    constants = whole("constants", constants, 0, MOST)
    thin = [one for one in sparse_circuits() if one.circuit.multiplications == multiplications]
    counts = {
        id(one): count(circuit_plan(one.circuit, function, 1.0)).constant_products
        for one in (dense, *thin)
    }
    within = [one for one in (dense, *thin) if counts[id(one)] <= constants]
    if not within:
        raise ArgumentError(
            f"constants={constants} is too few: a shipped circuit of {multiplications} "
            f"multiplications has {counted(min(counts.values()), 'product')} with constants or more"
        )
    return max(within, key=lambda one: one.bits)


@one_at_a_time
@remembered
def circuit(
    function: str,
    *,
    multiplications: int | None = None,
    levels: int | None = None,
    depth: int | None = None,
    constants: int | None = None,
    interval: Parts | None = None,
    domain: Parts | None = None,
    prove: bool = False,
    search: bool = False,
    starts: int = 32,
    seed: int = 0,
    guard: float = DEFAULT_GUARD,
    relative: bool = False,
    weight: str | None = None,
) -> Approximation:
    """The most precise circuit of so many multiplications, proven.

    Parameters
    ----------
    function : str
        "relu", "abs", "maximum", "minimum", "sign", or an expression in x such as "gelu",
        "1/sqrt(x)" or "exp".
    multiplications : int, optional
        Ciphertext-ciphertext multiplications, at most; as many levels where the scaling of the
        input is done by the layer before (rule "published"), one more where it stands alone.
    levels : int, optional
        Most levels (rule "published"). Alone, they are the number of multiplications too.
    depth : the same
        The former word for `levels`.
    constants : int, optional
        Most products with constants (rule "published"), for the absolute value and its kin:
        circuits most of whose constants are zero are faster and less precise.
    interval : (float, float) or list of them, optional
        By default [-1, 1] for the absolute value and its kin, [-8, 8] for activations, [-8, 0] for
        exp, [0.01, 1] for 1/x and 1/√x. The sign is approximated on [low, high] and [-high, -low].
        On disjoint ascending intervals the circuit is that of their hull (of the sign: of the
        smallest and the largest \\|x\\|), its error proven on the intervals alone.
    domain : the same
        The former word for `interval`.
    prove : bool
        Prove the bound now, instead of taking the proof that was made for the shipped circuit
        (whose constants are compared with a hash).
    search : bool
        Search for a circuit where none is shipped: seconds for 4 multiplications, minutes for 7,
        on one core (``polyapprox circuits search`` does the same, on record and on several cores).
    starts, seed : int
        Of that search; the same seed finds the same circuit.
    guard : float
        Inputs may leave the interval by so much of its larger end: the circuits for the absolute
        value, its kin and the sign are scaled to that, all are proven for it.
    relative : bool
        The error is relative, weighted by 1/abs(f): of a smooth function.
    weight : str, optional
        Expression of another positive weight, of a smooth function.

    Returns
    -------
    Approximation
        Of structure "circuit": its plan is all there is. (Of structure "polynomial", with
        Paterson and Stockmeyer's plan, where that is more precise.)

    Raises
    ------
    ArgumentError
        If there is no such circuit, or fewer levels are allowed than it has.
    ProofError
        If no bound is found.

    Notes
    -----
    n_i = (n_{i−1} + Σ a_ij n_j)(n_{i−1} + Σ b_ij n_j) with all constants free, fitted to the
    function: see :mod:`polyapprox.circuits`. For |x|, no polynomial computed with so few
    multiplications does much better: see :func:`polyapprox.limits`. Circuits for |x| and the sign
    are shipped for [-1, 1] and scaled; their bound is scaled with them (:mod:`polyapprox.circuits.scaled`).
    Those of other functions serve every shorter interval too, and 1/x and 1/√x every scaled one
    (:mod:`polyapprox.recipes.served`).

    Examples
    --------
    >>> r = circuit("relu", multiplications=5, interval=(-8, 8))
    >>> r.multiplications, r.levels, r.bits > 7.8
    (5, 5, True)
    >>> thin = circuit("relu", multiplications=7, constants=8)
    >>> thin.counts().constant_products <= 8, thin.bits > 9
    (True, True)
    >>> r = circuit("gelu", multiplications=5, interval=(-8, 8))
    >>> r.multiplications, r.error_bound < 2**-13
    (5, True)
    >>> circuit("gelu", multiplications=5, interval=(-7, 6.5)).error_bound < 2**-13
    True
    """
    levels = either("levels", levels, "depth", depth, None)
    m, over = _multiplications(multiplications, levels), read_guard(guard)
    interval = either("interval", interval, "domain", domain, None)
    parts = () if interval is None else read_parts(interval)
    if len(parts) > 1:
        return _on_parts(
            function, parts, read_guard(guard), multiplications=m, levels=levels,
            constants=constants, prove=prove, search=search, starts=starts, seed=seed,
            relative=relative, weight=weight,
        )  # fmt: skip
    proving, searching = read_flag("prove", prove), read_flag("search", search)
    relative = read_flag("relative", relative)
    if is_word(function, (*FUNCTIONS, "sign")) and (relative or weight is not None):
        raise ArgumentError(
            f"circuits for {function!r} are for the absolute error: leave out relative and weight"
        )
    if is_word(function, FUNCTIONS):
        ((low, high),) = parts or ((-1.0, 1.0),)
        one = within_constants(function, read_multiplications(m), constants)
        command = _command(
            function, m, levels, (low, high), constants=constants, prove=proving, guard=float(over)
        )
        wish = AbsoluteWish(function, multiplications=m, interval=(low, high), guard=guard)
        result = of_constants(wish, one.circuit, one.estimate, one, command)
        return certified(replace(result, certificate=None)) if proving else result
    if constants is not None:
        raise ArgumentError(
            f"constants={shown(constants)} is a limit for 'relu', 'abs', 'maximum' and 'minimum'; leave "
            f"it out for {function!r}"
        )
    name = library_name(function)
    if interval is None:
        interval = usual_interval(name)
        if interval is None:
            raise ArgumentError(f"no circuit is shipped for {function!r}; give an interval too")
    ((low, high),) = read_parts(interval)
    weighted = weight_of(name, weight, relative, (low, high))
    command = _command(
        function, m, levels, (low, high), prove=proving, guard=float(over), relative=relative,
        weight=weight,
    )  # fmt: skip
    if name == "sign":
        found = shipped_sign(m, low, high)
        if found is not None:
            return sign_of_library(found, high, low / high, command, proving, over)
        if not 0 < low < high:
            raise ArgumentError(
                f"the sign needs an interval (low, high) with 0 < low < high; got {shown(interval)}"
            )
    else:
        fitting = [
            o for o in shipped_for(name)
            if o.problem.interval == (low, high) and o.problem.weight == weighted
        ]
        found = max((o for o in fitting if o.multiplications <= m), key=_order, default=None)
        if found is not None:
            result = unproven(found.circuit, found.problem, found.estimate, command)
            result = with_guard(result, over)
            result = certified(result) if proving else certified_by_library(result, found, 1.0)
            other = None if weighted != "1" else best_polynomial(name, m, found, command, over)
            if other is None or other.levels > (levels or other.levels):
                return result
            return min(result, other, key=lambda one: one.error_bound)
        near = None if searching else served(name, m, (low, high), weighted, over, command)
        if near is not None:
            return near
    if not searching:
        raise ArgumentError(_not_shipped(name, m, low, high))
    command = _command(
        function, m, levels, (low, high), prove=proving, search=True, starts=starts, seed=seed,
        guard=float(over), relative=relative, weight=weight,
    )  # fmt: skip
    return searched(
        name, m, (low, high), starts=starts, seed=seed, command=command, guard=over, weight=weighted
    )


def _on_parts(
    function: str, parts: tuple[tuple[float, float], ...], guard: mpmath.mpf, **options: Any
) -> Approximation:
    """The circuit for the hull of intervals, proven on each of them."""
    ends = [end for part in parts for end in part]
    hull = min(ends), max(ends)
    if is_word(function, FUNCTIONS) and inputs_of(function) == 2:
        raise ArgumentError(
            f"{function!r} takes one interval, for both arguments; got {shown(list(parts))}"
        )
    if is_word(function, ("sign",)):
        hull = min(map(abs, ends)), max(map(abs, ends))
        if any(low <= 0 <= high for low, high in parts):
            raise ArgumentError(f"the sign jumps at 0, inside {shown(list(parts))}; leave 0 out")
    else:
        check_domain(as_target(library_name(function)), (hull,))
    made = circuit(function, interval=hull, guard=float(guard), **options)
    domain = tuple((exact(low), exact(high)) for low, high in parts)
    weight = None if made.weight == "1" else as_target(made.weight)
    covered = widened(domain, guard, as_target(made.function), weight)
    given = {name: value for name, value in options.items() if name not in ("multiplications", "levels")}
    command = _command(
        function, options["multiplications"], options["levels"], parts, **given, guard=float(guard)
    )
    result = replace(
        made, domain=domain, covered=covered, certificate=None, provenance=Provenance.of(command)
    )
    return certified(replace(result, error_estimate=largest_sample(result)))


def _order(shipped: Shipped) -> float:
    return -shipped.bound


def library_name(function: str) -> str:
    """The name under which the library holds a function; the text itself if it holds none."""
    if not isinstance(function, str):
        raise ArgumentError(f"function must be a name or an expression in x; got {shown(function)}")
    if function in FILES:
        return function
    tree = parse(function)
    return next((name for name in FILES if parse(name) == tree), function.strip())


def _multiplications(multiplications: Any, levels: Any) -> Any:
    if multiplications is None and levels is None:
        raise ArgumentError("give multiplications, or levels")
    if multiplications is not None:
        multiplications = whole("multiplications", multiplications, 1, MOST)
    if levels is not None:
        levels = whole("levels", levels, 1, MOST)
    if multiplications is None:
        return levels
    if levels is not None and levels < multiplications:
        raise ArgumentError(
            f"levels={levels} is too small: a circuit of {counted(multiplications, 'multiplication')} is one "
            f"chain and has {counted(multiplications, 'level')}; give multiplications={levels} or "
            f"levels={multiplications}"
        )
    return multiplications


def _command(
    function: str, m: int, levels: int | None, interval: Any, **others: Any
) -> str:
    left_out = {
        "levels": None, "constants": None, "prove": False, "search": False, "starts": 32, "seed": 0,
        "guard": DEFAULT_GUARD, "relative": False, "weight": None,
    }  # fmt: skip
    limits: dict[str, Any] = {"multiplications": m, "levels": levels}
    return call("circuit", function, **limits, interval=interval, **others, leave_out=left_out)


def _not_shipped(name: str, m: int, low: float, high: float) -> str:
    known = [
        (one.problem.interval, one.multiplications) for one in shipped_for(name)
    ]
    here = [k for interval, k in known if interval == (low, high)]
    if here:
        which = f"shipped there: multiplications from {min(here)} to {max(here)}"
    elif known:
        which = "shipped: " + ", ".join(
            f"[{a:g}, {b:g}]" for a, b in dict.fromkeys(interval for interval, _ in known)
        )
    else:
        which = "none is shipped for this function"
    return (
        f"no circuit of {counted(m, 'multiplication')} is shipped for {name!r} on [{low:g}, {high:g}] "
        f"({which}); use one of those, or search=True (seconds for 4 multiplications, minutes "
        "for 7)"
    )
