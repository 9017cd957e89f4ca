# SPDX-License-Identifier: Apache-2.0
"""What a conversion replaced, and what remains."""

from __future__ import annotations

import math
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import nn

from polyapprox.errors import NoBoundError
from polyapprox.given import former
from polyapprox.outward import upper
from polyapprox.words import counted

from ..activations.activation import Outside, PolynomialActivation
from ..activations.building import Activation, build
from ..activations.derived import Derived, MaxPool, windows_of
from ..activations.evaluator import Evaluator, Evaluators
from ..activations.vectors import VECTOR_ACTIVATIONS, VectorActivation
from ..calls.answering import Answering, answering
from ..calls.checking import Remaining
from ..calls.functions import Call
from ..calls.intercept import site_name
from ..calls.operations import remaining_function
from ..calls.site import Switch
from ..errors import ArgumentError, ConversionError, RangeWarning
from ..ranges.bounds import Bounds
from ..ranges.ranges import Ranges

OUTLIER = 32.0
"""An input so many times the rms of a layer's inputs is an outlier; of 10^9 normal numbers none is above 7."""
_USUAL = 8.0


@dataclass(frozen=True)
class SiteReport:
    """One replaced ReLU call.

    Attributes
    ----------
    site : str
        See :mod:`nn_bridge.calls.intercept`.
    kind : str
        How the network calls it: "nn.ReLU", "F.relu", "Tensor.relu_", …
    bound : float
        B: the approximation is used on [−B, B]. The largest, where each channel has its own. Of a
        softmax half the width of its scores, of a norm its largest mean square.
    precision : float
        Error on the interval scaled to [−1, 1]: proven bound divided by B. Of a softmax the bound of the
        error of a weight, of a norm that of the relative error.
    error_bound : float or None
        Proven bound of the absolute error on [−B, B]; None for a black box.
    degrees : tuple of int
        Innermost first.
    levels, multiplications : int
        Counting rule "published": the scaling of the input is folded into the layer before.
    dtype : str
        Type that it is computed in (at least).
    evaluation_error : float
        Estimate of the absolute error of computing in this type.
    channels : tuple of float
        B of each channel; empty where all have the same.
    folding : str
        Which weights can take in the scale, or have taken it in, or why it stays; empty where
        that was not looked at.
    """

    site: str
    kind: str
    bound: float
    precision: float
    error_bound: float | None
    degrees: tuple[int, ...]
    levels: int
    multiplications: int
    dtype: str
    evaluation_error: float
    channels: tuple[float, ...] = ()
    folding: str = ""

    depth = former("levels")


@dataclass(frozen=True)
class Improvement:
    """What was done to a converted network at no cost, and why.

    Attributes
    ----------
    reason : str
        Why nothing was tried; empty where something was.
    taken : str
        "means corrected", "weighted circuits and normalisation corrected", …; empty for nothing.
    judged : int
        Inputs that judged, to which nothing was fitted.
    tried : tuple of (str, float, float)
        What was tried, the network as it is first: rms of the deviation of the outputs from the exact
        ones, and the share of the inputs of the same class.
    """

    reason: str
    taken: str = ""
    judged: int = 0
    tried: tuple[tuple[str, float, float], ...] = ()

    def __str__(self) -> str:
        if self.reason:
            return f"nothing was tried: {self.reason}"
        lines = [
            f"{name}: rms {deviation:.3g}, {100 * agreeing:.1f} % of the same class"
            for name, deviation, agreeing in self.tried
        ]
        return f"{self.taken or 'nothing taken'}, by {counted(self.judged, 'held-out input')} ({'; '.join(lines)})"


