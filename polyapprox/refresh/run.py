# SPDX-License-Identifier: Apache-2.0
"""A series inside the bootstrap of OpenFHE, measured; and beside it "bootstrap, then circuit".

With the series, the same refresh gives cos θ and sin θ, which are series of degree 1 without any
error of approximation: what they are off by is the noise of e^{iθ} itself. Times the proven
amplification it is what noise may add to the result, to first order; twice that is allowed for.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..approximation import Approximation
from ..encrypted.backend import BackendError
from ..encrypted.frameworks.interpreter import find
from ..encrypted.frameworks.openfhe import SCRIPT
from ..encrypted.frameworks.process import Worker
from ..errors import ArgumentError
from ..given import floats, former, whole, word
from ..plan.plan import Operation, Plan
from ..targets import ARCCOSINE, as_target
from .depth import BUDGET, SECRETS, plain_depth, read_budget
from .value import Bootstrapped

_TAIL = 2.0
_LEAST_POWERS = 5  # degree of a series whose powers OpenFHE keeps


@dataclass(frozen=True)
class Setting:
    """Parameters of a context that bootstraps: not secure, for tests.

    Attributes
    ----------
    ring_dimension : int
        Power of two, 2^9 to 2^16.
    scale_bits : int
        log2 of the scale, 40 to 59; the last prime has one bit more, as OpenFHE demands.
    after : int
        Levels asked for beyond the count of the bootstrap (for a plan after it, and for use).
    budget : (int, int)
        Levels of CoeffsToSlots and of SlotsToCoeffs.
    secret : str
        Of :data:`polyapprox.refresh.depth.SECRETS`.
    """

    ring_dimension: int = 1 << 11
    scale_bits: int = 59
    after: int = 2
    budget: tuple[int, int] = BUDGET
    secret: str = SECRETS[0]

    def __post_init__(self) -> None:
        ring = whole("ring_dimension", self.ring_dimension, 1 << 9, 1 << 16)
        if ring & (ring - 1):
            raise ArgumentError(f"ring_dimension must be a power of two, such as 4096; got {ring}")
        whole("scale_bits", self.scale_bits, 40, 59)
        whole("after", self.after, 1, 60)
        read_budget(self.budget)
        word("secret", self.secret, SECRETS)

    security = "not secure, for tests"

    def asked(self, after: int) -> dict[str, Any]:
        """What the worker is told."""
        return {
            "ring_dimension": self.ring_dimension, "scale_bits": self.scale_bits, "after": after,
            "budget": list(self.budget), "secret": self.secret.replace("-", "_").upper(),
        }  # fmt: skip


@dataclass(frozen=True)
class RefreshRun:
    """What was measured, beside what was proven.

    Attributes
    ----------
    function : str
    version : str
        Of OpenFHE.
    setting : Setting
    x, values, error : np.ndarray, shape (n,)
        Inputs, decrypted results, and these minus the exact function.
    bound : float or None
        Proven bound of the series in exact arithmetic.
    wave_noise : float
        Largest |error| of e^{iθ}, measured on this ciphertext.
    amplification : float
        Proven, of the series.
    levels, counted : int
        Levels by OpenFHE's ``GetFEFBTDepth``, and by ours.
    left : int
        Levels that the result has left.
    seconds, processor : tuple of float
        Of each evaluation, on the clock and of the processor.
    """

    function: str
    version: str
    setting: Setting
    x: np.ndarray
    values: np.ndarray
    error: np.ndarray
    bound: float | None
    wave_noise: float
    amplification: float
    levels: int
    counted: int
    left: int
    seconds: tuple[float, ...]
    processor: tuple[float, ...]

    depth = former("levels")

    @property
    def largest_error(self) -> float:
        """Largest |error| measured, absolute."""
        return float(np.max(np.abs(self.error)))

    @property
    def stated_noise(self) -> float:
        """Noise that is allowed for: twice amplification times that of e^{iθ}."""
        return _TAIL * self.amplification * self.wave_noise

    @property
    def within(self) -> bool | None:
        """Whether the error measured is within proven bound plus stated noise."""
        if self.bound is None:
            return None
        return self.largest_error <= self.bound + self.stated_noise

    def facts(self) -> dict[str, Any]:
        """Everything but the values, ready for JSON."""
        one = self.setting
        return {
            "function": self.function, "backend": "openfhe", "version": self.version,
            "executed": "series inside the bootstrap", "ring_dimension": one.ring_dimension,
            "scale_bits": one.scale_bits, "budget": list(one.budget), "secret": one.secret,
            "security": one.security, "values": int(self.values.size),
            "largest_error": self.largest_error, "error_bound": self.bound,
            "wave_noise": self.wave_noise, "amplification": self.amplification,
            "noise_stated": self.stated_noise, "within": self.within, "depth": self.levels,
            "depth_counted": self.counted, "levels_left": self.left,
            "seconds": min(self.seconds), "processor_seconds": min(self.processor),
        }  # fmt: skip


def run(
    series: Bootstrapped, x: Any = None, setting: Setting | None = None, repeats: int = 1
) -> RefreshRun:
    """Encrypt, bootstrap with the series inside, decrypt, compare.

    Parameters
    ----------
    series : Bootstrapped
    x : array-like, shape (n,), optional
        Inputs within the domain; by default a full ciphertext of points over all of it.
    setting : Setting, optional
    repeats : int
        How often the bootstrap is done and timed.

    Raises
    ------
    ArgumentError
        If inputs lie outside the domain or do not fit into a ciphertext.
    BackendError
        If OpenFHE is missing or fails.
    """
    chosen = setting or Setting()
    whole("repeats", repeats, 1, 1000)
    inputs = _inputs(series, x, chosen)
    z = series.coefficients()
    arrays = [series.message(inputs), np.array([c.real for c in z]), np.array([c.imag for c in z])]
    request = {"do": "functional", "repeats": repeats, "waves": True}
    version, answer, found = _ask(request, chosen.asked(chosen.after), arrays)
    values, cosine, sine = found
    angle = math.pi * arrays[0]
    waves = np.hypot(cosine - np.cos(angle), sine - np.sin(angle))
    values = values * series.result_scale
    return RefreshRun(
        function=series.function,
        version=version,
        setting=chosen,
        x=inputs,
        values=values,
        error=values - as_target(series.function).numpy(inputs),
        bound=None if series.certificate is None else series.error_bound,
        wave_noise=float(np.max(waves)),
        amplification=series.amplification,
        levels=int(answer["depth"]),
        counted=series.levels(chosen.budget, chosen.secret),
        left=int(answer["left"]),
        seconds=tuple(answer["evaluate"]),
        processor=tuple(answer["processor"]),
    )


@dataclass(frozen=True)
class PlainRun:
    """A bootstrap, then a plan: what was measured.

    Attributes
    ----------
    values, error : np.ndarray, shape (n,)
        Decrypted results, and these minus the exact function.
    refresh_noise : float
        Largest |error| of the bootstrap itself, of what it refreshes (values in [-1, 1]).
    levels, fresh, left : int
        Levels of bootstrap and plan together; those left after the bootstrap, and of the result.
    bootstrap, plan : tuple of float
        Processor seconds of each.
    """

    values: np.ndarray
    error: np.ndarray
    refresh_noise: float
    levels: int
    fresh: int
    left: int
    bootstrap: tuple[float, ...]
    plan: tuple[float, ...]

    depth = former("levels")

    @property
    def largest_error(self) -> float:
        """Largest |error| measured, absolute."""
        return float(np.max(np.abs(self.error)))


def run_plainly(
    approximation: Approximation, x: Any, setting: Setting | None = None, repeats: int = 1
) -> PlainRun:
    """Bootstrap plainly, then evaluate a plan of one argument on what comes out, in OpenFHE.

    Parameters
    ----------
    approximation : Approximation
        Whose plan begins by scaling its input.
    x : array-like, shape (n,)
    setting : Setting, optional
        The levels of the plan come on top of `after`; the scaling of its input is done by the layer
        before where the bootstrap bears the result (at most 1).
    repeats : int

    Raises
    ------
    ArgumentError, BackendError
    """
    chosen = setting or Setting()
    inputs = floats("x", x)
    if inputs.ndim != 1 or not 0 < inputs.size <= chosen.ring_dimension // 2:
        raise ArgumentError("x must be one axis of at most as many values as there are slots")
    operations, factor = _folded(approximation.plan)
    folded = abs(factor) * approximation.scale <= 1  # what a bootstrap bears
    if not folded:
        share = 2.0 ** -math.ceil(math.log2(approximation.scale))
        operations[1], factor = ["scale", 0, -1, factor / share], share
    levels = approximation.counts("published" if folded else "standalone").levels
    request = {
        "do": "plainly", "operations": operations, "output": approximation.plan.output,
        "repeats": repeats,
    }  # fmt: skip
    _, answer, found = _ask(request, chosen.asked(chosen.after + levels), [factor * inputs])
    error = found[0] - as_target(approximation.function).numpy(inputs)
    return PlainRun(
        found[0], error, float(np.max(np.abs(found[1] - factor * inputs))),
        plain_depth(chosen.budget, chosen.secret) + levels, int(answer["fresh"]),
        int(answer["left"]),
        tuple(answer["bootstrap_processor"]), tuple(answer["plan_processor"]),
    )  # fmt: skip


def run_in_cosine(
    circuit: Approximation, line: Bootstrapped, setting: Setting | None = None, repeats: int = 1
) -> PlainRun:
    """Refresh to c = cos(πx/2) and to x; a circuit in c, x added, is twice ReLU on [-1, 1].

    OpenFHE's public calls allow it: one refresh gives the powers of e^{iπm}, of which any number of
    series is taken (``EvalFEFuncBootstrapWithPrecomp``). One of them is the cosine itself, exactly,
    with the factor that the circuit wants at its input.

    Parameters
    ----------
    circuit : Approximation
        Of (2/π) acos(c) on [0, 1].
    line : Bootstrapped
        Of x on [-1, 1], degree 5 or more.
    setting : Setting, optional
        The levels of the circuit come on top of `after`.
    repeats : int

    Returns
    -------
    PlainRun
        `values` and `error` are those of ReLU, halved after decryption; `refresh_noise` is that of
        the cosine.

    Raises
    ------
    ArgumentError, BackendError
    """
    chosen = setting or Setting()
    if circuit.function != ARCCOSINE or line.function != "x" or line.degree < _LEAST_POWERS:
        raise ArgumentError(
            f"a circuit of {ARCCOSINE!r} and a series of 'x' of degree {_LEAST_POWERS} or more are "
            "needed"
        )
    x = np.linspace(float(line.domain[0][0]), float(line.domain[-1][1]), chosen.ring_dimension // 2)
    operations, factor = _folded(circuit.plan)
    levels = circuit.counts("published").levels
    z = [c * line.result_scale for c in line.coefficients()]
    message = line.message(x)
    request = {
        "do": "cosine", "operations": operations, "output": circuit.plan.output, "repeats": repeats,
        "factor": factor,
    }  # fmt: skip
    arrays = [message, np.array([c.real for c in z]), np.array([c.imag for c in z])]
    _, answer, found = _ask(request, chosen.asked(chosen.after + levels), arrays)
    noise = float(np.max(np.abs(found[1] / factor - np.cos(np.pi * message))))
    return PlainRun(
        found[0] / 2, found[0] / 2 - np.maximum(x, 0.0), noise, int(answer["depth"]) + levels,
        int(answer["fresh"]), int(answer["left"]), tuple(answer["bootstrap_processor"]), tuple(answer["plan_processor"]),
    )  # fmt: skip


def _folded(plan: Plan) -> tuple[list[list[Any]], float]:
    """The operations without the scaling of the input, and what the input is to be multiplied by.

    Raises
    ------
    ArgumentError
        If the plan does not begin with that scaling.
    """
    rows = _operations(plan.operations)
    uses = [k for k, (kind, left, right, _) in enumerate(rows) if kind != "input" and 0 in (left, right)]
    if plan.inputs != 1 or uses != [1] or rows[1][0] != "scale":
        raise ArgumentError("a plan after a refresh must be of one argument, and scale it first")
    return [rows[0], ["input", 0, -1, None], *rows[2:]], float(rows[1][3])


def _operations(operations: Sequence[Operation]) -> list[list[Any]]:
    return [
        [kind, left, right, None if constant is None else float(constant)]
        for kind, left, right, constant in operations
    ]


def _ask(
    request: dict[str, Any], parameters: dict[str, Any], arrays: list[np.ndarray]
) -> tuple[str, dict[str, Any], list[np.ndarray]]:
    interpreter, available = find()
    if interpreter is None:
        raise BackendError(
            f"openfhe was not found ({available.reason}); get it by: {available.remedy}"
        )
    worker = Worker(interpreter, SCRIPT, "OpenFHE")
    try:
        answer, found = worker.ask({**request, "parameters": parameters}, arrays)
    finally:
        worker.close()
    return available.version, answer, found


def _inputs(series: Bootstrapped, x: Any, setting: Setting) -> np.ndarray:
    slots = setting.ring_dimension // 2
    parts = [(float(low), float(high)) for low, high in series.domain]
    if x is None:
        each = slots // len(parts)
        return np.concatenate([np.linspace(low, high, each) for low, high in parts])
    found = np.atleast_1d(floats("x", x)).ravel()
    if not 0 < found.size <= slots:
        raise ArgumentError(f"x must have 1 to {slots} values, as many as there are slots; got {found.size}")
    inside = np.zeros(found.shape, dtype=bool)
    for low, high in parts:
        inside |= (found >= low) & (found <= high)
    if not inside.all():
        raise ArgumentError(
            f"inputs outside the domain, where nothing is proven and the message wraps round: "
            f"{int((~inside).sum())} of {found.size}; leave them out or widen the interval"
        )
    return found
