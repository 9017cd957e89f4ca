# SPDX-License-Identifier: Apache-2.0
"""An encrypted run: what a table is worth when it meets ciphertexts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from ..approximation import Approximation
from ..errors import ArgumentError
from ..given import floats, instance, positive, whole
from ..noise import Forecast
from ..plan.count import Rule
from ..proof.near import error_near
from .backend import Backend, BackendError, Measured, Parameters
from .choose import choose_parameters, noise_of

_TAIL = 2.0
_NEAREST = 2.0**-24  # of the points near 0, relative to the interval


@dataclass(frozen=True)
class EncryptedRun:
    """What was measured, beside what was proven and what was forecast.

    Attributes
    ----------
    function : str
    backend, version : str
    executed : {"plan", "components"}
        Operation by operation, or by the framework's own evaluator of polynomials.
    parameters : Parameters
    x : tuple of np.ndarray, each of shape (n,)
        The arguments.
    values : np.ndarray, shape (n,)
        Decrypted.
    error : np.ndarray, shape (n,)
        Decrypted minus exact function (weighted as the approximation's error is).
    largest_error : float
        Largest |error| measured of values inside the domain, absolute; nan if there is none.
    bound : float or None
        Proven bound of the approximation in exact arithmetic, absolute, for inputs with the noise
        that was asked for.
    noise : float
        Largest difference, measured, from the plan evaluated in the clear, absolute.
    forecast : Forecast or None
        What the noise model says (None: there is no model of this backend).
    stages : tuple of (str, float)
        Wall time in seconds, stage by stage.
    levels, counted : int
        Levels used, and those the plan (or the framework's cost model) counts.
    rule : {"published", "standalone"}
        The counting rule.
    outside : int
        How many values of x lie outside the domain.
    real, imaginary : float
        Noise of the inputs, relative to B.
    """

    function: str
    backend: str
    version: str
    executed: str
    parameters: Parameters
    x: tuple[np.ndarray, ...]
    values: np.ndarray
    error: np.ndarray
    largest_error: float
    bound: float | None
    noise: float
    forecast: Forecast | None
    stages: tuple[tuple[str, float], ...]
    levels: int
    counted: int
    rule: Rule
    outside: int
    real: float = 0.0
    imaginary: float = 0.0

    @property
    def security(self) -> str:
        """Name of the security level."""
        return self.parameters.security

    @property
    def stated_noise(self) -> float | None:
        """Noise that is allowed for: twice the forecast (but what inputs bring with them, once).

        The forecast is what one slot of a ciphertext is expected to exceed; by the model, twice
        as much is exceeded in one ciphertext of as many as it has slots.
        """
        if self.forecast is None:
            return None
        return _TAIL * (self.forecast.worst - self.forecast.inputs) + self.forecast.inputs

    @property
    def allowed(self) -> float | None:
        """Proven bound plus stated noise (None where one of them is missing)."""
        if self.bound is None or self.stated_noise is None:
            return None
        return self.bound + self.stated_noise

    @property
    def within(self) -> bool | None:
        """Whether the error measured is within proven bound plus stated noise.

        None where there is no bound or noise to compare with, or no value inside the domain.
        """
        if self.allowed is None or math.isnan(self.largest_error):
            return None
        return self.largest_error <= self.allowed

    def facts(self) -> dict[str, Any]:
        """Everything but the values, ready for JSON."""
        one = self.parameters
        noise = self.forecast
        return {
            "function": self.function,
            "backend": self.backend,
            "version": self.version,
            "executed": self.executed,
            "ring_dimension": one.ring_dimension,
            "scale_bits": one.scale_bits,
            "first_bits": one.first_bits,
            "levels_of_context": one.levels,
            "security": self.security,
            "values": int(self.values.size),
            "outside": self.outside,
            "input_noise_real": self.real,
            "input_noise_imaginary": self.imaginary,
            "largest_error": None if math.isnan(self.largest_error) else self.largest_error,
            "error_bound": self.bound,
            "noise_measured": None if math.isnan(self.noise) else self.noise,
            "noise_forecast": None if noise is None else noise.worst,
            "within": self.within,
            "levels_used": self.levels,
            "levels_counted": self.counted,
            "rule": self.rule,
            "seconds": dict(self.stages),
        }


def run(
    approximation: Approximation,
    x: Any = None,
    *,
    backend: str = "openfhe",
    parameters: Parameters | None = None,
    allow_outside: bool = False,
    real: float = 0.0,
    imaginary: float = 0.0,
    seed: int = 0,
) -> EncryptedRun:
    """Encrypt, evaluate, decrypt, compare.

    Parameters
    ----------
    approximation : Approximation
    x : array-like, shape (n,), optional
        Inputs, or a pair of such for maximum and minimum; by default a full ciphertext of points
        over the whole domain, half of them dense near 0 where that lies inside.
    backend : {"openfhe", "lattigo", "tenseal", "desilofhe"}
    parameters : Parameters, optional
        Of the context; by default chosen from the levels counted and the noise model, "not
        secure, for tests" (see :func:`polyapprox.encrypted.choose_parameters`).
    allow_outside : bool
        Whether inputs outside the domain are encrypted all the same; what is proven does not
        hold for them, and they are left out of the errors.
    real, imaginary : float
        Noise that inputs carry already, as after a bootstrap: the largest, relative to B. What is
        proven and forecast allows for both. Encrypted is x with real noise added, evenly spread
        (a backend encrypts real numbers); the errors are those from the function at x.
    seed : int
        Of that noise.

    Returns
    -------
    EncryptedRun

    Raises
    ------
    ArgumentError
        If inputs lie outside the domain, do not fit into a ciphertext, or the context has too few
        levels or bits.
    BackendError
        If the framework is missing or fails.

    Examples
    --------
    >>> from polyapprox import circuit
    >>> from polyapprox.encrypted import backends
    >>> if backends()["openfhe"].find().found:
    ...     ended = run(circuit("relu", multiplications=4))
    ...     assert ended.within and ended.levels == ended.counted == 4
    """
    from . import backend as backend_of

    instance("approximation", approximation, Approximation, "an Approximation")
    if parameters is not None:
        instance("parameters", parameters, Parameters, "Parameters")
    real, imaginary = positive("real", real, zero=True), positive("imaginary", imaginary, zero=True)
    whole("seed", seed, least=0)
    framework = backend_of(backend)
    available = framework.find()
    if not available.found:
        raise BackendError(
            f"{backend} was not found ({available.reason}); get it by: {available.remedy}"
        )
    given = None if x is None else _arguments(approximation, x)
    chosen = parameters or choose_parameters(
        approximation, framework, values=None if given is None else given[0].size
    )
    counted, rule = framework.counted_levels(approximation)
    forecast = noise_of(
        approximation, backend, chosen.scale_bits, chosen.ring_dimension, real, imaginary
    )
    _check(chosen, counted, forecast)
    slots = framework.largest_input(chosen.ring_dimension)
    arguments = given or default_inputs(approximation, slots)
    inside = _inside(approximation, arguments)
    outside = int(arguments[0].size - inside.sum())
    if outside and not allow_outside:
        raise ArgumentError(
            f"inputs outside the domain, where nothing is proven: {outside} of {inside.size}; "
            "leave them out, widen the interval, or allow them (allow_outside=True)"
        )
    sent = _with_noise(approximation, arguments, real, seed)
    executed, measured = _execute(framework, chosen, approximation, sent)
    error = _error(approximation, arguments, measured.values)
    clear = np.asarray(approximation(*sent))
    difference = np.abs(measured.values - clear)
    return EncryptedRun(
        function=approximation.function,
        backend=backend,
        version=available.version,
        executed=executed,
        parameters=chosen,
        x=arguments,
        values=measured.values,
        error=error,
        largest_error=_largest(error[inside]),
        bound=_bound(approximation, real, imaginary),
        noise=_largest(difference[inside]),
        forecast=forecast,
        stages=measured.stages,
        levels=measured.levels,
        counted=counted,
        rule=rule,
        outside=outside,
        real=real,
        imaginary=imaginary,
    )


def _largest(errors: np.ndarray) -> float:
    """The largest of the errors that count; nan if none does."""
    return float(np.max(np.abs(errors))) if errors.size else math.nan


def _bound(approximation: Approximation, real: float, imaginary: float) -> float | None:
    """Proven bound of the error for inputs with noise (None for a black box)."""
    if approximation.certificate is None:
        return None
    if not real and not imaginary:
        return approximation.error_bound
    return error_near(approximation, real, imaginary)


def _with_noise(
    approximation: Approximation, x: tuple[np.ndarray, ...], real: float, seed: int
) -> tuple[np.ndarray, ...]:
    if not real:
        return x
    chance, size = np.random.default_rng(seed), real * float(approximation.scale)
    return tuple(column + chance.uniform(-size, size, column.shape) for column in x)


def default_inputs(approximation: Approximation, count: int) -> tuple[np.ndarray, ...]:
    """A ciphertext full of points over the domain, both ends of each interval among them.

    Examples
    --------
    >>> from polyapprox import minimax
    >>> (x,) = default_inputs(minimax("exp(x)", 3, domain=(1, 2)), 5)
    >>> x.tolist()
    [1.0, 1.25, 1.5, 1.75, 2.0]
    """
    parts = [(float(low), float(high)) for low, high in approximation.domain]
    shares = [count // len(parts)] * len(parts)
    shares[0] += count - sum(shares)
    columns = [_points(low, high, share) for (low, high), share in zip(parts, shares, strict=True)]
    first = np.concatenate(columns)
    if approximation.inputs == 1:
        return (first,)
    low, high = parts[0]
    turned = low + (high - low) * ((np.arange(count) * 0.6180339887498949) % 1.0)
    return first, turned


def _points(low: float, high: float, count: int) -> np.ndarray:
    if not low < 0 < high or count < 16:
        return np.linspace(low, high, count)
    even, near = np.linspace(low, high, count - count // 2), count // 4
    return np.concatenate(
        [
            even,
            np.geomspace(-low * _NEAREST, -low, near) * -1.0,
            np.geomspace(high * _NEAREST, high, count // 2 - near),
        ]
    )


def _execute(
    framework: Backend, parameters: Parameters, one: Approximation, x: tuple[np.ndarray, ...]
) -> tuple[str, Measured]:
    with framework.session(parameters) as session:
        if "plan" in framework.executes:
            return "plan", session.run_plan(one.plan, *x)
        return "components", session.run_components(one, x[0])


def _arguments(approximation: Approximation, x: Any) -> tuple[np.ndarray, ...]:
    two = approximation.inputs == 2
    columns = tuple(floats("x", one).ravel() for one in (x if two else (x,)))
    if len(columns) != (2 if two else 1) or any(c.size != columns[0].size for c in columns):
        raise ArgumentError(
            f"x must be a pair of arrays of one length for {approximation.function}"
        )
    if not columns[0].size:
        raise ArgumentError("x is empty; give at least one value")
    if not all(np.isfinite(column).all() for column in columns):
        raise ArgumentError("x has values that are not finite")
    return columns


def _inside(approximation: Approximation, x: tuple[np.ndarray, ...]) -> np.ndarray:
    result = np.ones(x[0].shape, dtype=bool)
    for column in x:
        within = np.zeros(column.shape, dtype=bool)
        for low, high in approximation.domain:
            within |= (column >= float(low)) & (column <= float(high))
        result &= within
    return result


def _check(parameters: Parameters, counted: int, forecast: Forecast | None) -> None:
    if parameters.levels < counted:
        raise ArgumentError(
            f"the context has levels={parameters.levels}, {counted} are needed; give the context "
            "more levels, or use an approximation with fewer"
        )
    if forecast is not None and not forecast.fits(parameters.first_bits):
        raise ArgumentError(
            f"the result, as large as {forecast.largest_result:.4g}, does not fit into "
            f"first_bits={parameters.first_bits} at scale_bits={parameters.scale_bits}; use a "
            "smaller scale or more first bits"
        )


def _error(
    approximation: Approximation, x: tuple[np.ndarray, ...], values: np.ndarray
) -> np.ndarray:
    if approximation.kin is not None and approximation.inputs == 2:
        return np.asarray(values - approximation.kin.floats(*x))
    from ..proof.error_function import error_function

    error = error_function(approximation)
    difference = values - error.target.numpy(x[0])
    return cast("np.ndarray", difference if error.weight is None else difference * error.weight.numpy(x[0]))
