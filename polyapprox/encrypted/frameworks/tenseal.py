# SPDX-License-Identifier: Apache-2.0
"""TenSEAL: plans operation by operation on the SEAL that it ships, components by ``polyval``.

``CKKSVector.polyval`` takes monomials only, whatever they do to the conditioning: at 40 bits a
composite of degrees 15, 15, 27 comes back wrong by 10^8 without a word. So what it would do is
forecast first (:mod:`polyapprox.encrypted.frameworks.tenseal_monomials`) and refused where it is no good.
TenSEAL itself accepts 128-bit parameters only; plans may run in smaller rings, "not secure, for
tests". TenSEAL: https://arxiv.org/abs/2104.03152.
"""

from __future__ import annotations

import time
from importlib.util import find_spec
from typing import Any

import numpy as np

from ...plan.plan import Plan
from ...plan.schedule import schedule
from ..backend import (
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
from . import tenseal_seal as seal
from .tenseal_monomials import monomials, refuse_ill_conditioned

_REMEDY = "pip install tenseal"


class TenSEALSession(Session):
    """A context with its keys, in this process."""

    def __init__(self, parameters: Parameters) -> None:
        self.parameters = parameters
        started = time.perf_counter()
        self.seal: seal.Context | None = seal.Context(parameters)
        self._setup = time.perf_counter() - started
        self._vectors: Any = None

    @property
    def context(self) -> seal.Context:
        """SEAL's context: for those who need single operations."""
        if self.seal is None:
            raise BackendError("the session is closed; make a new one")
        return self.seal

    def on_plan(self, plan: Plan, arrays: list[np.ndarray], repeats: int) -> Measured:
        context = self.context
        made = schedule(plan, context.primes, self.parameters.scale_bits)
        started = time.perf_counter()
        inputs = [
            context.encrypt(factor * one) for factor, one in zip(made.factors, arrays, strict=True)
        ]
        encrypted = time.perf_counter()
        try:
            result, times = repeated(
                lambda: seal.take(context, made.steps, inputs, made.output), repeats
            )
        except (ValueError, RuntimeError) as error:
            raise BackendError(f"SEAL refuses a step of the plan: {error}") from None
        evaluated = time.perf_counter()
        values = context.decrypt(result, arrays[0].size) * (context.unit / made.scale)
        decrypted = time.perf_counter() - evaluated
        stages = (self._setup, encrypted - started, decrypted)
        return measured(values, stages, context.used(result), times)

    def on_series(self, made: Series, array: np.ndarray, repeats: int) -> Measured:
        """By ``CKKSVector.polyval`` (monomials).

        Raises
        ------
        ArgumentError
            If the monomials would be wrong at this scale.
        BackendError
            If TenSEAL refuses: it takes parameters of 128-bit security only.
        """
        lists = [monomials(one) for one in made.series]
        primes = self.context.primes
        refuse_ill_conditioned(lists, primes, self.parameters)
        vectors, setup = self._context_of_vectors()
        import tenseal

        started = time.perf_counter()
        unit = tenseal.ckks_vector(vectors, filled(array, self.parameters.slots).tolist())
        encrypted = time.perf_counter()
        fresh = _level(unit)
        # a product brings its operands to one level, in place: each evaluation gets a copy
        factors = [unit.copy() for _ in range(max(1, repeats))]

        def evaluate() -> Any:
            value = unit
            for coefficients in lists:
                value = value.polyval(coefficients)
            return value * factors.pop() if made.final_product else value

        try:
            value, times = repeated(evaluate, repeats)
        except (ValueError, RuntimeError) as error:
            raise BackendError(
                f"TenSEAL refuses ({error}); the components need more levels than "
                f"{self.parameters.levels}?"
            ) from None
        evaluated = time.perf_counter()
        values = np.array(value.decrypt()[: array.size])
        decrypted = time.perf_counter() - evaluated
        used = fresh - _level(value)
        return measured(values, (setup, encrypted - started, decrypted), used, times)

    def _context_of_vectors(self) -> tuple[Any, float]:
        started = time.perf_counter()
        if self._vectors is None:
            import tenseal

            one = self.parameters
            bits = [one.first_bits, *[one.scale_bits] * one.levels, 60]
            try:
                check_secure(sum(bits), one.ring_dimension, seal.LARGEST_SECURE)
            except BackendError as error:
                raise BackendError(
                    f"polyval needs a context of 128 bit, unlike a plan: {error}"
                ) from None
            try:
                self._vectors = tenseal.context(
                    tenseal.SCHEME_TYPE.CKKS, one.ring_dimension, coeff_mod_bit_sizes=bits
                )
            except ValueError as error:
                raise BackendError(f"TenSEAL refuses {one}: {error}") from None
            self._vectors.global_scale = 2**one.scale_bits
        return self._vectors, time.perf_counter() - started

    def on_levels(self, levels: list[int], repeats: int) -> dict[str, dict[int, float]]:
        return seal.operation_times(self.context, levels, repeats)

    def close(self) -> None:
        """Forget context and keys."""
        self.seal = self._vectors = None


class TenSEAL(Backend):
    """The backend: see :class:`polyapprox.encrypted.backend.Backend`."""

    name, title = "tenseal", "TenSEAL"
    largest_secure_ring = seal.LARGEST_SECURE

    def find(self) -> Availability:
        """Look for the wheel, without importing it."""
        found = found_by_module("tenseal", "tenseal", _REMEDY)
        if found.found and find_spec("tenseal.sealapi") is None:
            missing, remedy = "this TenSEAL has no sealapi", f"{_REMEDY}==0.3.18"
            return Availability(False, found.version, missing, remedy)
        return found

    def opened(self, parameters: Parameters) -> TenSEALSession:
        """Make a context and keys; SEAL may refuse the parameters."""
        return TenSEALSession(parameters)


def _level(vector: Any) -> int:
    """Remaining levels of a CKKSVector."""
    return int(vector.ciphertext()[0].coeff_modulus_size()) - 1


BACKEND = TenSEAL()
