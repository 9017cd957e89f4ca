# SPDX-License-Identifier: Apache-2.0
"""Constants of a chain that computes a given polynomial: least squares in double precision.

The polynomial is compared with the chain at as many Chebyshev points as it has coefficients, so
agreement there is agreement everywhere. A chain has more constants than conditions: steps of
Levenberg and Marquardt of least norm lead to one of its many solutions, and constants are then
set to zero, one after the other, as long as the rest can make up for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .chain import Chain, Side

Array = np.ndarray
_CLOSE = 1e-12  # of the largest value of the polynomial
_START_SPREADS = (0.03, 0.2)  # in turn
_FIRST, _NEXT = 80, 30  # iterations
_SHARES = (0.65, 1.0)  # of the way from coefficients of equal size, in turn
_WIDEST = 1e9  # damping, relative to the largest value
_PATIENCE, _STALLED = 12, 0.7  # iterations, and what is left of the squared residual


@dataclass(frozen=True)
class Fit:
    """Constants (approximate), which of them are free, and how well conditioned they are.

    `amplification` is the sum over all values of a chain of |value · derivative of the result|,
    largest over the points, over the largest value of the polynomial: by how much an error of
    each operation, relative to the size of its result, shows in the result.
    """

    constants: Array
    free: Array
    largest: float
    amplification: float


def points(chain: Chain) -> Array:
    """Chebyshev points of y, positive ones for an odd polynomial, shape (conditions,)."""
    count = chain.conditions
    parts = 2 if chain.family == "general" else 4
    return np.cos((2 * np.arange(count) + 1) * np.pi / (parts * count))


class Evaluation:
    """Values of a chain at points, and the derivatives of its result."""

    def __init__(self, chain: Chain, constants: Array, y: Array) -> None:
        self.chain, self.constants = chain, constants
        self.values = [y]
        if chain.family == "times":
            self.values.append(constants[0] * y)
        self.place = int(chain.family == "times")
        self.tape: list[tuple[Array, int, Array, int]] = []
        for (left, right), centred in zip(chain.sides[:-1], chain.centred, strict=True):
            first, at_first = self._sum(left)
            second, at_second = self._sum(right)
            self.tape.append((first, at_first, second, at_second))
            self.values.append(2 * first * second - centred)
        self.result, self.at_output = self._sum(chain.sides[-1][0])

    def _sum(self, side: Side) -> tuple[Array, int]:
        start = self.place
        total = self.values[side.lead]
        if side.factor:
            total = self.constants[start] * total
        for place, index in enumerate(side.scaled, start + side.factor):
            total = total + self.constants[place] * self.values[index]
        self.place += side.parameters
        if side.constant:
            total = total + self.constants[self.place - 1]
        return total, start

    def derivatives(self) -> tuple[Array, list[Array]]:
        """By the constants, shape (points, constants), and by each value."""
        chain, count = self.chain, len(self.values[0])
        jacobian = np.zeros((count, chain.parameters))
        adjoint = [np.zeros(count) for _ in self.values]

        def back(side: Side, start: int, weight: Array) -> None:
            factor = self.constants[start] if side.factor else 1.0
            adjoint[side.lead] = adjoint[side.lead] + weight * factor
            if side.factor:
                jacobian[:, start] = weight * self.values[side.lead]
            for place, index in enumerate(side.scaled, start + side.factor):
                jacobian[:, place] = weight * self.values[index]
                adjoint[index] = adjoint[index] + weight * self.constants[place]
            if side.constant:
                jacobian[:, start + side.parameters - 1] = weight

        back(chain.sides[-1][0], self.at_output, np.ones(count))
        for number in range(len(self.tape) - 1, -1, -1):
            first, at_first, second, at_second = self.tape[number]
            weight = 2 * adjoint[chain.bases + number]
            left, right = chain.sides[number]
            back(left, at_first, weight * second)
            back(right, at_second, weight * first)
        if chain.family == "times":
            jacobian[:, 0] = adjoint[1] * self.values[0]
        return jacobian, adjoint


def fit_chain(chain: Chain, coefficients: Array, seed: int) -> Fit | None:
    """Constants with which the chain is a Chebyshev series (None: not found).

    The way leads over series whose high coefficients are as large as the others: where the last
    coefficients are small the constants are far from those of a start at random.

    Parameters
    ----------
    chain : Chain
    coefficients : array, shape (degree + 1,)
        Chebyshev coefficients, low to high.
    seed : int
        Of the random start.
    """
    if abs(coefficients[-1]) < np.finfo(float).tiny * np.abs(coefficients).max():
        return None  # it may be too small for a double, or too small to be raised to the others
    random = np.random.default_rng(seed)
    found = random.normal(0.0, _START_SPREADS[seed // 2 % 2], chain.parameters)
    free = np.ones(chain.parameters, dtype=bool)
    place = factor_index(chain)
    found[place] = 1.0
    weight = (np.arange(len(coefficients)) / chain.degree) ** (1 + seed % 2)
    raised = float(np.log(np.abs(coefficients).max()) - np.log(abs(coefficients[-1])))
    raised *= _SHARES[seed // 4 % 2]
    step, smallest = raised / 4, raised / 24
    at, first = raised, True
    while True:
        series = coefficients * np.exp(at * weight)
        leading = series[-1] * 2.0 ** (chain.degree - 1 - chain.leading_power)
        if first:
            found[place] = leading
        start = np.array(rescale(chain, found.tolist(), float(leading / found[place])))
        values = np.polynomial.chebyshev.chebval(points(chain), series)
        solved = _solve(chain, values, start, free, _FIRST if first else _NEXT)
        if solved is None:
            if first or step <= smallest:
                return None
            at, step = at + step / 2, step / 2
            continue
        if at == 0.0:
            return _judged(chain, values, solved, free)
        found, first = solved, False
        at = max(0.0, at - step)


def thin_fit(chain: Chain, wanted: Array, fit: Fit, worse: float = 2.0) -> Fit:
    """Set constants to zero that are not needed: products first, the smallest first.

    Neither the largest constant nor the amplification grows to more than `worse` times what it
    was (but constants may always grow to 4).
    """
    kept = fit
    never, scaled = factor_index(chain), scaling(chain)
    for group in (scaled, ~scaled):
        tried = {never}
        while int(kept.free.sum()) > chain.conditions:
            order = np.argsort(np.abs(kept.constants)).tolist()
            index = next((i for i in order if kept.free[i] and group[i] and i not in tried), None)
            if index is None:
                break
            tried.add(index)
            fewer = kept.free.copy()
            fewer[index] = False
            found = _solve(chain, wanted, kept.constants, fewer, 40)
            if found is None:
                continue
            less = _judged(chain, wanted, found, fewer)
            if less.amplification <= worse * fit.amplification and less.largest <= max(
                4.0, worse * fit.largest
            ):
                kept = less
    return kept


def _judged(chain: Chain, wanted: Array, constants: Array, free: Array) -> Fit:
    evaluation = Evaluation(chain, constants, points(chain))
    _, adjoint = evaluation.derivatives()
    noise = sum(np.abs(a * v) for a, v in zip(adjoint, evaluation.values, strict=True))
    size = np.abs(wanted).max()
    return Fit(constants, free, float(np.abs(constants).max()), float(np.max(noise) / size))


def _solve(
    chain: Chain, wanted: Array, start: Array, free: Array, iterations: int
) -> Array | None:
    y, size = points(chain), np.abs(wanted).max()
    constants = np.where(free, start, 0.0)
    with np.errstate(all="ignore"):
        evaluation = Evaluation(chain, constants, y)
        rest = wanted - evaluation.result
        damping, norm = size, float(rest @ rest)
        norms = [norm]
        for _ in range(iterations):
            if np.abs(rest).max() <= _CLOSE * size:
                return constants
            jacobian = evaluation.derivatives()[0] * free
            normal = jacobian @ jacobian.T
            while damping < _WIDEST * size:
                shifted = normal + damping * np.eye(len(normal))
                try:
                    tried = constants + jacobian.T @ np.linalg.solve(shifted, rest)
                except np.linalg.LinAlgError:
                    return None
                evaluation = Evaluation(chain, tried, y)
                left = wanted - evaluation.result
                norm = float(left @ left)
                if np.isfinite(left).all() and norm < norms[-1]:
                    break
                damping *= 8
            else:
                return None
            constants, rest, damping = tried, left, max(damping / 6, 1e-18)
            norms.append(norm)
            if len(norms) > _PATIENCE and norm > _STALLED * norms[-_PATIENCE]:
                return None
    return None


def scaling(chain: Chain) -> Array:
    """Which constants multiply a value and may be zero, shape (parameters,)."""
    flags: list[bool] = [False] if chain.family == "times" else []
    for side in (side for both in chain.sides for side in both):
        flags += [False] * side.factor + [True] * len(side.scaled) + [False] * side.constant
    return np.array(flags, dtype=bool)


def factor_index(chain: Chain) -> int:
    """Index of the factor c among the constants."""
    if chain.family == "times":
        return 0
    place = 0
    for side in (side for both in chain.sides for side in both):
        if side.factor:
            break
        place += side.parameters
    return place


def rescale(chain: Chain, constants: Sequence[float], factor: float) -> list[float]:
    """The constants of `factor` times the polynomial."""
    powers = factor_powers(chain)
    return [c * factor**power for c, power in zip(constants, powers, strict=True)]


def factor_powers(chain: Chain) -> list[int]:
    """By which power of f each constant is multiplied when the polynomial is multiplied by f."""
    if chain.family == "times":
        return [1] + [0] * (chain.parameters - 1)
    powers: list[int] = []
    for side in (side for both in chain.sides for side in both):
        whole = side.factor or (side.lead >= 0 and chain.proportional[side.lead])
        powers += [1] * side.factor
        powers += [int(whole) - int(chain.proportional[index]) for index in side.scaled]
        powers += [int(whole)] * side.constant
    return powers
