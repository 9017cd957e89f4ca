# SPDX-License-Identifier: Apache-2.0
"""What a framework for homomorphic encryption must offer to run our tables: a small interface."""

from __future__ import annotations

import statistics
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from importlib.util import find_spec
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeVar

import numpy as np

from ..approximation import Approximation
from ..cost.models import cost_model
from ..errors import ArgumentError, PolyApproxError
from ..given import floats, sequence, whole
from ..plan.count import Rule, count, input_scaling
from ..plan.plan import Plan
from .series import Series, chebyshev_series

Value = TypeVar("Value")


class Times(NamedTuple):
    """Seconds of each call, and seconds that this process spent on the processor in each."""

    seconds: tuple[float, ...]
    processor: tuple[float, ...]


def repeated(job: Callable[[], Value], repeats: int) -> tuple[Value, Times]:
    """The last result of a call that is repeated, and the times of all.

    Examples
    --------
    >>> result, times = repeated(lambda: 7, 3)
    >>> result, len(times.seconds), len(times.processor)
    (7, 3, 3)
    """
    seconds, processor = [], []
    for _ in range(max(1, repeats)):
        used, begun = time.process_time(), time.perf_counter()
        result = job()
        seconds.append(time.perf_counter() - begun)
        processor.append(time.process_time() - used)
    return result, Times(tuple(seconds), tuple(processor))


_SPECIAL_BITS = 60

# Largest log2(Q P) of a ternary secret at 128 bit, classical (HomomorphicEncryption.org, 2018,
# table 1, https://eprint.iacr.org/2019/939; 2^16 as OpenFHE and Lattigo extend it).
LARGEST_MODULUS = {
    1 << 10: 27, 1 << 11: 54, 1 << 12: 109, 1 << 13: 218, 1 << 14: 438, 1 << 15: 881, 1 << 16: 1772,
}  # fmt: skip


class BackendError(PolyApproxError):
    """A framework is missing, of the wrong version, or failed; the message says what to do."""


@dataclass(frozen=True)
class Parameters:
    """Parameters of a CKKS context.

    Attributes
    ----------
    ring_dimension : int
        Power of two; half of it are the slots.
    scale_bits : int
        log2 of the scale, also the size in bits of the prime of each level.
    levels : int
        Levels that can be used.
    first_bits : int
        Size in bits of the prime that is left when all levels are used.
    secure : bool
        True: the backend enforces 128 bit. False: not secure, for tests.

    Examples
    --------
    >>> Parameters(1 << 12, 50, 5).security
    'not secure, for tests'
    """

    ring_dimension: int
    scale_bits: int
    levels: int
    first_bits: int = 60
    secure: bool = False

    def __post_init__(self) -> None:
        for name in ("ring_dimension", "scale_bits", "levels", "first_bits"):
            whole(name, getattr(self, name))
        ring = self.ring_dimension
        if ring < 16 or ring & (ring - 1) or ring > 1 << 17:
            raise ArgumentError(
                f"ring_dimension={ring} is not a power of two from 2^4 to 2^17; give one, as 8192"
            )
        if not 20 <= self.scale_bits <= 59:
            raise ArgumentError(
                f"scale_bits={self.scale_bits} is outside 20 … 59, what a prime of a level can have"
            )
        if not self.scale_bits <= self.first_bits <= 60:
            raise ArgumentError(
                f"first_bits={self.first_bits} must be from scale_bits={self.scale_bits} to 60"
            )
        if not 0 <= self.levels <= 200:
            raise ArgumentError(f"levels={self.levels} is outside 0 … 200")

    @property
    def slots(self) -> int:
        """Numbers that one ciphertext holds."""
        return self.ring_dimension // 2

    @property
    def modulus_bits(self) -> int:
        """log2 of the ciphertext modulus Q, without the primes of key switching."""
        return self.first_bits + self.levels * self.scale_bits

    @property
    def security(self) -> str:
        """Name of the security level, as printed."""
        return "128 bit (HE standard)" if self.secure else "not secure, for tests"


@dataclass(frozen=True)
class Measured:
    """What an encrypted run gave.

    Attributes
    ----------
    values : np.ndarray, shape (n,)
        Decrypted, float64, as long as the input.
    seconds : float
        Of the evaluation alone.
    stages : tuple of (str, float)
        Seconds of "context and keys", "encrypt", "evaluate", "decrypt".
    levels : int
        Really used: level of the input minus level of the result.
    repeated : tuple of float
        Seconds of every evaluation, where it was repeated (`seconds` is their median).
    processor : tuple of float
        Processor seconds of every evaluation, where they are known: what other programs do on
        the machine enters them less.
    """

    values: np.ndarray
    seconds: float
    stages: tuple[tuple[str, float], ...]
    levels: int
    repeated: tuple[float, ...] = ()
    processor: tuple[float, ...] = ()


