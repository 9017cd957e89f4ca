# SPDX-License-Identifier: Apache-2.0
"""`polyapprox.approximate`: one door for every function, the cheapest of all structures behind it."""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import mpmath

from ..approximation import Approximation
from ..circuits.library import FILES, shipped_circuits
from ..errors import ArgumentError, NotConvergedError, PolyApproxError, ProofError
from ..given import is_word, whole
from ..numbers import exact
from ..plan.count import count
from ..plan.plan import Plan
from ..precision import one_at_a_time
from ..proof.covered import widened
from ..proof.prove import certified
from ..provenance import Provenance, call
from ..scaling import unit_of
from ..targets import Target, as_target, check_domain
from ..words import counted
from . import nearer
from .arguments import Ends, Interval, read_choice, read_flag, read_interval, read_tolerance
from .circuits import library_name
from .guard import DEFAULT_GUARD, read_guard
from .iterations import ENOUGH, inner_weight, needed, reached, root_of, squared, squarings, stepped
from .minimax import cost_of, degree_for, level_at, minimax
from .reciprocal import FUNCTION, MOST_LEVELS, WEIGHT, closed_form, estimate_of
from .served import fitting, on_interval, weight_of
from .weights import read_weight

KIN = ("relu", "abs")
OBJECTIVES = ("balanced", "levels", "multiplications")
FINEST = 2.0**-64  # nothing more precise is looked for where only costs are limited
MOST = 10**6
_HIGHEST = 1500  # degree of a polynomial tried where only costs are limited
_ABOVE = 1.001  # a sampled error that much above the wanted one may still be proven below it
_SAFE = 0.98  # of the error wanted: what comes before squarings
_AIM, _ROUNDS = 2.0**-10, 4  # the first error tried for squarings within limits, and how often it is mended
_WIDE = 2.0**11  # ratio of the ends of 1/x from which on a narrower range is looked for
_BEYOND = 8  # higher degrees looked at, which may cost less or the same


@dataclass(frozen=True)
class Way:
    """One way, before it is made.

    Attributes
    ----------
    structure : str
        "polynomial", "circuit", "closed form", "Newton's step", "squarings".
    multiplications, levels, constants : int
        Rule "published"; forecasts.
    error : float
        Forecast.
    make : callable
        The approximation, proven.
    """

    structure: str
    multiplications: int
    levels: int
    constants: int
    error: float
    make: Callable[[], Approximation]


def cost_for(objective: str, multiplications: int, levels: int) -> tuple[int, int]:
    """What the objective makes least; a level weighs as two multiplications where it is "balanced"."""
    if objective == "levels":
        return levels, multiplications
    return (multiplications, levels) if objective == "multiplications" else (2 * levels + multiplications, 0)


@dataclass(frozen=True)
class Task:
    """What is to be approximated, read and checked."""

    target: Target
    interval: Interval
    weight: Target | None
    relative: bool
    objective: str
    guard: mpmath.mpf
    most_multiplications: int
    most_levels: int
    command: str

    @property
    def weighted(self) -> str:
        """Expression of the weight."""
        return "1" if self.weight is None else self.weight.name

    def key(self, way: Way) -> tuple[float, ...]:
        """What the objective makes least."""
        return *self.cost(way), way.error, way.constants

    def cost(self, way: Way) -> tuple[int, int]:
        """The same without what is given for nothing: of equal cost the more precise is taken."""
        return cost_for(self.objective, way.multiplications, way.levels)

    def allows(self, way: Way) -> bool:
        """Whether the way is within the limits."""
        return way.multiplications <= self.most_multiplications and way.levels <= self.most_levels

    def less(self, multiplications: int, levels: int) -> Task:
        """The same within what is left beside so many of each."""
        return replace(
            self, most_multiplications=self.most_multiplications - multiplications,
            most_levels=self.most_levels - levels,
        )  # fmt: skip


