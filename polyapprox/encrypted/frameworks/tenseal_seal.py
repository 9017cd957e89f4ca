# SPDX-License-Identifier: Apache-2.0
"""A CKKS context of SEAL, as TenSEAL ships it, and the steps of a schedule taken there.

SEAL keeps a scale with every ciphertext; here it is always called 2^scale_bits, as the schedule
assumes, which tracks the true one. SEAL: https://github.com/microsoft/SEAL.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...plan.schedule import Step
from ..backend import BackendError, Parameters, check_secure, filled

_SPECIAL_BITS = 60
LARGEST_SECURE = 1 << 15  # the largest ring that SEAL has parameters of 128 bit for


class Context:
    """A context with keys; ciphertexts are SEAL's own objects."""

    def __init__(self, parameters: Parameters) -> None:
        from tenseal import sealapi

        self.api, self.parameters = sealapi, parameters
        self.unit = 2.0**parameters.scale_bits
        bits = [
            parameters.first_bits,
            *[parameters.scale_bits] * parameters.levels,
            _SPECIAL_BITS,
        ]
        ring = parameters.ring_dimension
        if parameters.secure:
            check_secure(sum(bits), ring, LARGEST_SECURE)
        chosen = sealapi.EncryptionParameters(sealapi.SCHEME_TYPE.CKKS)
        chosen.set_poly_modulus_degree(ring)
        try:
            chain = sealapi.CoeffModulus.Create(ring, bits)
            chosen.set_coeff_modulus(chain)
            security = sealapi.SEC_LEVEL_TYPE
            wanted = security.TC128 if parameters.secure else security.NONE
            self.context = sealapi.SEALContext(chosen, True, wanted)
        except (ValueError, RuntimeError) as error:
            raise BackendError(f"SEAL refuses {parameters}: {error}") from None
        if not self.context.parameters_set():
            raise BackendError(
                f"SEAL refuses ring_dimension={ring} with {sum(bits)} bits of modulus: "
                f"{self.context.parameters_error_message()}"
            )
        self.primes = [modulus.value() for modulus in chain[1:-1]][::-1]
        self._make_keys()
        self.levels: list[Any] = []  # parms_id by levels used
        data = self.context.first_context_data()
        while data is not None:
            self.levels.append(data.parms_id())
            data = data.next_context_data()
        self._used = {tuple(one): used for used, one in enumerate(self.levels)}

    def _make_keys(self) -> None:
        api = self.api
        keys = api.KeyGenerator(self.context)
        public, self.relinearisation = api.PublicKey(), api.RelinKeys()
        keys.create_public_key(public)
        keys.create_relin_keys(self.relinearisation)
        self.encoder = api.CKKSEncoder(self.context)
        self.encryptor = api.Encryptor(self.context, public)
        self.decryptor = api.Decryptor(self.context, keys.secret_key())
        self.evaluator = api.Evaluator(self.context)

    def encrypt(self, values: np.ndarray) -> Any:
        """Fresh encryption of values, at the top level; they are repeated in what slots are left."""
        plaintext, made = self.api.Plaintext(), self.api.Ciphertext()
        self.encoder.encode(filled(values, self.encoder.slot_count()).tolist(), self.unit, plaintext)
        self.encryptor.encrypt(plaintext, made)
        return made

    def decrypt(self, ciphertext: Any, count: int) -> np.ndarray:
        """The first `count` values."""
        plaintext = self.api.Plaintext()
        self.decryptor.decrypt(ciphertext, plaintext)
        return np.array(self.encoder.decode_double(plaintext)[:count])

    def used(self, ciphertext: Any) -> int:
        """Levels used by a ciphertext."""
        return self._used[tuple(ciphertext.parms_id())]

    def lowered(self, ciphertext: Any, levels: int) -> Any:
        """A copy that is so many levels lower."""
        made = self.api.Ciphertext()
        target = self.levels[self.used(ciphertext) + levels]
        self.evaluator.mod_switch_to(ciphertext, target, made)
        return made

    def times(self, ciphertext: Any, constant: float) -> None:
        """Multiply in place by a constant at the scale; nothing is ever multiplied by zero."""
        least = 1.0 / self.unit
        if abs(constant) < least:  # SEAL refuses a product with zero
            constant = -least if constant < 0 else least
        plaintext = self.api.Plaintext()
        self.encoder.encode(constant, ciphertext.parms_id(), self.unit, plaintext)
        self.evaluator.multiply_plain_inplace(ciphertext, plaintext)
        ciphertext.scale = self.unit * self.unit

    def plus(self, ciphertext: Any, constant: float) -> None:
        """Add a constant in place."""
        plaintext = self.api.Plaintext()
        self.encoder.encode(constant, ciphertext.parms_id(), ciphertext.scale, plaintext)
        self.evaluator.add_plain_inplace(ciphertext, plaintext)

    def doubled(self, ciphertext: Any) -> Any:
        """The sum with itself."""
        made = self.api.Ciphertext()
        self.evaluator.add(ciphertext, ciphertext, made)
        return made

    def minus(self, ciphertext: Any, other: Any) -> Any:
        """The difference; of equal ones, which SEAL refuses, a fresh encryption of zero."""
        try:
            self.evaluator.sub_inplace(ciphertext, other)
        except RuntimeError as error:
            if "transparent" not in str(error):
                raise
            return self.lowered(self.encrypt(np.zeros(1)), self.used(other))
        return ciphertext

    def product(self, left: Any, right: Any) -> Any:
        """Product of ciphertexts, relinearised, not rescaled."""
        made = self.api.Ciphertext()
        if left is right:
            self.evaluator.square(left, made)
        else:
            self.evaluator.multiply(left, right, made)
        self.evaluator.relinearize_inplace(made, self.relinearisation)
        made.scale = self.unit * self.unit
        return made

    def rescaled(self, ciphertext: Any) -> Any:
        """One level lower."""
        made = self.api.Ciphertext()
        self.evaluator.rescale_to_next(ciphertext, made)
        made.scale = self.unit
        return made


