# SPDX-License-Identifier: Apache-2.0
"""A forecast of the scheme's noise in the result of a plan: a stated model, not a proof.

Sources: the encryption of each argument, and the rounding of each rescaling (after a product of
ciphertexts, or with a constant that is not free), independent, of the sizes of
:mod:`polyapprox.noise.schemes`. Each reaches the result multiplied by the derivative of the result
with respect to the operation it arises in (first order); variances add up. The figure given is
the expected largest error over slots whose inputs are spread evenly over the interval. Noise that
the arguments carry already, as after a bootstrap, is not a model's: the plan is run with it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product

import numpy as np

from ..errors import ArgumentError
from ..given import floats, instance, is_whole, number, shown
from ..plan.plan import Plan
from ..precision import one_at_a_time
from .propagation import Propagation, propagate
from .schemes import Scheme, scheme as scheme_of

EVEN = 4096
_NEAR = 1024
_GOLDEN = 0.6180339887498949
_RINGS = (1 << 10, 1 << 17)
_SCALES = (15, 62)


@dataclass(frozen=True)
class Forecast:
    """What the model says of a plan under encryption.

    Attributes
    ----------
    error : float
        Expected largest |error| of the result over the slots, absolute: the noise of the scheme
        and of the inputs, without the error of the approximation and of rounded constants.
    worst : float
        The same if every slot held the argument where the noise is largest, as near 0 for ReLU.
    rms : float
        Largest root mean square of the random part, over the interval.
    fresh, rescale : float
        Largest root mean square of what encryption and what rescalings contribute.
    drift : float
        Largest |error| from scales that are not what they are called (part of `error`).
    inputs : float
        Largest change of the result, sampled, by the noise that the inputs carry (part of `error`).
    largest_value, largest_result : float
        Largest |value| of any operation, and of the result, at the sample points.
    scheme : str
    scale_bits, ring_dimension, slots, levels : int
        The setting; levels by the rule "standalone".
    """

    error: float
    worst: float
    rms: float
    fresh: float
    rescale: float
    drift: float
    inputs: float
    largest_value: float
    largest_result: float
    scheme: str
    scale_bits: int
    ring_dimension: int
    slots: int
    levels: int

    @property
    def bits(self) -> float:
        """−log2 of `error`."""
        return math.inf if not self.error else -math.log2(self.error)

    def fits(self, first_bits: int = 60) -> bool:
        """Whether a first modulus of that many bits holds the result: |result| · scale < q/2."""
        return self.largest_result < 2.0 ** (first_bits - self.scale_bits - 1)


@one_at_a_time
def forecast(
    plan: Plan,
    *,
    half_width: float,
    scale_bits: int,
    ring_dimension: int,
    scheme: str = "openfhe",
    slots: int | None = None,
    interval: tuple[float, float] | None = None,
    real: float = 0.0,
    imaginary: float = 0.0,
) -> Forecast:
    """Forecast the noise of a plan evaluated under encryption.

    Parameters
    ----------
    plan : Plan
    half_width : float
        W: the arguments lie in [-W, W].
    scale_bits : int
        log2 of the scale, from 15 to 62.
    ring_dimension : int
        N, a power of two.
    scheme : {"openfhe", "lattigo", "tenseal", "desilofhe"}
        Whose constants (OpenFHE: FLEXIBLEAUTO).
    slots : int, optional
        Values in the ciphertext; by default N/2.
    interval : (float, float), optional
        Where the arguments lie, if not in [-W, W].
    real, imaginary : float
        Noise that the arguments carry already, as after a bootstrap: the largest, relative to the
        largest size of an argument.

    Returns
    -------
    Forecast

    Raises
    ------
    ArgumentError
        If an argument is out of range, or the plan overflows.

    Examples
    --------
    >>> from polyapprox import circuit
    >>> plan = circuit("relu", multiplications=7).plan
    >>> small = forecast(plan, half_width=1, scale_bits=50, ring_dimension=1 << 13)
    >>> 1e-12 < small.error < 1e-9
    True
    >>> large = forecast(plan, half_width=1, scale_bits=40, ring_dimension=1 << 13)
    >>> round(large.error / small.error)
    1024
    """
    instance("plan", plan, Plan, "a Plan, such as approximation.plan")
    constants = scheme_of(scheme)
    check_setting(scale_bits, ring_dimension)
    half = ring_dimension // 2
    if slots is not None and not (is_whole(slots) and 1 <= slots <= half):
        raise ArgumentError(f"slots={shown(slots)} must be from 1 to N/2 = {half}")
    slots = half if slots is None else int(slots)
    if interval is None:
        width = number("half_width", half_width)
        interval = (-width, width)
    ends = floats("interval", interval).ravel().tolist()
    low, high = ends if len(ends) == 2 else (1.0, 0.0)
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ArgumentError(f"the interval {shown(interval)} must be finite and not empty")
    points = sample_arguments(plan.inputs, low, high)
    found = propagate(plan, *points)
    size = max(abs(low), abs(high))
    inputs = carried(plan, points, size * number("real", real), size * number("imaginary", imaginary))
    return forecast_of(plan, found, constants, scale_bits, ring_dimension, slots, inputs)


def carried(
    plan: Plan, points: tuple[np.ndarray, ...], real: float, imaginary: float
) -> float:
    """Largest change of the real part of the result, sampled, by errors of the arguments.

    Parameters
    ----------
    plan : Plan
    points : tuple of numpy.ndarray
        Arguments.
    real, imaginary : float
        Their errors, absolute: of every sign, and half as large.

    Examples
    --------
    >>> from polyapprox.plan import PlanBuilder
    >>> builder = PlanBuilder()
    >>> (x,) = builder.arguments
    >>> square = builder.finish(builder.multiply(x, x))
    >>> carried(square, (np.array([0.5]),), 0.25, 0.5)
    0.4375
    """
    check_input_noise(real, imaginary)
    if not real and not imaginary:
        return 0.0
    with np.errstate(all="ignore"):
        exact, largest = plan.run(*points), 0.0
        for signs in product((-1.0, 1.0), repeat=plan.inputs):
            for share in product((0.0, 0.5, 1.0), repeat=2):
                noise = complex(real * share[0], imaginary * share[1])
                shifted = [x + s * noise for x, s in zip(points, signs, strict=True)]
                change = np.abs(np.real(plan.run(*shifted)) - exact)
                largest = max(largest, float(np.max(np.where(np.isnan(change), np.inf, change))))
    return largest


def check_input_noise(real: float, imaginary: float) -> None:
    """Refuse noise of the inputs that is none.

    Raises
    ------
    ArgumentError
    """
    for name, value in (("real", real), ("imaginary", imaginary)):
        if not (0 <= value < math.inf):
            raise ArgumentError(f"{name}={value!r}, the noise of the inputs, must not be negative")


def sample_arguments(inputs: int, low: float, high: float) -> tuple[np.ndarray, ...]:
    """4096 arguments spread evenly over the interval, then 2048 that are dense near 0.

    Of further arguments the first ones are multiples of the golden ratio modulo 1, scaled, and
    the others zero (or next to it).
    """
    steps = (np.arange(EVEN) + 0.5) / EVEN
    near = np.geomspace(1e-9, 1.0, _NEAR) * max(abs(low), abs(high))
    columns = []
    for place in range(inputs):
        part = (np.arange(EVEN) * _GOLDEN * place) % 1.0 if place else steps
        dense = np.concatenate([near, -near]) if not place else np.zeros(2 * _NEAR)
        columns.append(np.concatenate([low + (high - low) * part, np.clip(dense, low, high)]))
    return tuple(columns)


def forecast_of(
    plan: Plan,
    found: Propagation,
    constants: Scheme,
    scale_bits: int,
    ring_dimension: int,
    slots: int,
    carried_noise: float = 0.0,
) -> Forecast:
    """The forecast from values and adjoints that are known already."""
    inputs = [index for index, operation in enumerate(plan.operations) if operation.kind == "input"]
    rescaled = np.flatnonzero(found.rescaled)
    of_inputs = np.sum(found.adjoints[inputs] ** 2, axis=0)
    of_rescalings = np.sum(found.adjoints[rescaled] ** 2, axis=0)
    factor = constants.decoding
    fresh = factor * constants.fresh(ring_dimension, scale_bits) * np.sqrt(of_inputs)
    rescale = factor * constants.rescale(ring_dimension, scale_bits) * np.sqrt(of_rescalings)
    rms = np.hypot(fresh, rescale)
    levels = found.levels[plan.output]
    drift = np.zeros(found.values.shape[1])
    relative = constants.drifts(ring_dimension, scale_bits, max(found.levels))
    for index in rescaled:
        shift = relative[found.levels[index] - 1]
        drift += found.adjoints[index] * found.values[index] * shift
    largest_drift = float(np.max(np.abs(drift)))
    highest = np.full(1, np.max(rms))
    return Forecast(
        error=expected_largest(rms[:EVEN], slots) + largest_drift + carried_noise,
        worst=expected_largest(highest, slots) + largest_drift + carried_noise,
        rms=float(np.max(rms)),
        fresh=float(np.max(fresh)),
        rescale=float(np.max(rescale)),
        drift=largest_drift,
        inputs=carried_noise,
        largest_value=float(np.max(np.abs(found.values))),
        largest_result=float(np.max(np.abs(found.values[plan.output]))),
        scheme=constants.name,
        scale_bits=scale_bits,
        ring_dimension=ring_dimension,
        slots=slots,
        levels=levels,
    )


def expected_largest(rms: np.ndarray, slots: int) -> float:
    """The size that one of so many errors is expected to exceed.

    The error of a slot is mostly the product of two independent complex normal numbers, a
    rounding and the secret key there: its real part has Laplace's distribution, with heavier
    tails than a normal one, P(|e| > t) = exp(−√2 t / rms).

    Parameters
    ----------
    rms : numpy.ndarray, shape (points,)
        Root mean squares at points; every point stands for slots/points of the slots.
    slots : int

    Examples
    --------
    >>> round(expected_largest(np.ones(100), 8192), 2)
    6.37
    """
    top = float(np.max(rms))
    if not top > 0:
        return 0.0
    low, high = 0.0, 20.0 * top
    share = slots / rms.size
    used = rms[rms > 0] / math.sqrt(2.0)
    for _ in range(60):
        middle = (low + high) / 2
        if share * float(np.sum(np.exp(-middle / used))) > 1:
            low = middle
        else:
            high = middle
    return high


def check_setting(scale_bits: int, ring_dimension: int) -> None:
    """Refuse a scale or a ring dimension that no scheme has.

    Raises
    ------
    ArgumentError
    """
    if not is_whole(scale_bits):
        raise ArgumentError(f"scale_bits={shown(scale_bits)} must be a whole number")
    if not _SCALES[0] <= scale_bits <= _SCALES[1]:
        raise ArgumentError(f"scale_bits={shown(scale_bits)} must be from {_SCALES[0]} to {_SCALES[1]}")
    power = is_whole(ring_dimension) and ring_dimension & (ring_dimension - 1) == 0
    if not power or not _RINGS[0] <= ring_dimension <= _RINGS[1]:
        raise ArgumentError(
            f"ring_dimension={shown(ring_dimension)} must be a power of two from 2^10 to 2^17"
        )