@one_at_a_time
def approximate(
    function: str | Callable[[Any], Any] | Target,
    *,
    interval: Ends,
    precision: float | None = None,
    tolerance: float | None = None,
    multiplications: int | None = None,
    levels: int | None = None,
    relative: bool = False,
    weight: str | Callable[[Any], Any] | Target | None = None,
    objective: Literal["balanced", "levels", "multiplications"] = "balanced",
    guard: float = DEFAULT_GUARD,
) -> Approximation:
    """The cheapest approximation to a precision, or the most precise one at a cost, of all structures.

    Parameters
    ----------
    function : str or callable
        A name, an expression in x, or a Python function, as for :func:`polyapprox.minimax`.
    interval : (float, float)
        Where the input lies.
    precision, tolerance : float, optional
        The error wanted: precision in the unit of bits (of the interval scaled to [-1, 1] for
        functions that scale with it), tolerance absolute (or weighted).
    multiplications, levels : int, optional
        At most so many (rule "published"). Without a precision, the most precise approximation
        within them is made, as far as 2^-64.
    relative : bool
        The error is relative.
    weight : str or callable, optional
        Another positive weight of the error.
    objective : {"balanced", "levels", "multiplications"}
        What is least at a precision; "balanced" weighs a level as two multiplications. Of equal
        costs the more precise is taken: asking for less never costs more.
    guard : float
        Inputs may leave the interval by so much of its larger end.

    Returns
    -------
    Approximation
        Proven (of a black box: estimated).

    Raises
    ------
    ArgumentError, DomainError, ExpressionError, NotConvergedError, ProofError

    Notes
    -----
    Tried are: the minimax polynomial; the circuits that are shipped, on shorter and scaled intervals
    too; 1/x in closed form (:func:`polyapprox.reciprocal`), and by 1/y on a narrower range
    (:mod:`polyapprox.recipes.nearer`); a step of Newton's iteration behind any of
    these for 1/x and 1/√x; squarings behind any of these for exp. ReLU and the absolute value are
    made by :func:`polyapprox.relu` and :func:`polyapprox.abs`.

    Examples
    --------
    >>> r = approximate("gelu", interval=(-7, 7), precision=2**-12)
    >>> r.structure, r.multiplications, r.error_bound <= 2**-12
    ('circuit', 5, True)
    >>> r = approximate("log(1 + x)", interval=(0, 3), levels=3)
    >>> r.structure, r.levels, r.degrees
    ('polynomial', 3, (7,))
    """
    aim = read_choice("objective", objective, OBJECTIVES)
    m = MOST if multiplications is None else whole("multiplications", multiplications, 1, MOST)
    n = MOST if levels is None else whole("levels", levels, 1, MOST)
    limited = multiplications is not None or levels is not None
    if precision is None and tolerance is None and not limited:
        raise ArgumentError("give precision, tolerance, multiplications or levels")
    ends, over = read_interval(interval), read_guard(guard)
    relative = read_flag("relative", relative)
    given = {
        "interval": ends, "precision": precision, "tolerance": tolerance,
        "multiplications": multiplications, "levels": levels, "relative": relative, "weight": weight,
        "objective": aim, "guard": float(over),
    }  # fmt: skip
    left_out = {
        "precision": None, "tolerance": None, "multiplications": None, "levels": None,
        "relative": False, "weight": None, "objective": "balanced", "guard": DEFAULT_GUARD,
    }  # fmt: skip
    if is_word(function, KIN) and not relative and weight is None and ends[0] < 0 < ends[1]:
        return _kin(str(function), given)
    target = as_target(function)
    check_domain(target, [ends])
    weighting = read_weight(target, weight, relative, (ends,))
    command = call("approximate", function, **given, leave_out=left_out)
    task = Task(target, ends, weighting, relative, aim, over, m, n, command)
    wanted = None
    if precision is not None or tolerance is not None:
        wanted = read_tolerance(precision, tolerance, unit_of(target.name, [ends], task.weighted))
    result = _cheapest(task, wanted) if wanted is not None else _most_precise(task)
    return replace(result, provenance=Provenance.of(command))