@dataclass(frozen=True)
class Availability:
    """Whether a framework was found here, and how to get it if not."""

    found: bool
    version: str
    reason: str
    remedy: str


class Session(ABC):
    """A context with its keys, in use; a context manager, whose end ends any worker process.

    A framework's session makes both where it is made, says what `close` forgets, and runs what the
    public calls have read and checked: :meth:`on_plan`, :meth:`on_series`, :meth:`on_levels`.
    """

    parameters: Parameters

    @abstractmethod
    def on_plan(self, plan: Plan, arrays: list[np.ndarray], repeats: int) -> Measured:
        """Encrypt the arguments, evaluate the plan operation by operation, decrypt."""

    @abstractmethod
    def on_series(self, made: Series, array: np.ndarray, repeats: int) -> Measured:
        """Encrypt x in [-1, 1], evaluate the series one after the other and the final product, decrypt."""

    @abstractmethod
    def on_levels(self, levels: list[int], repeats: int) -> dict[str, dict[int, float]]:
        """Median seconds of single operations, by remaining level."""

    def run_plan(self, plan: Plan, *arguments: Any, repeats: int = 1) -> Measured:
        """Encrypt the arguments, evaluate the plan operation by operation, decrypt.

        Parameters
        ----------
        plan : Plan
        *arguments : array-like, each of shape (n,)
            As many as the plan takes; n at most the number of slots.
        repeats : int
            How often the evaluation is done and timed.

        Raises
        ------
        ArgumentError
            If there are too few levels, or the arguments do not fit.
        BackendError
            If the framework refuses, or its process dies.
        """
        arrays = read_arguments(plan.inputs, arguments, self.parameters, repeats)
        return self.on_plan(plan, arrays, repeats)

    def run_components(self, approximation: Approximation, x: Any, repeats: int = 1) -> Measured:
        """Encrypt x, evaluate by the framework's own polynomial evaluator, decrypt.

        Parameters
        ----------
        approximation : Approximation
            With components: not a circuit.
        x : array-like, shape (n,)
        repeats : int

        Raises
        ------
        ArgumentError
            If there are no components that the framework can evaluate.
        BackendError
            If the framework refuses, or its process dies.
        """
        (array,) = read_arguments(1, (x,), self.parameters, repeats)
        made = chebyshev_series(approximation)
        found = self.on_series(made, made.unit(array), repeats)
        return replace(found, values=found.values * made.factor + made.offset)

    def time_operations(
        self, levels: Sequence[int], repeats: int = 5
    ) -> dict[str, dict[int, float]]:
        """Median seconds of "multiply" (with relinearisation, without rescale), "rescale",
        "scale" (product with a constant), "add" and "shift", by remaining level."""
        return self.on_levels(read_levels(levels, repeats, self.parameters), repeats)

    @abstractmethod
    def close(self) -> None:
        """Forget context and keys, end any process; may be called twice."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class Backend(ABC):
    """A framework.

    Attributes
    ----------
    name : str
        As it is asked for.
    title : str
        As it calls itself.
    executes : frozenset of str
        Of "plan" (operation by operation) and "components" (its own polynomial evaluator).
    largest_secure_ring : int
        The largest ring for which it knows parameters of 128 bit.
    """

    name: str
    title: str
    executes: frozenset[str] = frozenset({"plan", "components"})
    largest_secure_ring: int = max(LARGEST_MODULUS)

    @abstractmethod
    def find(self) -> Availability:
        """Look for the framework, without starting it where that is slow."""

    @abstractmethod
    def opened(self, parameters: Parameters) -> Session:
        """Make a context and keys; the framework has been found."""

    def session(self, parameters: Parameters) -> Session:
        """Make a context and keys.

        Raises
        ------
        BackendError
            If the framework is missing or refuses the parameters.
        """
        found = self.find()
        if not found.found:
            raise BackendError(
                f"{self.title} was not found ({found.reason}); get it by: {found.remedy}"
            )
        return self.opened(parameters)

    def largest_input(self, ring_dimension: int) -> int:
        """Slots of a ring: how many numbers one ciphertext holds."""
        return ring_dimension // 2

    def special_bits(self, scale_bits: int, levels: int) -> int:
        """Bits of the primes for key switching, which count for security."""
        return _SPECIAL_BITS

    def counted_levels(self, approximation: Approximation) -> tuple[int, Rule]:
        """Levels that a run is expected to use, and the counting rule.

        The rule is "published" where the scaling of the input can be folded into its encryption.
        """
        if "plan" not in self.executes:
            return cost_model(self.name).component_levels(approximation), "published"
        plan = approximation.plan
        folded = input_scaling(plan) is not None
        rule: Rule = "published" if folded or plan.inputs == 1 else "standalone"
        return count(plan, rule).levels, rule


def secure_ring(bits: int, smallest: int, largest: int) -> int | None:
    """The smallest ring dimension between two that may have so many bits of modulus at 128 bit; None: none of them.

    Examples
    --------
    >>> secure_ring(438, 1 << 10, 1 << 15) == 1 << 14, secure_ring(882, 1 << 10, 1 << 15)
    (True, None)
    """
    rings = (ring for ring, most in LARGEST_MODULUS.items() if smallest <= ring <= largest and bits <= most)
    return min(rings, default=None)


def check_secure(bits: int, ring_dimension: int, largest_ring: int = max(LARGEST_MODULUS)) -> None:
    """Refuse a modulus, with the primes of key switching, that a ring may not have at 128 bit.

    Raises
    ------
    BackendError
        With the ring that it takes, or, if there is none, the bits that there may be.

    Examples
    --------
    >>> check_secure(438, 1 << 14)
    >>> check_secure(439, 1 << 14)
    Traceback (most recent call last):
        ...
    polyapprox.encrypted.backend.BackendError: 439 bits of modulus are more than the 438 that \
