"""What a network needs of a scheme: weighted sums, sums, and plans, on many ciphertexts at once.

One ciphertext holds one activation of all images, one image a slot; so a convolution is a sum of
products with numbers, and no slot is ever rotated. :class:`Machine` computes on SEAL's ciphertexts
(as TenSEAL ships them); :class:`LevelCounter` goes through the same steps without any, to find out
how many levels a network uses.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import sparse

from polyapprox.encrypted.backend import BackendError
from polyapprox.encrypted.frameworks.tenseal import TenSEALSession
from polyapprox.encrypted.frameworks.tenseal_seal import take
from polyapprox.plan import Plan, count
from polyapprox.plan.count import input_scaling
from polyapprox.plan.schedule import schedule

Progress = Callable[[int, int, str], None]


@dataclass
class Source:
    """Activations: one ciphertext each (none when levels are counted).

    Attributes
    ----------
    size : int
        Number of activations.
    level : int
        Levels used so far.
    scale : float
        True scale of the ciphertexts.
    factor : float
        What every decrypted value is to be multiplied with.
    """

    size: int
    level: int
    scale: float = 1.0
    factor: float = 1.0
    ciphertexts: list[Any] = field(default_factory=list, repr=False)


Terms = Sequence[tuple[Source, sparse.csr_array]]


@dataclass(frozen=True)
class Stage:
    """One step of a network: what it was, and what it took."""

    name: str
    ciphertexts: int
    products: int
    levels: int
    seconds: float


class LevelCounter:
    """Goes through a network and counts levels."""

    def __init__(self) -> None:
        self.most = 0

    def _reach(self, size: int, level: int, factor: float = 1.0) -> Source:
        self.most = max(self.most, level)
        return Source(size, level, factor=factor)

    def weighted(self, terms: Terms, constants: np.ndarray, name: str) -> Source:
        """Weighted sums and constants: one level."""
        return self._reach(len(constants), 1 + max(source.level for source, _ in terms))

    def sums(self, source: Source, chosen: sparse.csr_array, name: str) -> Source:
        """Sums of activations: no level."""
        return self._reach(chosen.shape[0], source.level, source.factor)

    def plan(self, source: Source, plan: Plan, factor: float, name: str) -> Source:
        """A plan of each activation, the scaling of its input done before."""
        return self._reach(source.size, source.level + count(plan, "published").depth, factor)


class Machine:
    """Computes on ciphertexts.

    Parameters
    ----------
    session : TenSEALSession
    progress : callable, optional
        Called with the number of finished ciphertexts of a step, of all, and the step's name.
    """

    def __init__(self, session: TenSEALSession, progress: Progress | None = None) -> None:
        self.context = session.context
        self.bits = session.parameters.scale_bits
        self.progress = progress or (lambda done, total, name: None)
        self.stages: list[Stage] = []

    def encrypt(self, columns: np.ndarray) -> Source:
        """Activations, shape (activations, images)."""
        made = [self.context.encrypt(column) for column in columns]
        return Source(len(made), 0, self.context.unit, 1.0, made)

    def decrypt(self, source: Source, images: int) -> np.ndarray:
        """Values, shape (activations, images)."""
        undo = source.factor * self.context.unit / source.scale
        return undo * np.array([self.context.decrypt(c, images) for c in source.ciphertexts])

    def weighted(self, terms: Terms, constants: np.ndarray, name: str) -> Source:
        """Σ weight · activation + constant, added up before it is rescaled."""
        started = time.perf_counter()
        context, level = self.context, max(source.level for source, _ in terms)
        prime = context.primes[level]
        cache: dict[float, Any] = {}
        inputs = [
            [context.lowered(c, level - source.level) for c in source.ciphertexts]
            for source, _ in terms
        ]
        made, products = [], 0
        for row, constant in enumerate(constants):
            total = None
            for (source, matrix), ciphertexts in zip(terms, inputs, strict=True):
                exact = source.factor * prime / source.scale
                span = slice(matrix.indptr[row], matrix.indptr[row + 1])
                for column, weight in zip(matrix.indices[span], matrix.data[span], strict=True):
                    value = float(weight * exact)
                    if abs(value) * context.unit >= 0.5:
                        total = self._accumulate(total, ciphertexts[column], value, cache)
                        products += 1
            if total is None:
                total = context.lowered(inputs[0][0], 0)
                context.times(total, 0.0)
            one = context.rescaled(total)
            context.plus(one, float(constant))
            made.append(one)
            self.progress(row + 1, len(constants), name)
        self._note(name, len(made), products, level + 1, started)
        return Source(len(made), level + 1, context.unit, 1.0, made)

    def _accumulate(
        self, total: Any, ciphertext: Any, value: float, cache: dict[float, Any]
    ) -> Any:
        context = self.context
        plaintext = cache.get(value)
        if plaintext is None:
            plaintext = cache[value] = context.api.Plaintext()
            context.encoder.encode(value, ciphertext.parms_id(), context.unit, plaintext)
        term = context.api.Ciphertext()
        context.evaluator.multiply_plain(ciphertext, plaintext, term)
        if total is None:
            return term
        context.evaluator.add_inplace(total, term)
        return total

    def sums(self, source: Source, chosen: sparse.csr_array, name: str) -> Source:
        """Sums of activations, those that each row chooses."""
        started = time.perf_counter()
        made = []
        for row in range(chosen.shape[0]):
            columns = chosen.indices[chosen.indptr[row] : chosen.indptr[row + 1]]
            total = self.context.lowered(source.ciphertexts[columns[0]], 0)
            for column in columns[1:]:
                self.context.evaluator.add_inplace(total, source.ciphertexts[column])
            made.append(total)
        self._note(name, len(made), 0, source.level, started)
        return Source(len(made), source.level, source.scale, source.factor, made)

    def plan(self, source: Source, plan: Plan, factor: float, name: str) -> Source:
        """A plan of each activation, operation by operation."""
        started = time.perf_counter()
        made = schedule(plan, self.context.primes[source.level :], self.bits)
        results = []
        for number, ciphertext in enumerate(source.ciphertexts, 1):
            results.append(take(self.context, made.steps, [ciphertext], made.output))
            self.progress(number, source.size, name)
        products = source.size * made.number("multiply", "square")
        level = source.level + made.levels
        self._note(name, source.size, products, level, started)
        return Source(source.size, level, made.scale, factor, results)

    def _note(self, name: str, size: int, products: int, level: int, started: float) -> None:
        self.stages.append(Stage(name, size, products, level, time.perf_counter() - started))


def folded_factor(plan: Plan) -> float:
    """The scaling of the input, which the layer before does.

    Raises
    ------
    BackendError
        If the input is used without its scaling, so that it cannot be folded.
    """
    index = input_scaling(plan)
    if index is None:
        if any(one.kind == "scale" and one.left == 0 for one in plan.operations):
            raise BackendError(
                "the scaling of the plan's input is not its only use, so it cannot be folded into "
                "the layer before; use a circuit"
            )
        return 1.0
    constant = plan.operations[index].constant
    return 1.0 if constant is None else float(constant)