def _kin(function: str, given: dict[str, Any]) -> Approximation:
    """ReLU and the absolute value, by their own recipes."""
    from . import absolute, circuits

    limits = {key: given[key] for key in ("multiplications", "levels")}
    if given["precision"] is None and given["tolerance"] is None:
        most = min(v for v in limits.values() if v is not None)
        largest = max(shipped_circuits())
        return circuits.circuit(
            function, multiplications=min(most, largest), interval=given["interval"],
            guard=given["guard"],
        )  # fmt: skip
    recipe = absolute.relu if function == "relu" else absolute.absolute
    return recipe(
        precision=given["precision"], tolerance=given["tolerance"], interval=given["interval"],
        objective=given["objective"], guard=given["guard"], **limits,
    )  # fmt: skip


def _cheapest(task: Task, wanted: float) -> Approximation:
    """The way with the least key whose proven error is small enough."""
    ways = list(_ways(task, wanted))
    waiting = sorted((way for way in ways if task.allows(way)), key=task.key)
    while waiting:
        way = waiting.pop(0)
        try:
            made = way.make()
        except (ProofError, NotConvergedError):
            continue
        real = _way(way.structure, made.plan, _error(made), _already(made))
        if real.error <= wanted and task.allows(real):
            if not waiting or task.key(real) <= task.key(waiting[0]):
                return made
            insort(waiting, real, key=task.key)  # it costs more than forecast
    raise ArgumentError(_refused(task, wanted, ways))


def _most_precise(task: Task) -> Approximation:
    """The way with the least error within the limits."""
    ways = [way for way in _ways(task, None) if task.allows(way)]
    best: Approximation | None = None
    for way in sorted(ways, key=lambda one: one.error):
        if best is not None and way.error > _error(best):
            break
        try:
            made = way.make()
        except (ProofError, NotConvergedError):
            continue
        if _within(task, made) and (best is None or _error(made) < _error(best)):
            best = made
    if best is None:
        raise ArgumentError(
            f"no way is known to approximate {task.target.name!r} on [{task.interval[0]:g}, "
            f"{task.interval[1]:g}] within these limits: allow more multiplications and levels"
        )
    return best


def _already(made: Approximation) -> Callable[[], Approximation]:
    return lambda: made


def _error(made: Approximation) -> float:
    return made.error_bound if made.certificate is not None else made.error_estimate


def _within(task: Task, made: Approximation) -> bool:
    return made.multiplications <= task.most_multiplications and made.levels <= task.most_levels


def _refused(task: Task, wanted: float, ways: list[Way]) -> str:
    what = f"{task.target.name!r} on [{task.interval[0]:g}, {task.interval[1]:g}] to {wanted:.3g}"
    if not ways:
        return f"no way is known to approximate {what}: ask for less, or shorten the interval"
    best = min(ways, key=task.key)
    return (
        f"no way is known to approximate {what} within these limits; the nearest possible is a "
        f"{best.structure} of {counted(best.multiplications, 'multiplication')} and {counted(best.levels, 'level')}"
    )


def _ways(task: Task, wanted: float | None, deeper: int = 2, wide: bool = True) -> Iterator[Way]:
    """All ways; those for a precision are good enough by their forecast."""
    if wide:
        yield from _nearer(task, wanted)
    yield from _circuits(task, wanted)
    yield from _closed_forms(task, wanted)
    yield from _polynomials(task, wanted)
    if deeper:
        yield from _steps(task, wanted, deeper - 1)
        yield from _squarings(task, wanted)


def _way(structure: str, plan: Plan, error: float, make: Callable[[], Approximation]) -> Way:
    found = count(plan)
    return Way(structure, found.multiplications, found.levels, found.constant_products, error, make)


