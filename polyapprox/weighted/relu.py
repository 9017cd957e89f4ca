# SPDX-License-Identifier: Apache-2.0
"""ReLU by a circuit with the least error where the inputs are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import mpmath
from numpy.typing import ArrayLike

from ..approximation import Approximation
from ..cache import cached
from ..circuits.chain import Chain
from ..circuits.library import Shipped
from ..circuits.search.finish import largest_error
from ..circuits.search.graded import graded_grid
from ..circuits.search.thin import thinned
from ..circuits.shape import Circuit, canonical
from ..errors import ArgumentError, ProofError
from ..given import as_float, shown, whole
from ..precision import one_at_a_time
from ..provenance import Provenance, call, remarked, unless
from ..recipes.absolute import AbsoluteWish
from ..recipes.arguments import Ends, read_interval
from ..recipes.circuits import circuit, of_constants, within_constants
from ..recipes.guard import DEFAULT_GUARD, read_guard
from .density import Density, Histogram, read_density
from .fit import Wanted, weighted_fit

MOST = 15  # multiplications
CAP, LARGEST_CAP = 8.0, 1e4
_DENSITY = 2  # of the grid
_STEPS = 150
_LIMITS = (1.0, 0.8, 0.6)  # of the cap: where the wall stands; it is leant against
_LARGEST_CONSTANT = 16.0
_MOST_BINS = 256  # of a histogram that the command holds
_SAME = 1.001  # what other constants may add to the weighted error, by rounding


@dataclass(frozen=True)
class _Task:
    """A circuit to be fitted to a distribution."""

    start: Shipped
    wanted: Wanted
    cap: float
    command: str
    wish: AbsoluteWish
    constants: int | None


@one_at_a_time
def weighted_relu(
    *,
    multiplications: int,
    histogram: Histogram | None = None,
    samples: ArrayLike | None = None,
    interval: Ends = (-1.0, 1.0),
    cap: float = CAP,
    guard: float = DEFAULT_GUARD,
    constants: int | None = None,
) -> Approximation:
    """ReLU with the least mean square error on a distribution of inputs, and a proven bound.

    The inputs of a layer crowd near 0, far inside the interval that must hold all of them. A
    minimax approximation has the same error at its ends as there. This one starts from the minimax
    circuit of as many multiplications and gives accuracy at the ends away for accuracy where the
    inputs are, at the same cost.

    Parameters
    ----------
    multiplications : int
        Ciphertext-ciphertext multiplications and levels (rule "published"), 1 to 15.
    histogram : (edges, counts), optional
        Of the inputs, in their own units: n + 1 ascending edges, n counts or shares. Inputs are
        taken to be spread evenly inside a bin.
    samples : array_like, optional
        The inputs themselves, in place of a histogram.
    interval : (float, float)
        (-B, B). Inputs outside are left out of the fit, and nothing is said about them.
    cap : float
        The proven bound on the interval is at most so many times that of the minimax circuit.
        More freedom at the ends is more accuracy in the middle, but what goes there gets worse.
    guard : float
        Inputs may leave the interval by so much of B: the bound holds there too.
    constants : int, optional
        Most products with constants (rule "published"): a circuit most of whose constants are zero, and
        stay so, is faster and less precise (:func:`polyapprox.circuit`).

    Returns
    -------
    Approximation
        Of structure "circuit". Its bound holds on the whole interval, whatever the distribution;
        its provenance holds the histogram (one of more than 256 bins, and samples, are named by a
        SHA-256) and states the weighted root mean square error, an estimate. It is never above that of the minimax circuit, which is
        returned itself where nothing better is found.

    Raises
    ------
    ArgumentError
        If an argument cannot be used, or no input lies in the interval.

    Notes
    -----
    Minimised is Σ w e² + mean((e/cap)^24), all constants of the chain free (Levenberg and
    Marquardt's steps on orthogonal factors). Milliseconds to 6 multiplications, seconds from 12 on;
    results are cached. Nothing is random.

    Examples
    --------
    >>> import numpy as np
    >>> inputs = np.random.default_rng(0).normal(scale=0.08, size=10_000)
    >>> r = weighted_relu(multiplications=4, samples=inputs)
    >>> r.multiplications, r.levels, r.error_bound < 8 * 2**-6.8
    (4, 4, True)
    >>> from polyapprox.weighted import weighted_error
    >>> import polyapprox
    >>> plain = polyapprox.circuit("relu", multiplications=4)
    >>> weighted_error(r, samples=inputs).rms < 0.9 * weighted_error(plain, samples=inputs).rms
    True
    """
    width = _read_width(interval)
    density = read_density(histogram, samples)
    start, limit = _read_multiplications(multiplications, constants), _read_cap(cap)
    grid = graded_grid(multiplications, _DENSITY)
    shares = density.shares(grid.target, width)
    size = start.estimate
    wanted = Wanted(grid, shares, size, limit * size)
    over = read_guard(guard)
    command = _command(multiplications, density, width, limit, over, constants)
    wish = AbsoluteWish(
        "relu", multiplications=multiplications, interval=(-width, width), guard=guard
    )
    task = _Task(start, wanted, limit, command, wish, constants)
    named = {
        "multiplications": multiplications, "density": density.digest, "width": width, "cap": limit,
        "guard": over, **({} if constants is None else {"constants": constants}),
    }  # fmt: skip
    return cached("weighted_relu", named, lambda: _made(task))


def _made(task: _Task) -> Approximation:
    """The first of the fits that keeps within the cap, else the minimax circuit."""
    width = task.wish.half_width
    plain = circuit(
        "relu", multiplications=task.wish.multiplications, constants=task.constants,
        interval=task.wish.interval, guard=task.wish.guard,
    )  # fmt: skip
    before = task.wanted.rms(task.start.circuit.chain())
    for fitted in _fits(task):
        found = _neat(fitted, task.wanted, task.constants is not None)
        if found is None:
            continue
        after = task.wanted.rms(found.chain())
        if not after < before:
            continue
        command = remarked(task.command, _stated(after * width / 2))
        try:
            error = largest_error(found.chain())
            result = of_constants(task.wish, found, error, command=command)
        except ProofError:
            continue
        if result.error_bound <= task.cap * plain.error_bound:
            return result
    return replace(plain, provenance=Provenance.of(remarked(task.command, _stated(before * width / 2))))


def _fits(task: _Task) -> Iterator[Chain]:
    start = task.start.circuit.chain()
    for share in _LIMITS:
        wanted = replace(task.wanted, limit=task.wanted.limit * share)
        yield weighted_fit(start, wanted, _STEPS, thin=task.constants is not None)


def _neat(chain: Chain, wanted: Wanted, thin_already: bool) -> Circuit | None:
    """Canonical, with zeros for redundant constants where that keeps them moderate."""
    try:
        dense = canonical(chain, "even")
        if thin_already:
            return dense
        thin = thinned(dense)
    except ArgumentError:
        return None
    allowed = _SAME * wanted.rms(chain)
    good = thin.largest_constant <= _LARGEST_CONSTANT and wanted.rms(thin.chain()) <= allowed
    return thin if good else dense


def _stated(rms: float) -> str:
    return f"weighted rms error {rms:.4g} (estimate)"


def _command(
    m: int, density: Density, width: float, cap: float, guard: mpmath.mpf, constants: int | None
) -> str:
    """The call with its histogram; without it where that is too long to be written down."""
    given: dict[str, Any] = {"interval": (-width, width), "cap": cap}
    if constants is not None:
        given["constants"] = constants
    if guard != DEFAULT_GUARD:
        given["guard"] = float(guard)
    if len(density.counts) <= _MOST_BINS:
        histogram = density.edges.tolist(), density.counts.tolist()
        return call("weighted_relu", multiplications=m, histogram=histogram, **given)
    text = call("weighted_relu", multiplications=m, **given)
    text = text.replace("(", "(histogram=histogram, ", 1)
    digest = f"{density.digest[:16]}…"
    return unless(text, f"it needs the histogram whose SHA-256 is {digest}")


def _read_width(interval: Any) -> float:
    low, high = read_interval(interval)
    if low != -high:
        raise ArgumentError(f"interval must be symmetric, (-B, B); got {shown(interval)}")
    return high


def _read_multiplications(multiplications: Any, constants: Any) -> Shipped:
    return within_constants("relu", whole("multiplications", multiplications, 1, MOST), constants)


def _read_cap(cap: Any) -> float:
    number = as_float(cap)
    if number is None or not 1 <= number <= LARGEST_CAP:
        raise ArgumentError(
            f"cap must be a number from 1 to {LARGEST_CAP:g}, such as {CAP:g}; got {shown(cap)}"
        )
    return number
