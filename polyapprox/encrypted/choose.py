# SPDX-License-Identifier: Apache-2.0
"""Choosing the parameters of a context: levels counted, scale from the noise model, then the ring."""

from __future__ import annotations

from ..approximation import Approximation
from ..errors import ArgumentError
from ..given import instance, shown, whole
from ..noise import SCHEMES, Forecast, forecast
from ..plan.count import input_scaling
from ..plan.plan import Operation, Plan
from .backend import LARGEST_MODULUS, Backend, Parameters, secure_ring

SMALLEST_RING, LARGEST_RING = 1 << 12, 1 << 16
_SCALES = range(40, 60)
_SHARE = 16.0  # the noise is to be so many times smaller than the bound
_FIRST_BITS = 60


def noise_of(
    approximation: Approximation,
    backend: str,
    scale_bits: int,
    ring_dimension: int,
    real: float = 0.0,
    imaginary: float = 0.0,
) -> Forecast | None:
    """The noise that the model forecasts for the plan (None: no model of this backend).

    `real` and `imaginary`: noise of the inputs, relative to B.
    """
    if backend not in SCHEMES:
        return None
    low, high = (float(end) for end in approximation.interval)
    plan, factor = without_input_scaling(approximation.plan)
    low, high = sorted((low * factor, high * factor))
    return forecast(
        plan,
        half_width=max(abs(low), abs(high)),
        scale_bits=scale_bits,
        ring_dimension=ring_dimension,
        scheme=backend,
        interval=(low, high),
        real=real,
        imaginary=imaginary,
    )


def without_input_scaling(plan: Plan) -> tuple[Plan, float]:
    """The plan that is left when the scaling of its input is folded into the encryption.

    Examples
    --------
    >>> from polyapprox import circuit
    >>> plan = circuit("relu", multiplications=1, interval=(-8, 8)).plan
    >>> rest, factor = without_input_scaling(plan)
    >>> rest.run(factor * 8.0) == plan.run(8.0), len(plan.operations) - len(rest.operations)
    (True, 1)
    """
    folded = input_scaling(plan)
    if folded is None:
        return plan, 1.0
    kept: list[Operation] = []
    place: dict[int, int] = {-1: -1}
    for index, operation in enumerate(plan.operations):
        if index == folded:
            place[index] = place[operation.left]
            continue
        place[index] = len(kept)
        if operation.kind != "input":
            left, right = place[operation.left], place[operation.right]
            operation = operation._replace(left=left, right=right)
        kept.append(operation)
    constant = plan.operations[folded].constant
    return Plan(tuple(kept), place[plan.output]), float(constant or 0)


def choose_parameters(
    approximation: Approximation,
    backend: Backend,
    *,
    values: int | None = None,
    ring_dimension: int | None = None,
    scale_bits: int | None = None,
    levels: int | None = None,
    secure: bool = False,
) -> Parameters:
    """Parameters of a context that is big enough for a plan.

    Parameters
    ----------
    approximation : Approximation
    backend : Backend
    values : int, optional
        How many numbers one ciphertext must hold.
    ring_dimension, scale_bits, levels : int, optional
        Override what would be chosen.
    secure : bool
        128 bit by the table of the HE standard; otherwise the smallest sensible ring, "not secure,
        for tests".

    Raises
    ------
    ArgumentError
        If no scale carries the bound and the result, or no ring is large enough.

    Examples
    --------
    >>> from polyapprox import circuit
    >>> from polyapprox.encrypted import backend
    >>> chosen = choose_parameters(circuit("relu", multiplications=7), backend("openfhe"))
    >>> chosen.ring_dimension, chosen.levels, chosen.security
    (4096, 7, 'not secure, for tests')
    """
    instance("approximation", approximation, Approximation, "an Approximation")
    if not isinstance(backend, Backend):
        raise ArgumentError(f"backend={shown(backend)} must be what encrypted.backend(name) gives")
    for name, given in (
        ("values", values), ("ring_dimension", ring_dimension), ("scale_bits", scale_bits),
        ("levels", levels),
    ):  # fmt: skip
        if given is not None:
            whole(name, given, least=0)
    needed = backend.counted_levels(approximation)[0] if levels is None else levels
    ring = ring_dimension or SMALLEST_RING
    while values is not None and ring_dimension is None and backend.largest_input(ring) < values:
        ring *= 2
        if ring > LARGEST_RING:
            raise ArgumentError(
                f"x has {values} values; one ciphertext holds {backend.largest_input(ring // 2)} "
                "at most: give fewer at a time"
            )
    scale = _scale(approximation, backend.name, ring) if scale_bits is None else scale_bits
    if secure and ring_dimension is None:
        ring = _secure_ring(backend, ring, scale, needed)
    return Parameters(ring, scale, needed, max(_FIRST_BITS, scale), secure)


def _scale(approximation: Approximation, backend: str, ring_dimension: int) -> int:
    """The smallest scale at which noise is far below the error, and the result fits."""
    certified = approximation.certificate is not None
    error = approximation.error_bound if certified else approximation.error_estimate
    largest = None
    for scale_bits in _SCALES:
        noise = noise_of(approximation, backend, scale_bits, ring_dimension)
        if noise is None:
            return 50
        if not noise.fits(_FIRST_BITS):
            break
        largest = scale_bits
        if noise.worst * _SHARE <= error:
            return scale_bits
    if largest is None:
        raise ArgumentError(
            f"the values of this {approximation.function} do not fit into a modulus of "
            f"{_FIRST_BITS} bits at a scale of {_SCALES[0]} bits; use a smaller interval"
        )
    return largest


def _secure_ring(backend: Backend, smallest: int, scale_bits: int, levels: int) -> int:
    bits = _FIRST_BITS + levels * scale_bits + backend.special_bits(scale_bits, levels)
    largest = backend.largest_secure_ring
    ring = secure_ring(bits, smallest, largest)
    if ring is not None:
        return ring
    raise ArgumentError(
        f"{levels} levels of {scale_bits} bits need a modulus of about {bits} bits; 128 bit of "
        f"security allow {LARGEST_MODULUS[largest]} at 2^{largest.bit_length() - 1}, the largest ring "
        f"of {backend.title}: use fewer levels or a smaller scale"
    )
