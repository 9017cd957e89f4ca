# SPDX-License-Identifier: Apache-2.0
"""The automatic choice among one polynomial, composites and circuits."""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import islice

from ..approximation import Approximation
from ..composite.relu_search import pareto_relu
from ..errors import ArgumentError, ProofError
from ..words import counted
from .absolute import AbsoluteWish
from .circuits import circuit, from_circuit
from .composites import PROOF_SHARE, choose, composite
from .direct import direct, linear
from .limits import too_few
from .options import (
    Option,
    circuit_options,
    composite_option,
    direct_option,
    floor_of_composites,
    floor_of_general,
    general_option,
    thin_options,
)
from .wish import Objective

# A product with a constant in products of ciphertexts: measured, see docs/costs.md.
CONSTANT_WEIGHT = 0.01
CIRCUITS_TIMED = 4  # for the latency: a multiplication more may save many constants
LARGEST_ERROR = 0.24  # of a composite
Key = tuple[float, ...]
_WORDS = {"direct": "single polynomial", "composite": "composite", "circuit": "circuit"}


def make(wish: AbsoluteWish) -> Approximation:
    """What a wish for |x| or its kin asks for."""
    low, high = wish.ends
    if wish.by_limits:
        return _most_precise(wish)
    if wish.degrees is not None:
        return composite(wish)
    if wish.inputs == 1 and (low >= 0 or high <= 0):
        return linear(wish)
    plain = {"composite": composite, "direct": direct, "circuit": from_circuit}
    free = wish.objective != "latency" and wish.multiplications is wish.levels is None
    return plain.get(wish.structure, cheapest)(wish) if free else cheapest(wish)


def _most_precise(wish: AbsoluteWish) -> Approximation:
    """The most precise circuit within the limits."""
    most, levels = wish.multiplications, wish.levels
    if levels is not None:
        levels -= wish.inputs == 2  # the difference is scaled
    least = min(limit for limit in (most, levels) if limit is not None)
    return circuit(
        wish.function, multiplications=least, interval=wish.interval, guard=wish.guard
    )


def cheapest(wish: AbsoluteWish) -> Approximation:
    """The cheapest approximation by the wish's objective, within its limits.

    Raises
    ------
    ArgumentError
        If the limits allow none; the message says what is impossible and what is possible.
    ProofError
        If nothing found could be proven.
    """
    why = _impossible(wish)
    if why is not None:
        raise ArgumentError(why)
    waiting = ranked(wish)
    while waiting:
        option = waiting.pop(0)
        if option.made is not None:
            return option.made
        made = _made(wish, option)
        if made is not None and _allowed(wish, made):
            insort(waiting, made, key=partial(cost_key, wish))  # it may cost more than forecast
    if wish.levels is None and wish.multiplications is None:
        if wish.structure == "circuit":
            return from_circuit(wish)  # says what the circuits reach
        return composite(wish)
    raise ArgumentError(_too_dear(wish))


def _made(wish: AbsoluteWish, option: Option) -> Option | None:
    """The option with its approximation, if that is proven to be precise enough."""
    try:
        result = option.make()
    except ProofError:
        return None
    return option.with_result(result) if wish.meets(result) else None


def ranked(wish: AbsoluteWish) -> list[Option]:
    """The options worth a try within the limits, cheapest first."""
    options = [option for option in _options(wish) if _allowed(wish, option)]
    return sorted(options, key=lambda option: cost_key(wish, option))


def cost_key(wish: AbsoluteWish, option: Option) -> Key:
    """Sort key under the objective."""
    if wish.objective == "latency" and wish.latency is not None:
        seconds = wish.latency.forecast(option.plan(), rule="published")
        return seconds, option.levels, option.multiplications
    return _key(wish.objective, option.multiplications, option.levels, option.constants)


def _key(objective: str, multiplications: int, levels: int, constants: float) -> Key:
    if objective == "levels":
        return levels, multiplications, constants
    if objective == "multiplications":
        return multiplications, levels, constants
    return 2 * levels + multiplications + CONSTANT_WEIGHT * constants, levels, multiplications


def _allowed(wish: AbsoluteWish, option: Option) -> bool:
    m, n = wish.multiplications, wish.levels
    return (m is None or option.multiplications <= m) and (n is None or option.levels <= n)


def _options(wish: AbsoluteWish) -> Iterator[Option]:
    free = wish.structure == "auto"
    timed = wish.objective == "latency"
    known: list[Option] = []
    if free or wish.structure == "circuit":
        most = CIRCUITS_TIMED if timed else 2  # the second, if a proof misses
        known += islice(circuit_options(wish), most)
        if timed:
            known += thin_options(wish)
    if free or wish.structure == "direct":
        floor = floor_of_general(wish)
        found = [direct_option(wish)]
        if floor is not None and _may_win(wish, known, floor):
            found.append(general_option(wish))
        known += [option for option in found if option is not None]
    yield from known
    if free or wish.structure == "composite":
        yield from _composites(wish, [o for o in known if _allowed(wish, o)])


def _may_win(wish: AbsoluteWish, known: list[Option], floor: tuple[int, int]) -> bool:
    """Whether something of at least these multiplications and levels can beat what is known."""
    if wish.objective == "latency" or not known:
        return True
    least = min(cost_key(wish, option) for option in known)
    return _key(wish.objective, *floor, 0) < least


def _composites(wish: AbsoluteWish, known: list[Option]) -> Iterator[Option]:
    error = min(LARGEST_ERROR, wish.unit_error * PROOF_SHARE)
    limited = wish.multiplications is not None or wish.levels is not None
    if wish.objective == "latency" or limited:
        for choice in pareto_relu(
            error, offset=wish.offset, refine=wish.refine is not False, guard=wish.guard
        ):
            yield composite_option(wish, choice)
    elif _may_win(wish, known, floor_of_composites(error)):
        best = min(known, key=lambda option: cost_key(wish, option), default=None)
        limit = None
        if best is not None:
            constants = wish.objective == "balanced" and CONSTANT_WEIGHT * best.constants
            levels = best.levels - wish.scaling_levels
            limit = best.multiplications + math.ceil(constants), levels
        found = choose(wish, limit=limit)
        if found is not None:
            yield composite_option(wish, found)


def _impossible(wish: AbsoluteWish) -> str | None:
    """What is proven to be impossible, and what is possible."""
    low, high = wish.ends
    symmetric = wish.half_width if wish.inputs == 2 else min(-low, high)
    if symmetric <= 0:  # what is impossible there is impossible on the whole interval
        return None
    error = wish.unit_error * wish.reach / symmetric
    for name, limit in wish.limits.items():
        why = None if limit is None else too_few(limit, error, name)
        if why is not None:
            return f"{why}; {_nearest(wish)}"
    return None


def _too_dear(wish: AbsoluteWish) -> str:
    given = " and ".join(
        f"{name}={limit}" for name, limit in wish.limits.items() if limit is not None
    )
    what = "approximation" if wish.structure == "auto" else _WORDS[wish.structure]
    return f"no {what} known reaches this precision with {given}; {_nearest(wish)}"


def _nearest(wish: AbsoluteWish) -> str:
    """The cheapest that is known, in words."""
    objective: Objective = "multiplications" if wish.multiplications else "levels"
    free = replace(wish, objective=objective, multiplications=None, levels=None)
    options = ranked(free)
    if not options:
        return "ask for less precision"
    best = options[0]
    return (
        f"the nearest possible is a {_WORDS[best.structure]} of {counted(best.multiplications, 'multiplication')} and "
        f"{counted(best.levels, 'level')}; give at least that, or ask for less precision"
    )
