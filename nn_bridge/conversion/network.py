# SPDX-License-Identifier: Apache-2.0
"""`convert`: every activation of a network replaced by a polynomial."""

from __future__ import annotations

import copy
import inspect
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from types import FunctionType
from typing import Any, Protocol, TypeVar

import torch
from torch import nn

from polyapprox.approximation import Approximation

from ..activations.activation import Outside, read_outside
from ..activations.building import expression
from ..activations.default import network_relu
from ..activations.evaluator import Evaluator, Evaluators
from ..activations.vectors import VECTOR_ACTIVATIONS
from ..calls.answering import answer, remove
from ..calls.checking import check, remaining_by_code, surely_without_activation
from ..calls.functions import Call
from ..calls.inputs import Batch
from ..calls.intercept import refuse_compiled, site_name
from ..calls.running import check_weights
from ..calls.site import Switch
from ..errors import ArgumentError, ConversionError
from ..ranges.bounds import MARGIN, Interval, bounds_of, by_channel, network_bounds, read_margin
from ..ranges.calibration import measure
from ..ranges.ranges import BINS, Ranges
from .report import Replacement, Report

Network = TypeVar("Network", bound=nn.Module)


class Maker(Protocol):
    """Makes an approximation of ReLU; called as :func:`polyapprox.relu` is."""

    def __call__(self, *, precision: float, interval: tuple[float, float]) -> Approximation: ...


Given = Approximation | Evaluator | Maker | Mapping[str, Approximation] | None


