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
from ..structures import TWO_ARGUMENTS
from .circuits import from_circuit
from .composites import PROOF_SHARE, choose, composite
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
from .request import Objective, Request

# A product with a constant in products of ciphertexts: measured, see docs/costs.md.
CONSTANT_WEIGHT = 0.01
CIRCUITS_TIMED = 4  # for the latency: a multiplication more may save many constants
LARGEST_ERROR = 0.24  # of a composite
Key = tuple[float, ...]
_WORDS = {"direct": "single polynomial", "composite": "composite", "circuit": "circuit"}


def cheapest(request: Request) -> Approximation:
    """The cheapest approximation by the request's objective, within its limits.

    Raises
    ------
    ArgumentError
        If the limits allow none; the message says what is impossible and what is possible.
    ProofError
        If nothing found could be proven.
    """
    why = _impossible(request)
    if why is not None:
        raise ArgumentError(why)
    waiting = ranked(request)
    while waiting:
        option = waiting.pop(0)
        if option.made is not None:
            return option.made
        made = _made(request, option)
        if made is not None and _allowed(request, made):
            insort(waiting, made, key=partial(cost_key, request))  # it may cost more than forecast
    if request.most_levels is None and request.most_multiplications is None:
        if request.structure == "circuit":
            return from_circuit(request)  # says what the circuits reach
        return composite(request)
    raise ArgumentError(_too_dear(request))


def _made(request: Request, option: Option) -> Option | None:
    """The option with its approximation, if that is proven to be precise enough."""
    try:
        result = option.make()
    except ProofError:
        return None
    return option.with_result(result) if request.meets(result) else None


def ranked(request: Request) -> list[Option]:
    """The options worth a try within the limits, cheapest first."""
    options = [option for option in _options(request) if _allowed(request, option)]
    return sorted(options, key=lambda option: cost_key(request, option))


def cost_key(request: Request, option: Option) -> Key:
    """Sort key under the objective."""
    if request.objective == "latency" and request.latency is not None:
        seconds = request.latency.forecast(option.plan(), rule="published")
        return seconds, option.levels, option.multiplications
    return _key(request.objective, option.multiplications, option.levels, option.constants)


def _key(objective: str, multiplications: int, levels: int, constants: float) -> Key:
    if objective == "depth":
        return levels, multiplications, constants
    if objective == "multiplications":
        return multiplications, levels, constants
    return 2 * levels + multiplications + CONSTANT_WEIGHT * constants, levels, multiplications


def _allowed(request: Request, option: Option) -> bool:
    m, n = request.most_multiplications, request.most_levels
    return (m is None or option.multiplications <= m) and (n is None or option.levels <= n)


def _options(request: Request) -> Iterator[Option]:
    free = request.structure == "auto"
    timed = request.objective == "latency"
    known: list[Option] = []
    if free or request.structure == "circuit":
        most = CIRCUITS_TIMED if timed else 2  # the second, if a proof misses
        known += islice(circuit_options(request), most)
        if timed:
            known += thin_options(request)
    if free or request.structure == "direct":
        floor = floor_of_general(request)
        found = [direct_option(request)]
        if floor is not None and _may_win(request, known, floor):
            found.append(general_option(request))
        known += [option for option in found if option is not None]
    yield from known
    if free or request.structure == "composite":
        yield from _composites(request, [o for o in known if _allowed(request, o)])


def _may_win(request: Request, known: list[Option], floor: tuple[int, int]) -> bool:
    """Whether something of at least these multiplications and levels can beat what is known."""
    if request.objective == "latency" or not known:
        return True
    least = min(cost_key(request, option) for option in known)
    return _key(request.objective, *floor, 0) < least


def _composites(request: Request, known: list[Option]) -> Iterator[Option]:
    error = min(LARGEST_ERROR, request.unit_error * PROOF_SHARE)
    limited = request.most_multiplications is not None or request.most_levels is not None
    if request.objective == "latency" or limited:
        for choice in pareto_relu(
            error, offset=request.offset, refine=request.refine is not False, guard=request.noise
        ):
            yield composite_option(request, choice)
    elif _may_win(request, known, floor_of_composites(error)):
        best = min(known, key=lambda option: cost_key(request, option), default=None)
        limit = None
        if best is not None:
            constants = request.objective == "balanced" and CONSTANT_WEIGHT * best.constants
            levels = best.levels - request.scaling_levels
            limit = best.multiplications + math.ceil(constants), levels
        found = choose(request, limit=limit)
        if found is not None:
            yield composite_option(request, found)


def _impossible(request: Request) -> str | None:
    """What is proven to be impossible, and what is possible."""
    low, high = request.interval
    symmetric = request.half_width if request.function in TWO_ARGUMENTS else min(-low, high)
    if symmetric <= 0:  # what is impossible there is impossible on the whole interval
        return None
    error = request.unit_error * request.reach / symmetric
    for name in ("multiplications", "levels"):
        limit = getattr(request, f"most_{name}")
        why = None if limit is None else too_few(limit, error, name)
        if why is not None:
            return f"{why}; {_nearest(request)}"
    return None


def _too_dear(request: Request) -> str:
    given = " and ".join(
        f"{name}={limit}"
        for name, limit in (
            ("multiplications", request.most_multiplications), ("levels", request.most_levels),
        )
        if limit is not None
    )  # fmt: skip
    what = "approximation" if request.structure == "auto" else _WORDS[request.structure]
    return f"no {what} known reaches this precision with {given}; {_nearest(request)}"


def _nearest(request: Request) -> str:
    """The cheapest that is known, in words."""
    objective: Objective = "multiplications" if request.most_multiplications else "depth"
    free = replace(request, objective=objective, most_multiplications=None, most_levels=None)
    options = ranked(free)
    if not options:
        return "ask for less precision"
    best = options[0]
    return (
        f"the nearest possible is a {_WORDS[best.structure]} of {best.multiplications} multiplications and "
        f"{best.levels} levels; give at least that, or ask for less precision"
    )
