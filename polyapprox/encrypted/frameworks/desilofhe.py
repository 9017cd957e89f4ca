# SPDX-License-Identifier: Apache-2.0
"""desilofhe: plans operation by operation, components by its own evaluator of Chebyshev series.

Its licence allows no commercial use, so it is used only where the user asked for it, by the
environment variable POLYAPPROX_DESILOFHE=1. Ring and scale are its own: a level fixes the ring
(16384 slots for 8 to 17 levels, 32768 for 18 to 30), and no ring below 128 bit is offered.
desilofhe: https://fhe.desilo.dev.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ...plan.count import is_free
from ...plan.plan import Plan
from ...words import counted
from ..backend import (
    Availability,
    Backend,
    BackendError,
    Measured,
    Parameters,
    Session,
    filled,
    found_by_module,
    measured,
    repeated,
)
from ..choose import without_input_scaling
from ..series import Series

VARIABLE = "POLYAPPROX_DESILOFHE"
NOTICE = "desilofhe is licensed for non-commercial use only"
_MOST_LEVELS = 30


class _Ciphertext:
    """A ciphertext with + and ·, for :meth:`Plan.run`; products with small integers use no level."""

    __slots__ = ("engine", "key", "value")

    def __init__(self, engine: Any, key: Any, value: Any) -> None:
        self.engine, self.key, self.value = engine, key, value

    def _with(self, value: Any) -> _Ciphertext:
        return _Ciphertext(self.engine, self.key, value)

    def __add__(self, other: _Ciphertext | float) -> _Ciphertext:
        right = other.value if isinstance(other, _Ciphertext) else other
        return self._with(self.engine.add(self.value, right))

    def __sub__(self, other: _Ciphertext) -> _Ciphertext:
        return self._with(self.engine.subtract(self.value, other.value))

    def __mul__(self, other: _Ciphertext | float) -> _Ciphertext:
        if isinstance(other, _Ciphertext):
            if other is self:
                return self._with(self.engine.square(self.value, self.key))
            return self._with(self.engine.multiply(self.value, other.value, self.key))
        constant = int(other) if is_free(other) else float(other)
        return self._with(self.engine.multiply(self.value, constant))


class DesiloSession(Session):
    """An engine with its keys, in this process."""

    def __init__(self, parameters: Parameters) -> None:
        self.parameters = parameters
        started = time.perf_counter()
        import desilofhe

        try:
            engine = desilofhe.Engine(
                max_level=max(1, parameters.levels), mode="cpu", thread_count=1
            )
            self._secret = engine.create_secret_key()
            self._public = engine.create_public_key(self._secret)
            self._key = engine.create_relinearization_key(self._secret)
        except (RuntimeError, ValueError) as error:
            raise BackendError(f"desilofhe refuses {parameters}: {error}") from None
        self._engine: Any = engine
        self._setup = time.perf_counter() - started
        if engine.slot_count < parameters.slots:
            raise BackendError(
                f"ring_dimension={parameters.ring_dimension} has {parameters.slots} slots, and "
                f"desilofhe only {engine.slot_count} with {counted(parameters.levels, 'level')}; use a "
                "smaller ring_dimension"
            )

    def on_plan(self, plan: Plan, arrays: list[np.ndarray], repeats: int) -> Measured:
        rest, factor = without_input_scaling(plan)

        def evaluate(inputs: list[Any]) -> Any:
            values = [_Ciphertext(self._engine, self._key, one) for one in inputs]
            return rest.run(*values, lift=float).value

        return self._run(evaluate, [factor * one for one in arrays], repeats)

    def on_series(self, made: Series, array: np.ndarray, repeats: int) -> Measured:
        """By ``evaluate_chebyshev_polynomial``."""

        def evaluate(inputs: list[Any]) -> Any:
            value = inputs[0]
            for series in made.series:
                value = self._engine.evaluate_chebyshev_polynomial(value, list(series), self._key)
            if made.final_product:
                value = self._engine.multiply(value, inputs[0], self._key)
            return value

        return self._run(evaluate, [array], repeats)

    def _run(
        self, evaluate: Callable[[list[Any]], Any], arrays: list[np.ndarray], repeats: int
    ) -> Measured:
        if self._engine is None:
            raise BackendError("the session is closed; make a new one")
        started = time.perf_counter()
        inputs = [self._engine.encrypt(filled(one, self._engine.slot_count), self._public) for one in arrays]
        encrypted = time.perf_counter()
        try:
            result, times = repeated(lambda: evaluate(inputs), repeats)
        except (RuntimeError, ValueError) as error:
            raise BackendError(
                f"desilofhe fails ({error}); is levels={self.parameters.levels} enough?"
            ) from None
        evaluated = time.perf_counter()
        decrypted = np.asarray(self._engine.decrypt(result, self._secret))
        values = decrypted.real[: arrays[0].size].astype(np.float64)
        stages = (self._setup, encrypted - started, time.perf_counter() - evaluated)
        return measured(values, stages, inputs[0].level - result.level, times)

    def on_levels(self, levels: list[int], repeats: int) -> dict[str, dict[int, float]]:
        """Median seconds of single operations, by remaining level.

        Products are rescaled by the engine as it sees fit, so "multiply" and "scale" contain
        what it does, and "rescale" is zero.
        """
        found: dict[str, dict[int, float]] = {}
        engine = self._engine
        for level in levels:
            one = engine.encrypt(np.array([0.5, -0.25]), self._public, level)
            other = engine.encrypt(np.array([0.5, -0.25]), self._public, level)
            jobs: dict[str, Callable[..., Any]] = {"add": engine.add}
            arguments: dict[str, tuple[Any, ...]] = {"add": (one, other), "shift": (one, 0.7)}
            jobs["shift"] = engine.add
            if level:
                jobs["multiply"] = jobs["scale"] = engine.multiply
                arguments["multiply"], arguments["scale"] = (one, other, self._key), (one, 0.7)
                found.setdefault("rescale", {})[level] = 0.0
            for name, job in jobs.items():
                _, times = repeated(partial(job, *arguments[name]), repeats)
                found.setdefault(name, {})[level] = statistics.median(times.seconds)
        return found

    def close(self) -> None:
        """Forget engine and keys."""
        self._engine = None


class Desilofhe(Backend):
    """The backend: see :class:`polyapprox.encrypted.backend.Backend`."""

    name = title = "desilofhe"

    def find(self) -> Availability:
        """Look for the wheel, without importing it, and for the user's consent."""
        remedy = f"pip install desilofhe, and set {VARIABLE}=1 ({NOTICE})"
        found = found_by_module("desilofhe", "desilofhe", remedy)
        if found.found and os.environ.get(VARIABLE) != "1":
            allow = f"setting {VARIABLE}=1 if that allows your use"
            return Availability(False, found.version, NOTICE, allow)
        return replace(found, reason=f"{found.reason}; {NOTICE}") if found.found else found

    def opened(self, parameters: Parameters) -> DesiloSession:
        """Make an engine and keys."""
        if parameters.levels > _MOST_LEVELS:
            raise BackendError(
                f"levels={parameters.levels}: desilofhe has at most {_MOST_LEVELS} without "
                "bootstrapping"
            )
        return DesiloSession(parameters)


BACKEND = Desilofhe()