def _circuits(task: Task, wanted: float | None) -> Iterator[Way]:
    if task.target.tree is None:
        return
    name = library_name(task.target.name)
    if name not in FILES or name == "sign":
        return
    try:
        weighted = weight_of(name, None if task.relative else _text(task), task.relative, task.interval)
    except PolyApproxError:
        return
    for one in fitting(name, task.interval, weighted, task.guard):
        if wanted is None or one.estimate <= wanted * _ABOVE:
            where = task.interval, weighted, task.guard, task.command
            yield _way("circuit", one.plan, one.estimate, partial(on_interval, one, *where))


def _text(task: Task) -> str | None:
    return None if task.weight is None else task.weight.name


def _closed_forms(task: Task, wanted: float | None) -> Iterator[Way]:
    """1/x, for the relative error, and for the absolute one too."""
    target, (low, high) = task.target, task.interval
    if target.tree is None or target.tree != as_target(FUNCTION).tree or low <= 0:
        return
    if task.weight is not None and task.weighted != WEIGHT:
        return
    covered = widened([(exact(low), exact(high))], task.guard, target)[0]
    share = 1.0 if task.relative else float(covered[0])
    for steps in range(2, min(MOST_LEVELS, task.most_levels) + 1):
        error = estimate_of(covered, steps)[0] / share
        if 2 * (steps - 1) > task.most_multiplications:
            return
        if wanted is None or error <= wanted:
            made = closed_form(task.interval, steps, task.guard, task.command, task.relative)
            yield _way("closed form", made.plan, error, partial(certified, made))
        if error <= (FINEST if wanted is None else wanted):
            return


def _polynomials(task: Task, wanted: float | None) -> Iterator[Way]:

    def make(degree: int | None, wanted: float | None = None) -> Approximation:
        return minimax(
            task.target, degree, tolerance=wanted, interval=task.interval, guard=float(task.guard),
            relative=task.relative, weight=None if task.relative else task.weight,
        )  # fmt: skip

    try:
        if wanted is None:
            for degree in _affordable(task):
                yield _polynomial(task, degree, _level(task, degree), partial(make, degree))
            return
        else:
            if _out_of_reach(task, wanted):
                return
            where = task.interval, task.weight, task.guard
            least = max(1, degree_for(task.target, wanted, *where))
            error = min(_level(task, least), wanted)
            yield _polynomial(task, least, error, partial(make, None, wanted))
    except NotConvergedError:
        return
    for degree in _higher_degrees(task, least):
        yield _polynomial(task, degree, min(_level(task, degree), wanted), partial(make, degree))


def _out_of_reach(task: Task, wanted: float) -> bool:
    """Whether a polynomial of the highest degree that the levels allow misses by far."""
    if task.most_levels > 10:
        return False
    return _level(task, 1 << task.most_levels) > 1.5 * wanted


def _level(task: Task, degree: int) -> float:
    try:
        return level_at(task.target, degree, task.interval, task.weight, task.guard, FINEST)
    except PolyApproxError:
        return math.inf


