# SPDX-License-Identifier: Apache-2.0
"""Lattigo v6, by the wheels `orion-v2-lattigo` (keys) and `orion-v2-evaluator` (evaluation).

Components are Lattigo's own polynomial evaluation; plans are graphs of single operations, see
:mod:`polyapprox.encrypted.frameworks.lattigo_graph`. The times of evaluation contain the reading and writing
of the ciphertext as bytes, because keys and evaluation live in two libraries. Lattigo:
https://github.com/tuneinsight/lattigo.
"""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ...approximation import Approximation
from ...plan.count import Rule
from ...plan.plan import Plan
from ...plan.schedule import schedule
from ..backend import (
    LARGEST_MODULUS,
    Availability,
    Backend,
    BackendError,
    Measured,
    Parameters,
    Session,
    check_secure,
    filled,
    found_by_module,
    measured,
    repeated,
)
from ..series import Series
from .lattigo_graph import Lowering
from .lattigo_model import INPUT, Graph, model

_REMEDY = "pip install orion-v2-lattigo orion-v2-evaluator"
_SPECIAL_BITS = 60
_PER_SPECIAL = 5  # primes of the chain for each prime of key switching
_NOMINAL = 50  # bits of the primes that levels are counted with
_MOST_MORE = 6
_TIMED = 4  # products in a graph that is timed
_SUMS = 8  # sums, for each of them
_WITHIN = 1e-9  # seconds of what another operation contains


class LattigoSession(Session):
    """Keys and an evaluator, in this process."""

    def __init__(self, parameters: Parameters) -> None:
        self.parameters = parameters
        self._header = _header(parameters)
        self._errors = _errors()
        started = time.perf_counter()
        self._evaluator: Any = None
        try:
            self._make_keys()
        except self._errors as error:
            raise BackendError(f"Lattigo refuses {parameters}: {_one_line(error)}") from None
        self._setup = time.perf_counter() - started

    def _make_keys(self) -> None:
        from lattigo import ckks, rlwe
        from orion_evaluator import Evaluator

        self._lattigo, self._rlwe = ckks.Parameters.from_dict(self._header), rlwe
        chain = self._lattigo.moduli_chain()
        self.primes = [int(prime) for prime in chain[1:]][::-1]
        self._encoder = ckks.Encoder(self._lattigo)
        generator = rlwe.KeyGenerator(self._lattigo)
        secret = generator.gen_secret_key()
        self._encryptor = rlwe.Encryptor(self._lattigo, generator.gen_public_key(secret))
        self._decryptor = rlwe.Decryptor(self._lattigo, secret)
        keys = rlwe.MemEvaluationKeySet(generator.gen_relin_key(secret))
        full = {**self._header, "boot_logp": [], "btp_logn": 0}
        self._evaluator = Evaluator(full, keys.marshal_binary())

    def on_plan(self, plan: Plan, arrays: list[np.ndarray], repeats: int) -> Measured:
        bits = self.parameters.scale_bits
        made = schedule(plan, self.primes, bits)
        lowered = Lowering(made, self.primes, bits)
        result = lowered.result
        undo = result.scale / (result.factor * made.scale)
        return self._run(lowered.graph, result.name, made.factors[0] * arrays[0], undo, repeats)

    def on_series(self, made: Series, array: np.ndarray, repeats: int) -> Measured:
        """By Lattigo's own polynomial evaluator."""
        graph, value = Graph(), INPUT
        for series in made.series:
            value = graph.polynomial(value, series, "chebyshev")
        if made.final_product:
            value = graph.multiply(value, INPUT)
        return self._run(graph, value, array, 1.0, repeats)

    def _run(
        self, graph: Graph, output: str, array: np.ndarray, undo: float, repeats: int
    ) -> Measured:
        started = time.perf_counter()
        loaded = self._load(graph, output)
        ready = time.perf_counter()
        fresh = self._encrypt(array, self.parameters.levels)
        encrypted = time.perf_counter()
        answer, times = repeated(lambda: self._forward(loaded, fresh), repeats)
        evaluated = time.perf_counter()
        result = self._rlwe.Ciphertext.unmarshal_binary(answer)
        plaintext = self._decryptor.decrypt_new(result)
        decoded = self._encoder.decode(plaintext, self.parameters.slots)
        values = np.array(decoded[: array.size]) * undo
        stages = (
            self._setup + ready - started,
            encrypted - ready,
            time.perf_counter() - evaluated,
        )
        return measured(values, stages, self.parameters.levels - int(result.level()), times)

    def _load(self, graph: Graph, output: str) -> Any:
        if self._evaluator is None:
            raise BackendError("the session is closed; make a new one")
        from orion_evaluator import Model

        try:
            return Model.load(model(graph, output, self._header))
        except self._errors as error:
            raise BackendError(f"Lattigo refuses the plan: {_one_line(error)}") from None

    def _encrypt(self, array: np.ndarray, level: int) -> bytes:
        values = filled(array, self.parameters.slots)
        plaintext = self._encoder.encode(values.tolist(), level, self._lattigo.default_scale())
        return bytes(self._encryptor.encrypt_new(plaintext).marshal_binary())

    def _forward(self, loaded: Any, ciphertext: bytes) -> bytes:
        try:
            return bytes(self._evaluator.forward(loaded, [ciphertext])[0])
        except self._errors as error:
            raise BackendError(
                f"Lattigo fails ({_one_line(error)}); is levels={self.parameters.levels} enough?"
            ) from None

    def on_levels(self, levels: list[int], repeats: int) -> dict[str, dict[int, float]]:
        """Seconds of the processor for single operations, by remaining level: the least of the repeats.

        The evaluator rescales every product at once. So "multiply" is a product of ciphertexts and
        "scale" a polynomial of degree 1, both with their rescaling, and "rescale", which they
        contain, is counted as a nanosecond. A constant ("shift") is such a polynomial too, but where
        the same sum has one that can hold it.
        """
        found: dict[str, dict[int, float]] = {}
        for level in levels:
            fresh = self._encrypt(np.array([0.5, -0.25]), level)
            nothing, adds, products, lines = (Graph() for _ in range(4))
            for _ in range(_TIMED):
                for _ in range(_SUMS):
                    adds.add(INPUT, INPUT)
                products._node("mult", [INPUT, INPUT])
                lines.linear(INPUT, 0.25, 0.7)
            graphs = [nothing, adds, products, lines] if level else [nothing, adds]
            base, total, *rest = self._least(graphs, fresh, repeats)
            one = {"add": (total - base) / (_TIMED * _SUMS)}
            if level:
                one["multiply"], one["scale"] = ((seconds - base) / _TIMED for seconds in rest)
                one["rescale"], one["shift"] = _WITHIN, one["scale"]
            for name, seconds in one.items():
                found.setdefault(name, {})[level] = max(seconds, _WITHIN)
        return found

    def _least(self, graphs: list[Graph], fresh: bytes, repeats: int) -> list[float]:
        """Least seconds of the processor for each graph; they take turns."""
        loaded = [self._load(graph, INPUT) for graph in graphs]
        turns = [
            [repeated(partial(self._forward, one, fresh), 1)[1].processor[0] for one in loaded]
            for _ in range(repeats)
        ]
        return [min(times) for times in zip(*turns, strict=True)]

    def close(self) -> None:
        """Forget keys and evaluator."""
        if self._evaluator is not None:
            self._evaluator.close()
            self._evaluator = None


