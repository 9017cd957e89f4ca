"""What a conversion replaced, and what remains."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import torch

from polyapprox.errors import NoBoundError

from .activation import Outside, PolynomialActivation
from .checking import Remaining
from .errors import ConversionError
from .evaluator import Evaluator
from .operations import remaining_function


@dataclass(frozen=True)
class SiteReport:
    """One replaced ReLU call.

    Attributes
    ----------
    site : str
        See :mod:`nn_bridge.intercept`.
    kind : str
        How the network calls it: "nn.ReLU", "F.relu", "Tensor.relu_", …
    bound : float
        B: the approximation is used on [−B, B].
    precision : float
        Error on the interval scaled to [−1, 1]: proven bound divided by B.
    error_bound : float or None
        Proven bound of the absolute error on [−B, B]; None for a black box.
    degrees : tuple of int
        Innermost first.
    depth, multiplications : int
        Counting rule "published": the scaling of the input is folded into the layer before.
    dtype : str
        Type that it is computed in (at least).
    evaluation_error : float
        Estimate of the absolute error of computing in this type.
    """

    site: str
    kind: str
    bound: float
    precision: float
    error_bound: float | None
    degrees: tuple[int, ...]
    depth: int
    multiplications: int
    dtype: str
    evaluation_error: float


class Replacement:
    """Answers the ReLU calls of a converted network by polynomials.

    Parameters
    ----------
    evaluator : Evaluator
        Shared by all call sites; each scales it to its own bound.
    bounds : dict
        Bound of each known call site.
    default : float or None
        Bound of a call site that is not in `bounds`; None refuses it.
    kinds : dict
        How known call sites are called.
    outside : {"report", "raise", "clamp"}
    """

    def __init__(
        self,
        evaluator: Evaluator,
        bounds: dict[str, float],
        default: float | None,
        kinds: dict[str, str],
        outside: Outside,
    ) -> None:
        self.evaluator = evaluator
        self.default = default
        self.outside = outside
        self.kinds = dict(kinds)
        self.activations: dict[str, PolynomialActivation] = {}
        self.remaining: dict[Remaining, None] = {}
        for site, bound in bounds.items():
            self.add(site, bound)

    def add(self, site: str, bound: float) -> PolynomialActivation:
        """Make the activation of a call site."""
        activation = PolynomialActivation(self.evaluator, bound, self.outside, site)
        self.activations[site] = activation
        return activation

    def relu(self, site: str, kind: str, x: torch.Tensor, in_place: bool) -> torch.Tensor:
        """The value of the polynomial."""
        activation = self.activation(site, kind)
        return activation.apply_in_place(x) if in_place else activation(x)

    def activation(self, site: str, kind: str) -> PolynomialActivation:
        """The activation of a call site that is running."""
        self.kinds[site] = kind
        activation = self.activations.get(site)
        if activation is None:
            if self.default is None:
                raise ConversionError(
                    f"the network called a ReLU at {site!r} that has no range: calibrate with "
                    "data that reach it, or give one interval for all layers"
                )
            activation = self.add(site, self.default)
        return activation

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
            _describe(site, kinds.get(site, "not called yet"), activation)
            for site, activation in self.replacement.activations.items()
        )

    @property
    def remaining(self) -> tuple[Remaining, ...]:
        """Functions that the network has called so far and that are not polynomial."""
        return tuple(self.replacement.remaining)

    @property
    def multiplications(self) -> int:
        """Multiplications of all call sites, one activation each (rule "published")."""
        return sum(site.multiplications for site in self.sites)

    @property
    def depth(self) -> int:
        """Levels of all call sites added (rule "published"): an upper limit of the network's."""
        return sum(site.depth for site in self.sites)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "counting_rule": "published",
            "sites": [asdict(site) for site in self.sites],
            "remaining": [str(item) for item in self.remaining],
        }

    def __str__(self) -> str:
        lines = [
            f"{'site':<24}{'kind':<14}{'B':>9}  {'proven error':>12}  degrees, depth, "
            "multiplications (rule 'published')"
        ]
        for row in self.sites:
            bound = "none" if row.error_bound is None else f"{row.error_bound:.3g}"
            lines.append(
                f"{row.site:<24}{row.kind:<14}{row.bound:>9.4g}  {bound:>12}  "
                f"{list(row.degrees)}, {row.depth}, {row.multiplications}"
            )
        lines += [f"remains: {item}" for item in self.remaining]
        return "\n".join(lines)


def _describe(site: str, kind: str, activation: PolynomialActivation) -> SiteReport:
    approximation = activation.approximation
    try:
        error_bound: float | None = activation.error_bound
    except NoBoundError:
        error_bound = None
    return SiteReport(
        site,
        kind,
        activation.bound,
        activation.evaluator.error,
        error_bound,
        approximation.degrees,
        approximation.depth,
        approximation.multiplications,
        str(activation.evaluator.dtype).removeprefix("torch."),
        activation.evaluation_error,
    )