def _polynomial(
    task: Task, degree: int, error: float, make: Callable[[], Approximation] | None = None,
    adapted: bool = True,
) -> Way:
    multiplications, levels = cost_of(task.target, degree, task.interval, task.weight, adapted)
    return Way("polynomial", multiplications, levels, degree // 2, error, make or _never)


def _higher_degrees(task: Task, degree: int) -> list[int]:
    """The highest degree of each cost from this degree on, as far as one more is likely to cost more."""
    highest: dict[tuple[int, int, bool], int] = {}
    for tried in range(degree, degree + _BEYOND + 1):
        for adapted in (True, False):
            way = _polynomial(task, tried, 0.0, adapted=adapted)
            highest[way.multiplications, way.levels, adapted] = tried
    return sorted(set(highest.values()) - {degree})


def _never() -> Approximation:
    raise NotConvergedError("a plan without a polynomial")


def _affordable(task: Task) -> list[int]:
    """The highest degrees within the limits, or the lowest that reaches 2^-64 where that is less.

    Down to the highest one that is surely within them: adapted coefficients may be refused.
    """
    high = min(_HIGHEST, 1 << min(task.most_levels, 11), 1 << min(task.most_multiplications, 11))
    while high and not task.allows(_polynomial(task, high, 0.0)):
        high -= 1
    if high < 1:
        return []
    low, tried = 0, 1
    while tried < high and _level(task, tried) > FINEST:
        low, tried = tried, 2 * tried
    while tried < high and tried - low > 1:
        middle = (low + tried) // 2
        low, tried = (middle, tried) if _level(task, middle) > FINEST else (low, middle)
    degrees = [min(tried, high)]
    while not task.allows(_polynomial(task, degrees[-1], 0.0, adapted=False)) and degrees[-1] > 1:
        degrees.append(degrees[-1] - 1)
    return degrees


def _steps(task: Task, wanted: float | None, deeper: int) -> Iterator[Way]:
    """Newton's step behind anything else."""
    root = root_of(task.target, task.relative)
    if root is None or task.interval[0] <= 0:
        return
    more = {1: 2, 2: 3}[root]
    before = None if wanted is None else needed(root, wanted)
    for first in _ways(task.less(more, 2), before, deeper):
        if first.structure == "closed form" or not task.less(more, 2).allows(first):
            continue

        def make(first: Way = first) -> Approximation:
            made, _ = stepped(first.make(), root)
            return certified(made)

        yield Way(
            "Newton's step", first.multiplications + more, first.levels + 2, first.constants + 2,
            reached(root, min(first.error, 0.99)), make,
        )  # fmt: skip


def _nearer(task: Task, wanted: float | None) -> Iterator[Way]:
    """1/x on a wide range by 1/y on a narrower one."""
    low, high = task.interval
    if root_of(task.target, task.relative) != 1 or not 0 < low * _WIDE < high <= low * nearer.WIDEST:
        return
    more = nearer.MULTIPLICATIONS, nearer.LEVELS
    inner = replace(task.less(*more), interval=nearer.range_of(task.interval))
    for first in _circuits(inner, wanted):

        def make(first: Way = first) -> Approximation:
            return certified(nearer.nearer(first.make(), task.interval))

        yield Way(
            "circuit", first.multiplications + more[0], first.levels + more[1], first.constants + 6, first.error, make
        )


def _squarings(task: Task, wanted: float | None) -> Iterator[Way]:
    """exp by squarings of exp(x/2^k)."""
    if task.weight is not None and not task.relative:
        return
    for k in squarings(task.target, *task.interval):
        if task.most_levels <= k or task.most_multiplications <= k:
            return
        n = 1 << k
        if task.relative:
            before = None if wanted is None else math.expm1(math.log1p(wanted) / n) * _SAFE
            yield from _squared(task, k, before, None)
        elif wanted is not None:
            yield from _squared(task, k, ENOUGH, wanted)
        else:
            aim = _AIM
            for _ in range(_ROUNDS):
                found = list(_squared(task, k, None, aim))
                aim = max(found[0].error, FINEST) if found else aim
            yield from found


def _squared(task: Task, k: int, before: float | None, aim: float | None) -> Iterator[Way]:
    """With k squarings, `aim` being the absolute error for which the weight is made."""
    inner = replace(
        task.less(k, k), target=as_target(f"exp(x/{1 << k})"), relative=False,
        weight=as_target(inner_weight(k, aim)),
    )  # fmt: skip

    def behind(error: float) -> float:
        return math.expm1(2**k * math.log1p(min(error, 1.0))) if aim is None else aim * error / ENOUGH

    for first in _polynomials(inner, before):

        def make(first: Way = first) -> Approximation:
            return certified(squared(first.make(), k, task.target.name, task.weighted))

        if inner.allows(first):
            yield Way(
                "squarings", first.multiplications + k, first.levels + k, first.constants,
                behind(first.error), make,
            )  # fmt: skip