class Lattigo(Backend):
    """The backend: see :class:`polyapprox.encrypted.backend.Backend`."""

    name, title = "lattigo", "Lattigo"

    def find(self) -> Availability:
        """Look for both wheels, without loading them."""
        pairs = (("lattigo", "orion-v2-lattigo"), ("orion_evaluator", "orion-v2-evaluator"))
        wheels = [found_by_module(module, wheel, _REMEDY) for module, wheel in pairs]
        missing = [one for one in wheels if not one.found]
        if missing:
            return missing[0]
        version = ", ".join(
            f"{wheel} {one.version}" for (_, wheel), one in zip(pairs, wheels, strict=True)
        )
        return replace(wheels[0], version=version)

    def counted_levels(self, approximation: Approximation) -> tuple[int, Rule]:
        """Levels that a run is expected to use: of the plan, and one more where its graph needs it.

        The evaluator has no difference: where two products are subtracted from each other at the
        lowest level, one is first multiplied by −1.
        """
        plan = approximation.plan
        levels, rule = super().counted_levels(approximation)
        for more in range(_MOST_MORE):
            primes = [(1 << _NOMINAL) + 1 + (k * k + 1 << 20) for k in range(levels + more)]
            try:
                made = schedule(plan, primes, _NOMINAL, fold_input=rule == "published")
                return max(levels, Lowering(made, primes, _NOMINAL).result.level), rule
            except BackendError:
                continue
        return levels, rule

    def opened(self, parameters: Parameters) -> LattigoSession:
        """Make a context and keys; Lattigo may refuse the parameters."""
        return LattigoSession(parameters)


def _header(parameters: Parameters) -> dict[str, Any]:
    """Parameters as Lattigo takes them; key switching gets a prime for every five of the chain."""
    chain = [parameters.first_bits, *[parameters.scale_bits] * parameters.levels]
    special = [_SPECIAL_BITS] * -(-len(chain) // _PER_SPECIAL)
    if parameters.secure:
        ring = parameters.ring_dimension
        most = LARGEST_MODULUS.get(ring, 0)
        while len(special) > 1 and sum(chain) + sum(special) > most:
            special.pop()
        check_secure(sum(chain) + sum(special), ring)
    return {
        "logn": parameters.ring_dimension.bit_length() - 1,
        "logq": chain,
        "logp": special,
        "log_default_scale": parameters.scale_bits,
        "h": 2 * parameters.ring_dimension // 3,  # as many as of a uniform ternary secret
        "ring_type": "standard",
    }


def _errors() -> tuple[type[Exception], ...]:
    """What the two libraries raise."""
    from lattigo import LatticeError
    from orion_evaluator.errors import EvaluatorError

    return (LatticeError, EvaluatorError)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


BACKEND = Lattigo()
