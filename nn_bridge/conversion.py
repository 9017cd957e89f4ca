"""`convert`: every activation of a network replaced by a polynomial."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, TypeVar

from torch import nn

from polyapprox.approximation import Approximation

from .activation import Outside, read_bound, read_outside
from .calibration import measure
from .default import network_relu
from .errors import ArgumentError, ConversionError
from .evaluator import Evaluator
from .functions import Call
from .intercept import install, site_name
from .report import Replacement, Report

Network = TypeVar("Network", bound=nn.Module)
Interval = float | str | Mapping[str, float]


class Maker(Protocol):
    """Makes an approximation of ReLU; called as :func:`polyapprox.relu` is."""

    def __call__(self, *, precision: float, interval: tuple[float, float]) -> Approximation: ...


def convert(
    model: Network,
    *,
    precision: float | None = None,
    interval: Interval = "per-layer",
    calibrate: Iterable[Any] | Mapping[str, float] | None = None,
    approximation: Approximation | Evaluator | Maker | Mapping[str, Approximation] | None = None,
    margin: float = 1.0,
    outside: Outside = "report",
    inplace: bool = False,
) -> Network:
    """Replace every activation and max-pool of a network by a polynomial approximation.

    All ways to call ReLU are found while the network runs (``nn.ReLU``, ``F.relu``,
    ``torch.relu``, ``Tensor.relu`` and their in-place forms), in its own code, whatever its
    control flow: :mod:`nn_bridge.intercept`. So are ReLU6, LeakyReLU, Hardtanh, Hardsigmoid,
    Hardswish and max-pools, which are built from ReLU (:mod:`nn_bridge.derived`), and SiLU, GELU,
    Sigmoid, Tanh and Softplus, which get the minimax polynomial of the smallest degree that
    reaches `precision`. The type, the state dict, copying, pickling and moving of the network
    stay as they were.

    ReLU is positively homogeneous: one approximation r on [−1, 1] is made and each call site uses
    B · r(x/B) with its own B, whose error is at most B times that of r.

    Parameters
    ----------
    model : nn.Module
        Not changed, unless `inplace`.
    precision : float
        Error on the interval scaled to [−1, 1], for example ``2**-9`` (of Sigmoid and Tanh: the
        error itself). Only an `approximation` that is made already can go without; then ReLU
        alone is replaced.
    interval : float, "per-layer", "global" or dict
        One B for all call sites; each call site's own largest |input|; the largest of all; or
        the B of each call site by name.
    calibrate : iterable or dict, optional
        Batches (tensors, or pairs of inputs and labels) to measure ranges on, or what
        :func:`nn_bridge.calibrate` returned. Needed for "per-layer" and "global".
    approximation : Approximation, callable or dict, optional
        Of ReLU on a symmetric interval, or what makes it, called with `precision` and
        `interval`; by default :func:`nn_bridge.default.network_relu`. A dict gives single call
        sites an approximation of their own (:func:`nn_bridge.allocate` makes one); the others
        get the default, if `precision` is given too.
    margin : float
        Measured ranges are multiplied by it.
    outside : {"report", "raise", "clamp"}
        What to do with inputs outside [−B, B]: see :class:`nn_bridge.PolynomialActivation`.
    inplace : bool
        Convert the network itself instead of a copy.

    Returns
    -------
    nn.Module
        Of the same type, with an attribute ``report`` (:class:`nn_bridge.report.Report`; one of
        its own is kept).

    Raises
    ------
    ArgumentError
        For an argument that cannot be used.
    ConversionError
        If there is no activation, or the network holds compiled code or is converted already.

    Notes
    -----
    Ranges of exactly zero (a layer that never gets an input) are replaced by the smallest
    positive one. Call sites that calibration did not reach are refused when they run. Code that
    calls neither the network nor one of its modules (a method called directly) is not seen.

    Examples
    --------
    >>> import torch
    >>> network = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    >>> data = [torch.linspace(-1, 1, 40).reshape(10, 4)]
    >>> converted = convert(network, precision=2**-8, calibrate=data)
    >>> site = converted.report.sites[0]
    >>> site.site, site.kind, site.precision <= 2**-8
    ('1', 'nn.ReLU', True)
    """
    read_outside(outside)
    good = isinstance(margin, (int, float)) and math.isfinite(margin) and margin > 0
    if not good:
        raise ArgumentError(f"margin is {margin!r}: give a positive finite number, such as 1.1")
    by_site = _by_site(approximation)
    evaluator = _shared(approximation, precision, by_site)
    measured, calls = _ranges(model, calibrate)
    bounds, default = bounds_of(interval, measured, margin)
    for path, module in model.named_modules():
        if isinstance(module, nn.ReLU):
            site = site_name(path)
            calls.setdefault(site, Call("relu", "nn.ReLU"))
            if default is not None and not measured:
                bounds.setdefault(site, default)
    if measured is not None and not measured:
        raise ConversionError(
            f"no activation was called in this {type(model).__name__}: there is nothing to "
            "replace (nn_bridge.check lists what is not polynomial)"
        )
    network = model if inplace else copy.deepcopy(model)
    replacement = Replacement(evaluator, bounds, default, calls, outside, precision, by_site)
    own = hasattr(network, "report")
    install(network, replacement, {} if own else {"report": Report(replacement)})
    return network


def _by_site(approximation: Any) -> dict[str, Evaluator]:
    """Evaluators of single call sites: one for each approximation."""
    if not isinstance(approximation, Mapping):
        return {}
    for site, value in approximation.items():
        if not isinstance(value, Approximation):
            raise ArgumentError(
                f"approximation[{site!r}] is a {type(value).__name__}: give an Approximation"
            )
    shared = {id(value): Evaluator(value) for value in approximation.values()}
    return {str(site): shared[id(value)] for site, value in approximation.items()}


def _shared(
    approximation: Any, precision: float | None, by_site: dict[str, Evaluator]
) -> Evaluator:
    """The evaluator of all call sites that have none of their own."""
    if not isinstance(approximation, Mapping):
        return _evaluator(approximation, precision)
    if precision is None and by_site:
        return min(by_site.values(), key=lambda evaluator: evaluator.error)
    return _evaluator(None, precision)


def _evaluator(approximation: Any, precision: float | None) -> Evaluator:
    if isinstance(approximation, Evaluator):
        return approximation
    if isinstance(approximation, Approximation):
        return Evaluator(approximation)
    good = isinstance(precision, (int, float)) and not isinstance(precision, bool)
    if not good or not 0 < precision < 1:  # type: ignore[operator]
        raise ArgumentError(f"precision is {precision!r}: give a number in (0, 1), such as 2**-9")
    make: Callable[..., Any] = network_relu if approximation is None else approximation
    if not callable(make):
        raise ArgumentError(
            f"approximation is a {type(make).__name__}: give an Approximation, or a callable with "
            "the keywords precision and interval"
        )
    made = make(precision=precision, interval=(-1.0, 1.0))
    if not isinstance(made, Approximation):
        raise ArgumentError(
            f"approximation returned a {type(made).__name__}: it must return an Approximation"
        )
    return Evaluator(made)


def _ranges(
    model: nn.Module, calibrate: Iterable[Any] | Mapping[str, float] | None
) -> tuple[dict[str, float] | None, dict[str, Call]]:
    """Measured ranges (None without calibration) and calls of the call sites."""
    if calibrate is None:
        return None, {}
    if isinstance(calibrate, Mapping):
        return {str(site): float(value) for site, value in calibrate.items()}, {}
    measurement = measure(model, calibrate)
    return measurement.largest, measurement.calls


def bounds_of(
    interval: Interval, measured: dict[str, float] | None, margin: float
) -> tuple[dict[str, float], float | None]:
    """Bound of each known call site, and of the unknown ones (None: they are refused)."""
    if isinstance(interval, Mapping):
        return {
            site: read_bound(bound, f"interval[{site!r}]") for site, bound in interval.items()
        }, None
    if not isinstance(interval, str):
        bound = read_bound(interval, "interval")
        return dict.fromkeys(measured or {}, bound), bound
    if interval not in ("per-layer", "global"):
        raise ArgumentError(
            f"interval is {interval!r}: give a number, 'per-layer', 'global' or a dict by call site"
        )
    if measured is None:
        raise ArgumentError(
            f"interval={interval!r} needs measured ranges: give calibrate=loader, or a number as "
            "interval"
        )
    positive = [value for value in measured.values() if value > 0]
    if measured and not positive:
        raise ArgumentError("all inputs of all layers are zero: calibrate with other data")
    if interval == "global":
        bound = margin * max(positive, default=1.0)
        return dict.fromkeys(measured, bound), bound
    smallest = min(positive, default=1.0)
    return {site: margin * (value or smallest) for site, value in measured.items()}, None