def take(context: Context, steps: Sequence[Step], inputs: Sequence[Any], output: int) -> Any:
    """Take the steps of a schedule; see :class:`polyapprox.plan.schedule.Schedule`."""
    slots: dict[int, Any] = {}
    evaluator = context.evaluator
    for name, slot, *rest in steps:
        if name == "multiply":
            slots[slot] = context.product(slots[rest[0]], slots[rest[1]])
        elif name == "square":
            slots[slot] = context.product(slots[rest[0]], slots[rest[0]])
        elif name == "rescale":
            slots[slot] = context.rescaled(slots[rest[0]])
        elif name == "scale":
            slots[slot] = context.lowered(slots[rest[0]], rest[1])
            context.times(slots[slot], rest[2])
        elif name == "accumulate":
            if abs(rest[2]) * context.unit >= 0.5:
                term = context.lowered(slots[rest[0]], rest[1])
                context.times(term, rest[2])
                evaluator.add_inplace(slots[slot], term)
        elif name == "plus":
            evaluator.add_inplace(slots[slot], slots[rest[0]])
        elif name == "minus":
            slots[slot] = context.minus(slots[slot], slots[rest[0]])
        elif name == "shift":
            context.plus(slots[slot], rest[0])
        elif name == "double":
            slots[slot] = context.doubled(slots[slot])
        elif name == "negate":
            evaluator.negate_inplace(slots[slot])
        elif name == "reduce":
            slots[slot] = context.lowered(slots[rest[0]], rest[1])
        elif name == "copy":
            slots[slot] = context.lowered(slots[rest[0]], 0)
        elif name == "load":
            slots[slot] = inputs[rest[0]]
        elif name == "free":
            del slots[slot]
        else:
            raise BackendError(f"the schedule has a step {name!r} that is not known here")
    return slots[output]


def operation_times(
    context: Context, levels: Sequence[int], repeats: int
) -> dict[str, dict[int, float]]:
    """Median seconds of single operations, by remaining level."""
    found: dict[str, dict[int, float]] = {}
    fresh = context.encrypt(np.array([0.5, -0.25]))
    for left in levels:
        one = context.lowered(fresh, context.parameters.levels - left)
        for name, job in _jobs(context, one, left).items():
            seconds = [timed(job, context.lowered(one, 0)) for _ in range(repeats)]
            found.setdefault(name, {})[left] = statistics.median(seconds)
    return found


def _jobs(context: Context, one: Any, left: int) -> dict[str, Callable[[Any], Any]]:
    """What is timed; each gets a copy that it may change."""
    jobs: dict[str, Callable[[Any], Any]] = {
        "add": lambda copy: context.evaluator.add_inplace(copy, one),
        "shift": lambda copy: context.plus(copy, 0.7),
    }
    if left:  # a product at the last level exceeds the modulus
        product = context.product(one, context.lowered(one, 0))
        jobs["multiply"] = lambda copy: context.product(copy, one)
        jobs["scale"] = lambda copy: context.times(copy, 0.7)
        jobs["rescale"] = lambda copy: context.rescaled(product)
    return jobs


def timed(job: Callable[[Any], Any], argument: Any) -> float:
    """Seconds that a call takes."""
    started = time.perf_counter()
    job(argument)
    return time.perf_counter() - started
