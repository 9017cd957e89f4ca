# SPDX-License-Identifier: Apache-2.0
"""Whether a scale carries a precision, and the smallest one that does.

The error of an encrypted result is at most

    proven bound of the plan with rounded constants  +  noise of the scheme,

the first proven, the second a forecast by a model: the sum is an expectation, not a bound.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from ..approximation import Approximation
from ..errors import ArgumentError, ProofError
from ..given import as_float, instance, shown
from ..outward import upper
from ..precision import one_at_a_time
from ..proof.near import error_near
from ..words import counted
from .amplification import amplification
from .deviation import deviation_bound
from .forecast import (
    Forecast,
    carried,
    check_setting,
    forecast,
    forecast_of,
    sample_arguments,
)
from .propagation import propagate
from .quantise import quantise
from .schemes import TooFewPrimesError, scheme as scheme_of

_FIRST_SCALE, _LAST_SCALE = 20, 60


class ScaleWarning(UserWarning):
    """The scale chosen does not carry the precision asked for; the message says what would."""


@dataclass(frozen=True)
class Setting:
    """A ciphertext's setting.

    Attributes
    ----------
    ring_dimension : int
    scheme : str
        Of :data:`polyapprox.noise.SCHEMES`.
    first_bits : int
        Bits of the first modulus, which the result must fit into.
    levels : int or None
        Levels that may be used, the scaling of the input included (rule "standalone").
    real, imaginary : float
        Noise that the inputs carry already, as after a bootstrap: the largest, relative to B.
    """

    ring_dimension: int
    scheme: str = "openfhe"
    first_bits: int = 60
    levels: int | None = None
    real: float = 0.0
    imaginary: float = 0.0


@dataclass(frozen=True)
class Assessment:
    """What a scale does to an approximation.

    Attributes
    ----------
    scale_bits : int
    tolerance : float
        Absolute error asked for.
    exact_bound : float
        Proven bound of the plan as it is, for inputs with the noise of the setting.
    rounded_bound : float
        The same of the plan with its constants rounded to the scale.
    deviation : float or None
        Proven bound of what the rounding changes in any value; None for very large degrees.
    noise : Forecast
        Of the rounded plan.
    fits : bool
        Whether the first modulus holds the result at this scale.
    enough_levels : bool
        Whether the plan stays within the levels that may be used.
    """

    scale_bits: int
    tolerance: float
    exact_bound: float
    rounded_bound: float
    deviation: float | None
    noise: Forecast
    fits: bool
    enough_levels: bool = True

    @property
    def total(self) -> float:
        """Proven bound of the rounded plan plus the forecast noise, wherever the slots lie."""
        return self.rounded_bound + self.noise.worst

    @property
    def carries(self) -> bool:
        """Whether the total is within the tolerance, the levels suffice and the result fits."""
        return self.fits and self.enough_levels and self.total <= self.tolerance


def assess(
    approximation: Approximation,
    scale_bits: int,
    setting: Setting,
    *,
    precision: float | None = None,
    tolerance: float | None = None,
) -> Assessment:
    """What a scale does to an approximation; warns where it does not carry the precision.

    Parameters
    ----------
    approximation : Approximation
        With a proven bound.
    scale_bits : int
    setting : Setting
    precision, tolerance : float, optional
        What is asked for: in the unit of bits (the larger end of the interval for ReLU and its
        kin, else 1), or absolute; by default the next power of two above the proven bound.

    Raises
    ------
    ArgumentError
        If an argument is out of range, or the approximation itself is not as precise as that.
    ProofError
        If the rounded plan cannot be proven.

    Warns
    -----
    ScaleWarning
        If the scale does not carry the precision.

    Examples
    --------
    >>> from polyapprox import circuit
    >>> r = circuit("relu", multiplications=5)
    >>> found = assess(r, 40, Setting(1 << 13), precision=2**-7)
    >>> found.carries, found.total - found.exact_bound < 2**-20
    (True, True)
    """
    wanted = _tolerance(approximation, setting, precision, tolerance)
    found = _assess(approximation, scale_bits, setting, wanted)
    if not found.carries:
        warnings.warn(advice(approximation, found, setting), ScaleWarning, stacklevel=2)
    return found


@one_at_a_time
def smallest_scale(
    approximation: Approximation,
    setting: Setting,
    *,
    precision: float | None = None,
    tolerance: float | None = None,
) -> Assessment:
    """The smallest scale that carries the precision asked for.

    Parameters
    ----------
    approximation, setting, precision, tolerance
        As for :func:`assess`.

    Returns
    -------
    Assessment
        Of the smallest scale, from 20 to 60 bits, whose total is within the tolerance.

    Raises
    ------
    ArgumentError
        As for :func:`assess`; also if no scale carries the precision (the message says why).

    Examples
    --------
    >>> from polyapprox import circuit
    >>> r = circuit("relu", multiplications=5)
    >>> 24 <= smallest_scale(r, Setting(1 << 13), precision=2**-7).scale_bits <= 32
    True
    """
    wanted = _tolerance(approximation, setting, precision, tolerance)
    found = _smallest(approximation, setting, wanted)
    if found is None:
        last = _assess(approximation, _LAST_SCALE - 1, setting, wanted)
        raise ArgumentError(
            f"no scale up to {_LAST_SCALE} bits carries an error of {wanted:.4g} with a first "
            f"modulus of {setting.first_bits} bits: {_causes(last, setting)}"
        )
    return found


def sweep(
    approximation: Approximation,
    setting: Setting,
    scales: Iterable[int],
    *,
    precision: float | None = None,
    tolerance: float | None = None,
) -> list[Assessment]:
    """:func:`assess` for several scales, without warnings and without those where nothing is proven.

    Examples
    --------
    >>> from polyapprox import circuit
    >>> found = sweep(circuit("relu", multiplications=3), Setting(1 << 13), (30, 40, 50))
    >>> [one.scale_bits for one in found if one.carries]
    [30, 40, 50]
    """
    wanted = _tolerance(approximation, setting, precision, tolerance)
    found = []
    for scale_bits in scales:
        with suppress(ProofError, TooFewPrimesError):
            found.append(_assess(approximation, scale_bits, setting, wanted))
    return found


def advice(approximation: Approximation, found: Assessment, setting: Setting) -> str:
    """Why a scale does not carry the precision, and what to do, in one sentence."""
    better = _smallest(approximation, setting, found.tolerance)
    if better is not None:
        do = f"use a scale of {better.scale_bits} bits"
    elif not found.enough_levels:
        do = "use an approximation of fewer levels, or more levels"
    else:
        do = "use a more precise approximation, a smaller interval or a larger first modulus"
    low, high = (float(end) for end in approximation.interval)
    table = amplification(approximation.plan, low, high)
    worst = table.steepest
    where = f" (operation v{worst.index} is amplified most, {worst.slope:.3g} times)"
    return (
        f"a scale of {found.scale_bits} bits does not carry an error of {found.tolerance:.4g}: "
        f"{_causes(found, setting)}{where if found.fits and found.enough_levels else ''}; {do}"
    )


def _causes(found: Assessment, setting: Setting) -> str:
    if not found.enough_levels:
        return (
            f'the plan uses {counted(found.noise.levels, "level")} (rule "standalone"), and {setting.levels} '
            "are there"
        )
    if not found.fits:
        return (
            f"the result, as large as {found.noise.largest_result:.4g}, does not fit into a first "
            f"modulus of {setting.first_bits} bits"
        )
    return (
        f"{upper(found.rounded_bound, 4)} are proven with the constants rounded "
        f"({upper(found.exact_bound, 4)} without), and {found.noise.worst:.3g} of noise are forecast"
    )


def _assess(
    approximation: Approximation, scale_bits: int, setting: Setting, tolerance: float
) -> Assessment:
    rounded = quantise(approximation, scale_bits)
    low, high = (float(end) for end in approximation.interval)
    noise = forecast(
        rounded.plan,
        half_width=max(abs(low), abs(high)),
        scale_bits=scale_bits,
        ring_dimension=setting.ring_dimension,
        scheme=setting.scheme,
        interval=(low, high),
        real=setting.real,
        imaginary=setting.imaginary,
    )
    return Assessment(
        scale_bits=scale_bits,
        tolerance=tolerance,
        exact_bound=_bound(approximation, setting),
        rounded_bound=_bound(rounded, setting),
        deviation=deviation_bound(approximation, rounded.plan),
        noise=noise,
        fits=noise.fits(setting.first_bits),
        enough_levels=setting.levels is None or noise.levels <= setting.levels,
    )


def _bound(approximation: Approximation, setting: Setting) -> float:
    """Proven bound of the error for inputs with the noise of the setting."""
    if not setting.real and not setting.imaginary:
        return approximation.error_bound
    return error_near(approximation, setting.real, setting.imaginary)


def _least(approximation: Approximation, setting: Setting) -> float:
    """The error without any noise of the scheme: what is proven, and noise of inputs carried on."""
    low, high = (float(end) for end in approximation.interval)
    plan, width = approximation.plan, max(abs(low), abs(high))
    points = sample_arguments(plan.inputs, low, high)
    inputs = carried(plan, points, width * setting.real, width * setting.imaginary)
    return _bound(approximation, setting) + inputs


def _with_noise(setting: Setting) -> str:
    return " with the noise of its inputs" if setting.real or setting.imaginary else ""


def _smallest(
    approximation: Approximation, setting: Setting, tolerance: float
) -> Assessment | None:
    low, high = (float(end) for end in approximation.interval)
    plan, constants = approximation.plan, scheme_of(setting.scheme)
    ring = setting.ring_dimension
    points = sample_arguments(plan.inputs, low, high)
    propagation, width = propagate(plan, *points), max(abs(low), abs(high))
    inputs = carried(plan, points, width * setting.real, width * setting.imaginary)
    if setting.levels is not None and propagation.levels[plan.output] > setting.levels:
        return None
    for scale_bits in range(_FIRST_SCALE, _LAST_SCALE + 1):
        check_setting(scale_bits, ring)
        try:
            noise = forecast_of(
                plan, propagation, constants, scale_bits, ring, ring // 2, inputs
            )
        except TooFewPrimesError:
            continue
        if not noise.fits(setting.first_bits):
            return None
        if noise.worst > tolerance:
            continue
        try:
            found = _assess(approximation, scale_bits, setting, tolerance)
        except ProofError:  # rounded so much that nothing can be proven
            continue
        if found.carries:
            return found
    return None


def _tolerance(
    approximation: Approximation,
    setting: Setting,
    precision: float | None,
    tolerance: float | None,
) -> float:
    instance("approximation", approximation, Approximation, "an Approximation")
    if precision is not None and tolerance is not None:
        raise ArgumentError("give precision or tolerance, not both")
    unit = float(approximation.unit)
    bound = _least(approximation, setting)
    if math.isinf(bound):
        raise ArgumentError(
            f"noise of the inputs of real={setting.real:.6g}, imaginary={setting.imaginary:.6g} "
            "leaves nothing that can be proven of this approximation; give it a guard, or use one "
            "that bears more, such as a circuit"
        )
    if precision is None and tolerance is None:
        return unit * 2.0 ** -math.floor(-math.log2(bound / unit) * (1 - 1e-12))
    name, given = ("precision", precision) if tolerance is None else ("tolerance", tolerance)
    number = as_float(given)
    if number is None or not 0 < number < math.inf:
        raise ArgumentError(f"{name}={shown(given)} must be positive and finite")
    wanted = number * unit if tolerance is None else number
    if bound > wanted:
        raise ArgumentError(
            f"{name}={given:.6g} asks for an error of {wanted:.6g}, but that of the approximation itself "
            f"is up to {upper(bound)}{_with_noise(setting)}; use a more precise one"
        )
    return wanted