ring_dimension=16384 may have at 128 bit; use ring_dimension=32768, fewer levels or a smaller scale
    """
    rings = {ring: most for ring, most in LARGEST_MODULUS.items() if ring <= largest_ring}
    most = rings.get(ring_dimension, 0)
    if bits <= most:
        return
    larger = secure_ring(bits, 0, largest_ring)
    if ring_dimension > largest_ring:
        said = f"128 bit are offered up to ring_dimension={largest_ring}, and not for {ring_dimension}"
    else:
        said = (
            f"{bits} bits of modulus are more than the {most} that "
            f"ring_dimension={ring_dimension} may have at 128 bit"
        )
    if larger is None:
        do = f"use fewer levels or a smaller scale: at most {max(rings.values())} bits in all"
    else:
        do = f"use ring_dimension={larger}, fewer levels or a smaller scale"
    raise BackendError(f"{said}; {do}")


def found_by_module(module: str, wheel: str, remedy: str) -> Availability:
    """Whether a wheel is in this environment, without importing it."""
    if find_spec(module) is None:
        return Availability(False, "", f"no module named {module}", remedy)
    return Availability(True, metadata.version(wheel), "in this environment", "")


def measured(values: np.ndarray, seconds: Sequence[float], levels: int, times: Times) -> Measured:
    """What a run gave: seconds of its four stages, but for the evaluation, which `times` has."""
    context, encrypt, decrypt = seconds
    evaluate = statistics.median(times.seconds)
    names = ("context and keys", "encrypt", "evaluate", "decrypt")
    stages = tuple(zip(names, (context, encrypt, evaluate, decrypt), strict=True))
    return Measured(values, evaluate, stages, levels, *times)


def read_arguments(
    inputs: int, arguments: Sequence[Any], parameters: Parameters, repeats: int = 1
) -> list[np.ndarray]:
    """As many arrays of one axis as a plan takes, float64, finite, no longer than the slots.

    What is no real number is refused, and `repeats` below 1.

    Raises
    ------
    ArgumentError

    Examples
    --------
    >>> from polyapprox.encrypted import Parameters
    >>> read_arguments(1, [[0.5, 0.25]], Parameters(32, 40, 2))[0].shape
    (2,)
    """
    if len(arguments) != inputs:
        raise ArgumentError(f"the plan takes {inputs} argument(s), got {len(arguments)}")
    whole("repeats", repeats, least=1)
    arrays = [floats("an argument", one) for one in arguments]
    for one in arrays:
        if one.ndim != 1 or one.shape != arrays[0].shape or not one.size:
            raise ArgumentError("the arguments must be arrays of one axis and one length")
        if not np.isfinite(one).all():
            raise ArgumentError("an argument has a value that is not finite")
    if arrays[0].size > parameters.slots:
        raise ArgumentError(
            f"{arrays[0].size} values do not fit into the {parameters.slots} slots of "
            f"ring_dimension={parameters.ring_dimension}; use a larger ring"
        )
    return arrays


def filled(values: np.ndarray, slots: int) -> np.ndarray:
    """The values again and again, until every slot has one.

    A slot left at 0 may lie outside the domain, where a polynomial can be so large that it spoils
    the whole ciphertext.

    Examples
    --------
    >>> filled(np.array([10.0, 11.0]), 5)
    array([10., 11., 10., 11., 10.])
    """
    return np.resize(values, slots)


def read_levels(levels: Sequence[int], repeats: int, parameters: Parameters) -> list[int]:
    """Remaining levels to time operations at.

    Raises
    ------
    ArgumentError
        If one is beyond the context's, or `repeats` is below 1.
    """
    whole("repeats", repeats, least=1)
    found = [whole("a level", level, least=0) for level in sequence("levels", levels)]
    for level in found:
        if level > parameters.levels:
            raise ArgumentError(f"levels has {level}; the context has 0 … {parameters.levels}")
    return found