def convert(
    model: Network,
    *,
    precision: float | None = None,
    interval: Interval = "per-layer",
    calibrate: Iterable[Batch] | Mapping[str, float] | Ranges | None = None,
    approximation: Given = None,
    margin: float = MARGIN,
    quantile: float | None = None,
    outside: Outside = "report",
    inplace: bool = False,
    improve: bool = True,
    precisions: Mapping[str, float] | None = None,
) -> Network:
    """Replace every activation and max-pool of a network by a polynomial approximation.

    All ways to call ReLU are found while the network runs (``nn.ReLU``, ``F.relu``,
    ``torch.relu``, ``Tensor.relu`` and their in-place forms), in its own code, whatever its
    control flow: :mod:`nn_bridge.calls.intercept`. So are ReLU6, LeakyReLU, Hardtanh, Hardsigmoid,
    Hardswish and max-pools, which are built from ReLU (:mod:`nn_bridge.activations.derived`), and SiLU, GELU,
    Sigmoid, Tanh, Softplus, LogSigmoid, Mish, Softsign and the ELUs, which get the minimax polynomial of the smallest degree that
    reaches `precision`. Softmax, attention and norms (LayerNorm, RMSNorm, GroupNorm, InstanceNorm) become
    layers on the scores, sums and variances that were measured (:mod:`nn_bridge.activations.vectors`); there `precision` is
    the error of each weight, and the relative error of a norm. Without measured ranges they remain. The type, the state dict, copying, pickling and moving of the network
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
    interval : float, "per-layer", "global", "per-channel", "per-channel-shared" or dict
        One B for all call sites; each call site's own largest |input|; the largest of all; or
        the B of each call site by name (or of each of its channels). "per-channel" gives each
        channel of a ReLU its own B where weights before and after can take it in
        (:mod:`nn_bridge.channels.foldable`), and is "per-layer" elsewhere; "per-channel-shared" gives
        channels that a shortcut adds the largest B of them, so that more can be folded.
    calibrate : iterable, dict or Ranges, optional
        Batches (tensors, or pairs of inputs and labels) to measure ranges on, or what
        :func:`nn_bridge.calibrate` or :func:`nn_bridge.measure` returned. Needed for all
        intervals that are words.
    approximation : Approximation, callable or dict, optional
        Of ReLU on a symmetric interval, or what makes it, called with `precision` and
        `interval`; by default :func:`nn_bridge.activations.default.network_relu`. A dict gives single call
        sites an approximation of their own (:func:`nn_bridge.allocate` makes one); the others
        get the default, if `precision` is given too.
    margin : float
        Measured ranges are multiplied by it; a number or dict as `interval` is not.
    quantile : float, optional
        Use this quantile of the |inputs| in place of the largest one.
    outside : {"report", "raise", "clamp"}
        What to do with inputs outside [−B, B]: see :class:`nn_bridge.PolynomialActivation`.
        "report" also warns, once (:class:`nn_bridge.RangeWarning`).
    inplace : bool
        Convert the network itself instead of a copy.
    improve : bool
        With a loader of 128 inputs or more: correct means or normalisation, silence dead channels, and take circuits
        weighted by the inputs of each ReLU (unless `approximation` is given), where the outputs of inputs that were
        held out say so (:mod:`nn_bridge.choosing.improving`). It costs nothing under encryption;
        ``report.improvement`` says what was done.
    precisions : dict, optional
        Other precisions than `precision`, of single call sites or of all that call a function with an approximation
        of its own: ``{"softmax": 2**-6, "layer_norm": 2**-8, "gelu": 2**-9}``.

    Returns
    -------
    nn.Module
        Of the same type, with an attribute ``report`` (:class:`nn_bridge.conversion.report.Report`; one of
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
    read_margin(margin)
    evaluators = replace(_evaluators(approximation, precision), precisions=_precisions(precisions or {}, precision))
    check_weights(model, "converting")
    refuse_compiled(model)
    if not inplace:
        _refuse_closures(model)
    improving = _Improving(improve, calibrate)
    calibrate = improving.loader
    measured, calls, ranges = _ranges(model, calibrate, by_channel(interval), quantile)
    bounds = (
        bounds_of(interval, measured, margin)
        if ranges is None
        else network_bounds(model, ranges, interval, margin, quantile)
    )
    relus = [site_name(p) for p, module in model.named_modules() if isinstance(module, nn.ReLU)]
    calls |= {site: Call("relu", "nn.ReLU") for site in relus if site not in calls}
    if bounds.default is not None and not measured:
        bounds = replace(bounds, layers=dict.fromkeys(relus, bounds.default))
    nothing = not calls and surely_without_activation(model) if measured is None else not measured
    if nothing:
        raise _nothing(model)
    if evaluators.precisions and ranges is None:
        raise ArgumentError("precisions needs measured ranges: give calibrate=loader, or nn_bridge.measure(model, loader)")
    _check_precisions(evaluators.precisions, calls)
    improving.before(model)
    network = model if inplace else copy.deepcopy(model)
    replacement = Replacement(evaluators, bounds, calls, outside, ranges)
    own = hasattr(network, "report")
    asking = answer(network, replacement, {} if own else {"report": Report}, None if ranges is None else ranges.calls)
    replacement.stand(asking)
    if isinstance(asking, Switch):
        if not asking.calls:
            remove(network)
            raise _nothing(model)
        left = (item for item in remaining_by_code(network) if item.path not in asking.kept)  # seen when it runs
        replacement.remaining.update(dict.fromkeys(left))
    improving.after(network, None if approximation is not None else precision)
    return network


def _refuse_closures(model: nn.Module) -> None:
    """Refuse a forward set on a module that holds a module of the network: a copy would run that one."""
    inside = set(model.modules())
    for path, module in model.named_modules():
        forward = vars(module).get("forward")
        if not isinstance(forward, FunctionType):
            continue
        names = inspect.getclosurevars(forward)
        held = [getattr(value, "__self__", value) for value in (*names.nonlocals.values(), *names.globals.values())]
        if any(isinstance(value, nn.Module) and value in inside for value in held):
            raise ConversionError(
                f"{path or 'the network'} has a forward set on it that holds the network itself, which a copy "
                "would run in place of its own: convert(…, inplace=True), or write it as a class"
            )


class _Improving:
    """What :mod:`nn_bridge.choosing.improving` does around a conversion, where it is wanted and can be done."""

    def __init__(self, wanted: bool, calibrate: Any) -> None:
        self.loader = calibrate
        self.exact: Any = None
        known = calibrate is None or isinstance(calibrate, (Mapping, Ranges, torch.Tensor))
        self.wanted = wanted and not known and isinstance(calibrate, Iterable)
        if self.wanted:
            from ..choosing.improving import Kept

            self.loader = Kept(calibrate)

    def before(self, model: nn.Module) -> None:
        """The exact outputs, of the network as it was."""
        if self.wanted:
            from ..choosing.improving import Exact

            self.exact = Exact(model, self.loader)

    def after(self, network: nn.Module, precision: float | None) -> None:
        """Improve the converted network."""
        if self.wanted:
            from ..choosing.improving import improve

            improve(network, self.exact, precision)


def _precisions(given: Mapping[str, float], precision: float | None) -> dict[str, float]:
    if given and precision is None:
        raise ArgumentError("precisions needs a precision for all else: give precision too, such as 2**-9")
    for name, value in given.items():
        good = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < 1
        if not good:
            raise ArgumentError(f"precisions[{name!r}] is {value!r}: give a number in (0, 1), such as 2**-9")
    return dict(given)


def _check_precisions(given: Mapping[str, float], calls: Mapping[str, Call]) -> None:
    """Refuse a name that nothing has, and what takes its approximation from ReLU."""
    own = {site: call for site, call in calls.items() if call.name in VECTOR_ACTIVATIONS or expression(call)}
    known = {*own, *(call.name for call in own.values())}
    for name in given:
        if name not in known:
            raise ArgumentError(
                f"precisions[{name!r}] is of no call site or function with an approximation of its own: this "
                f"network has {', '.join(sorted(known)) or 'none'}; those of ReLU take approximation={{site: …}}"
            )


def _nothing(model: nn.Module) -> ConversionError:
    """Says that a network calls no activation, and what it calls that is not polynomial."""
    left = "; ".join(str(item) for item in check(model)[:3])
    return ConversionError(
        f"no activation was called in this {type(model).__name__}: there is nothing to replace "
        + (f"(left as it is: {left})" if left else "(nn_bridge.check lists what is not polynomial)")
    )


def _evaluators(approximation: Given, precision: float | None) -> Evaluators:
    """What `approximation` means at each call site: one evaluator for each that is given."""
    if not isinstance(approximation, Mapping):
        return Evaluators(_evaluator(approximation, precision), {}, precision)
    for site, value in approximation.items():
        if not isinstance(value, Approximation):
            raise ArgumentError(
                f"approximation[{site!r}] is a {type(value).__name__}: give an Approximation"
            )
    shared = {id(value): Evaluator(value) for value in approximation.values()}
    by_site = {str(site): shared[id(value)] for site, value in approximation.items()}
    if precision is None and by_site:  # nothing else needs one
        return Evaluators(min(shared.values(), key=lambda one: one.error), by_site, precision)
    return Evaluators(_evaluator(None, precision), by_site, precision)


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
    model: nn.Module, calibrate: Iterable[Batch] | Mapping[str, float] | Ranges | None, channels: bool,
    quantile: float | None,
) -> tuple[dict[str, float] | None, dict[str, Call], Ranges | None]:  # fmt: skip
    """Measured ranges (None without calibration) and calls of the call sites."""
    if calibrate is None:
        return None, {}, None
    if isinstance(calibrate, Mapping):
        if quantile is not None or channels:
            what = "quantile" if quantile is not None else "interval by channel"
            raise ArgumentError(
                f"{what} needs more than the largest inputs: give calibrate=loader, or "
                "nn_bridge.measure(model, loader, channels=True)"
            )
        for site, value in calibrate.items():
            if not 0 <= float(value) < math.inf:
                raise ArgumentError(
                    f"calibrate[{site!r}] is {value!r}: give the largest |input|, a finite number"
                )
        return {str(site): float(value) for site, value in calibrate.items()}, {}, None
    ranges = calibrate
    if not isinstance(ranges, Ranges):
        bins = BINS if quantile is not None else 0
        ranges = measure(model, ranges, channels=channels, bins=bins)
    largest = ranges.largest if quantile is None else ranges.quantile(quantile)
    return largest, ranges.calls, ranges