class Replacement:
    """Answers the calls of a converted network's activations by polynomials.

    Parameters
    ----------
    evaluators : Evaluators
        Each call site scales its own to its own bound.
    bounds : Bounds
    calls : dict
        Known call sites: what they call.
    outside : {"report", "raise", "clamp"}
    ranges : Ranges, optional
        What the bounds come from, kept with the network.
    """

    def __init__(
        self,
        evaluators: Evaluators,
        bounds: Bounds,
        calls: Mapping[str, Call],
        outside: Outside,
        ranges: Ranges | None = None,
    ) -> None:
        self.evaluators = evaluators
        self.bounds = bounds
        self.outside = outside
        self.ranges = ranges
        self.calls = dict(calls)
        self.kinds = {site: call.kind for site, call in calls.items()}
        self.intercepted = ""
        self.kept: Mapping[str, str] = {}
        self.improvement: Improvement | None = None
        self.warned = False
        self.noted = 0
        self.names: dict[str, str] = {}
        self.activations: dict[str, Activation] = {}
        self.made: dict[str, tuple[tuple[str, Any], ...]] = {}
        self.remaining: dict[Remaining, None] = {}
        relu = Call("relu", "not called yet")
        for site in bounds.layers:
            call = calls.get(site, relu)
            if self.replaces(call) and "max_pool" not in call.name:  # its windows are not known
                self._add(site, call, torch.Size())

    def replaces(self, call: Call) -> bool:
        """Whether a call is replaced: what needs an approximation of its own needs a precision.

        Functions of vectors need measured ranges too.
        """
        if call.name in VECTOR_ACTIVATIONS and not self.bounds.boxes:
            return False
        return call.name == "relu" or self.evaluators.precision is not None

    def _add(self, site: str, call: Call, shape: torch.Size) -> Activation:
        bound = self.bounds.of(site)
        vector = VECTOR_ACTIVATIONS.get(call.name)
        box = self.bounds.boxes.get(site)
        if bound is None or (vector is not None and box is None):
            raise ConversionError(
                f"the network called {_article(call)} at {site!r} that has no range: calibrate "
                "with data that reach it, or give one interval for all layers"
            )
        self.made[site] = call.options
        evaluator, precision = self.evaluators.of(site), self.evaluators.precision_of(site, call.name)
        if vector is not None and box is not None and precision is not None:
            self.activations[site], self.names[site] = vector(call, box, precision, self.outside, site), call.name
            return self.activations[site]
        activation = build(call, shape, bound, evaluator, precision, self.outside, site)
        channels = self.bounds.channels.get(site)
        if channels is not None and call.name == "relu":
            activation = PolynomialActivation(
                evaluator, outside=self.outside, name=site, channels=channels
            )
        self.activations[site], self.names[site] = activation, call.name
        return activation

    def _fits(self, site: str, call: Call, shape: torch.Size) -> bool:
        """Whether the activation of a call site is made for a call as it is now."""
        activation = self.activations[site]
        if self.made.get(site, call.options) != call.options:
            return False
        adaptive = call.name.startswith("adaptive") and isinstance(shape, torch.Size)
        if not adaptive or not isinstance(activation, MaxPool):
            return True
        return windows_of(call, shape).kernel == activation.windows.kernel

    def use(self, evaluators: Mapping[str, Evaluator]) -> None:
        """Use other approximations of ReLU at some call sites, in the same intervals."""
        by_site = {**self.evaluators.by_site, **evaluators}
        self.evaluators = replace(self.evaluators, by_site=by_site)
        for site in evaluators:
            self._add(site, self.calls[site], torch.Size())

    def unscale(self, site: str, scales: torch.Tensor) -> None:
        """Use r on [−1, 1] at a ReLU whose scales, shape (channels,), weights have taken in."""
        old = self.activations[site]
        if isinstance(old, VectorActivation):
            raise ConversionError(f"{site} is a function of vectors, whose scales no weight takes in")
        self.bounds = self.bounds.at(site, torch.ones(1))
        new = PolynomialActivation(old.evaluator, 1.0, old.outside, site)
        if old.correction is not None:
            shape = (-1, *[1] * (old.correction.ndim - 2))
            new.correction = old.correction / scales.to(old.correction).view(shape)
        self.activations[site] = new

    def activation(
        self, site: str, call: Call, x: torch.Tensor, exact: Callable[[], torch.Tensor]
    ) -> torch.Tensor:
        """The value of the polynomial."""
        if not self.replaces(call):
            self.remaining[Remaining(site, call.kind, convertible=True)] = None
            return exact()
        activation = self.find(site, call, x.shape)
        return activation.apply_in_place(x) if call.in_place else activation.forward(x)

    def find(self, site: str, call: Call, shape: torch.Size) -> Activation:
        """The activation of a call site that is running."""
        if self.calls.get(site) != call:
            self.kinds[site] = call.kind
            self.calls[site] = call
        if self.names.get(site) != call.name:  # new, or not the ReLU that it was taken for
            return self._add(site, call, shape)
        if not self._fits(site, call, shape):
            seen, new = self.activations[site].seen, self._add(site, call, shape)
            (new.gate if isinstance(new, Derived) else new).seen = seen
        return self.activations[site]

    def stand(self, asking: Answering) -> None:
        """Note who asks, and make what is known already."""
        self.intercepted = asking.reason
        if isinstance(asking, Switch):
            self.kept = asking.kept
            self.expect(asking.calls)

    def ended(self, path: str, run: int, calls: Counter[str]) -> None:
        """Refuse a pass in which a module left out some of its calls: nobody knows which.

        Raises
        ------
        ConversionError
        """
        for name, count in calls.items():
            ranges: list[float] = []
            while (bound := self._bound_of_call(path, run, name, len(ranges) + 1)) is not None:
                ranges.append(bound)
            if 0 < count < len(ranges) and len(set(ranges)) > 1:
                raise ConversionError(
                    f"{path or 'the network'} called {name} {count} times in this pass, and {len(ranges)} times before; "
                    "calls are told apart by their order: make them layers, so that each keeps its own interval"
                )

    def _bound_of_call(self, path: str, run: int, name: str, number: int) -> float | None:
        """The end of the interval of a function that a module calls; None if it does not."""
        site = site_name(path, False, number, name) + (f"@{run}" if run > 1 else "")
        return self.bounds.of(site) if site in self.calls else None

    def expect(self, calls: Mapping[str, Call]) -> None:
        """Make the activations of call sites that are known before they run, where they have a range."""
        for site, call in calls.items():
            ranged = self.bounds.of(site) is not None
            if ranged and self.replaces(call) and not call.name.startswith("adaptive"):
                self.find(site, call, torch.Size())

    def after_pass(self) -> None:
        """Warn once if inputs were outside their intervals."""
        if self.warned or self.outside != "report":
            return
        outside = self._outside()
        if outside > self.noted:
            self.warned = True
            warnings.warn(self._warning(), RangeWarning, stacklevel=5)
        self.noted = outside

    @contextmanager
    def silent(self) -> Iterator[None]:
        """No warning meanwhile: for what counts the inputs outside itself."""
        before, self.warned = self.warned, True
        try:
            yield
        finally:
            self.warned, self.noted = before, self._outside()

    def _outside(self) -> int:
        return sum(activation.seen.outside for activation in self.activations.values())

    def _warning(self) -> str:
        seen = {site: a.seen for site, a in self.activations.items() if a.seen.outside}
        broken = [site for site, count in seen.items() if not math.isfinite(count.ratio)]
        finite = [site for site in seen if site not in broken]
        worst = max(finite, key=lambda site: seen[site].ratio) if finite else broken[0]
        count = seen[worst]
        others = f", and {counted(len(seen) - 1, 'other layer')} got such" if len(seen) > 1 else ""
        ends = f"; what {broken[0]!r} got is not even finite" if finite and broken else ""
        return (
            f"{worst!r} got {count.outside} of {counted(count.elements, 'input')} outside its interval, up to "
            f"{count.ratio:.3g} times its end {self.activations[worst].bound:.3g}{others}{ends}: a "
            "polynomial says nothing there, do not trust the outputs; measure the ranges on data like "
            "these (nn_bridge.renew), convert with a larger margin, or with outside='clamp'"
        )

    def describe(self, site: str) -> str:
        """What stands at a call site, in a line."""
        activation = self.activations.get(site)
        what = "no range yet" if activation is None else activation.extra_repr()
        return f"{site!r}, {self.kinds.get(site, 'not called yet')}: {what}"

    def state_of(self, site: str) -> dict[str, torch.Tensor]:
        """Interval, correction of the means and digest of the plan: what weights are saved with."""
        activation = self.activations.get(site)
        if activation is None:
            return {}
        channels = self.bounds.channels.get(site)
        single = torch.tensor([activation.bound], dtype=torch.float64)
        interval = single if channels is None else channels
        if isinstance(activation, VectorActivation):
            interval = activation.box.ends
        state = {"interval": interval.double().clone(), "plan": _digest(activation)}
        if activation.correction is not None:
            state["correction"] = activation.correction.clone()
        return state

    def load_state_of(self, site: str, state: Mapping[str, torch.Tensor]) -> str:
        """Take an interval and a correction; a sentence if the plan is another one."""
        activation = self.activations.get(site)
        if activation is None or "interval" not in state or "plan" not in state:
            return f"{site}: the state holds no interval of a conversion: convert with the same data"
        if not torch.equal(state["plan"].cpu(), _digest(activation)):
            return f"{site}: the state is of another polynomial: convert with the same precision and, as its function needs, ranges and margin"
        interval = state["interval"].double().cpu()
        kind = self.calls.get(site, Call("relu", "nn.ReLU"))
        if isinstance(activation, VectorActivation):
            if interval.shape != activation.box.ends.shape:
                return f"{site}: the state is of {counted(len(interval), 'head')}: convert the same network"
            self.bounds = self.bounds.boxed(site, replace(activation.box, ends=interval))
            self._add(site, kind, torch.Size())
            return ""
        if not activation.evaluator.homogeneous and float(interval.max()) != activation.bound:
            return f"{site}: the state has the interval {float(interval.max()):g}, not {activation.bound:g}"
        self.bounds = self.bounds.at(site, interval)
        if isinstance(activation, MaxPool):  # its windows are known from a pass, or from the call
            new = MaxPool(
                activation.evaluator, float(interval.max()), activation.outside, site, activation.windows
            )
            self.activations[site] = new
            return ""
        made = self._add(site, kind, torch.Size())
        if isinstance(made, PolynomialActivation):
            made.correction = state.get("correction")
        return ""

    def other(
        self,
        path: str,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> None:
        """Note what is not polynomial."""
        name = remaining_function(function, args, kwargs)
        if name is not None:
            self.remaining[Remaining(path, name)] = None


def replacement_of(network: nn.Module) -> tuple[Answering, Replacement]:
    """What answers the calls of a converted network.

    Raises
    ------
    ArgumentError
        If the network is not converted.
    """
    asking = answering(network)
    if asking is None or not isinstance(asking.handler, Replacement):
        raise ArgumentError("the network is not converted: give what nn_bridge.convert returned")
    return asking, asking.handler


class Report:
    """Live view of a conversion: call sites that run for the first time appear in it.

    Examples
    --------
    >>> from torch import nn
    >>> from nn_bridge import convert
    >>> converted = convert(nn.Sequential(nn.ReLU()), precision=2**-6, interval=8.0)
    >>> converted.report.sites[0].site, converted.report.sites[0].bound
    ('0', 8.0)
    """

    def __init__(self, replacement: Replacement) -> None:
        self.replacement = replacement

    @property
    def sites(self) -> tuple[SiteReport, ...]:
        """Replaced call sites, in the order in which they became known."""
        kinds = self.replacement.kinds
        return tuple(
            _describe(
                site,
                kinds.get(site, "not called yet"),
                activation,
                self.replacement.bounds.notes.get(site, ""),
            )
            for site, activation in self.replacement.activations.items()
        )

    @property
    def capture(self) -> str:
        """"layers" where layers stand in the place of calls, and which modules keep their code; else "intercepted", and why."""
        reason, kept = self.replacement.intercepted, self.replacement.kept
        if reason:
            return f"intercepted: {reason}"
        first = next(iter(kept), None)
        return "layers" if first is None else f"layers; {counted(len(kept), 'module')} intercepted, first {first}: {kept[first]}"

    @property
    def ranges(self) -> Ranges | None:
        """What the bounds come from, if the network was converted with a loader or with ranges."""
        return self.replacement.ranges

    @property
    def improvement(self) -> Improvement | None:
        """What was corrected and weighted by the data of the conversion; None where it was switched off."""
        return self.replacement.improvement

    @property
    def outliers(self) -> dict[str, str]:
        """Call sites whose interval is made for a few large inputs: by how much, and what to do."""
        ranges = self.replacement.ranges
        sites = {} if ranges is None else ranges.sites
        ratios = {
            site: found.largest / found.rms for site, found in sites.items() if 0 < found.rms < math.inf
        }
        return {
            site: f"the largest of {sites[site].elements} inputs, {sites[site].largest:.3g}, is {ratio:.3g} "
            f"times their rms, {sites[site].rms:.3g}: most inputs are small beside the error. Leave the few "
            "out (quantile=0.999; outside='clamp' shows what that costs), give channels their own intervals "
            f"(interval='per-channel', of ReLU), or take {counted(math.ceil(math.log2(ratio / _USUAL)), 'bit')} more of "
            "precision"
            for site, ratio in ratios.items()
            if ratio > OUTLIER
        }

    @property
    def remaining(self) -> tuple[Remaining, ...]:
        """Functions that the network has called so far and that are not polynomial."""
        return tuple(self.replacement.remaining)

    @property
    def multiplications(self) -> int:
        """Multiplications of all call sites, one activation each (rule "published")."""
        return sum(site.multiplications for site in self.sites)

    @property
    def levels(self) -> int:
        """Levels of all call sites added (rule "published"): an upper limit of its activations.

        What a network multiplies itself (gates, GLU, attention) takes a level more at each product.
        """
        return sum(site.levels for site in self.sites)

    depth = former("levels")

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "counting_rule": "published",
            "sites": [{**asdict(site), "depth": site.levels} for site in self.sites],
            "improvement": None if self.improvement is None else asdict(self.improvement),
            "outliers": self.outliers,
            "remaining": [str(item) for item in self.remaining],
        }

    def __str__(self) -> str:
        lines = [
            f"{'site':<24}{'kind':<14}{'B':>9}  {'proven error':>12}  degrees, levels, "
            "multiplications (rule 'published')"
        ]
        for row in self.sites:
            bound = "none" if row.error_bound is None else upper(row.error_bound, 3)
            lines.append(
                f"{row.site:<24}{row.kind:<14}{row.bound:>9.4g}  {bound:>12}  "
                f"{list(row.degrees)}, {row.levels}, {row.multiplications}"
                + (f"; {counted(len(row.channels), 'channel')}" if row.channels else "")
                + (f"; {row.folding}" if row.folding else "")
            )
        if self.improvement is not None:
            lines.append(f"improved: {self.improvement}")
        lines += [f"outliers: {site}: {text}" for site, text in self.outliers.items()]
        lines += [f"remains: {item}" for item in self.remaining]
        return "\n".join(lines)


def _digest(activation: Activation) -> torch.Tensor:
    """Of the plan, as bytes."""
    return torch.frombuffer(bytearray(activation.digest.encode()), dtype=torch.uint8)


def _article(call: Call) -> str:
    return "a ReLU" if call.name == "relu" else f"the function {call.kind}"


def _describe(site: str, kind: str, activation: Activation, folding: str) -> SiteReport:
    try:
        error_bound: float | None = activation.error_bound
    except NoBoundError:
        error_bound = None
    channels = getattr(activation, "channels", None)
    if isinstance(activation, VectorActivation):
        precision = activation.precision
    else:
        known = activation.evaluator.error * activation.bound if error_bound is None else error_bound
        precision = known / activation.bound
    return SiteReport(
        site,
        kind,
        activation.bound,
        precision,
        error_bound,
        activation.degrees,
        activation.levels,
        activation.multiplications,
        str(activation.dtype).removeprefix("torch."),
        activation.evaluation_error,
        () if channels is None else tuple(channels.tolist()),
        folding,
    )
