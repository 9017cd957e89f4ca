# SPDX-License-Identifier: Apache-2.0
"""Which scales of activations weights can take in, before and after them.

An activation on [−B, B] is B·r(x/B). Where a linear map gives x, its constants can take in 1/B; where
linear maps alone take the value, theirs can take in B: then r alone is left, and B costs nothing under
encryption, even one B for each channel. A shortcut of a residual network has no constants: what it
adds must have the scale of the sum, so the activations along it can be folded only with the same B.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn
from torch.utils._pytree import tree_leaves

from ..calls.running import device_of
from ..calls.tracing import plain_copy, trace_sites
from ..errors import ConversionError
from .scales import ScaleFlow

_TOLERANCE = 1e-9  # of a check in float64


@dataclass(frozen=True)
class SiteFolding:
    """What becomes of the scale of one ReLU.

    Attributes
    ----------
    site : str
    before, after : tuple of str
        Modules whose constants take in 1/B, and B.
    shares : tuple of str
        Other call sites that have channels which need the same B.
    reason : str
        Why it cannot be folded; empty if it can.
    """

    site: str
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    shares: tuple[str, ...] = ()
    reason: str = ""

    def __str__(self) -> str:
        if self.reason:
            return f"scales by itself: {self.reason}"
        if self.shares:
            return f"folded, with one B for each channel of {len(self.shares) + 1} activations"
        return f"folded into {', '.join(self.before)} and {', '.join(self.after)}"


@dataclass(frozen=True)
class Folding:
    """Which ReLUs of a network can be folded; made by :func:`foldings`.

    Attributes
    ----------
    sites : dict of str to SiteFolding
    scales : dict of str to Tensor, shape (channels,)
        Number of the scale of each channel, by call site that can be folded; equal numbers are
        equal scales.
    inputs, outputs : dict of str to Tensor, shape (channels,)
        The same for inputs and outputs of linear maps, by module.
    """

    sites: Mapping[str, SiteFolding]
    scales: Mapping[str, torch.Tensor]
    inputs: Mapping[str, torch.Tensor]
    outputs: Mapping[str, torch.Tensor]

    def settle(self, bounds: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """The smallest bounds by channel, none below what is given, that can be folded together.

        Parameters
        ----------
        bounds : dict of str to Tensor, shape (channels,)
            Of the call sites in `scales`, at least.
        """
        largest = self._largest(bounds)
        return {
            site: torch.tensor([largest[n] for n in numbers.tolist()], dtype=torch.float64)
            for site, numbers in self.scales.items()
        }

    def unequal(self, bounds: Mapping[str, torch.Tensor]) -> set[str]:
        """Call sites with bounds that differ where they would have to be equal."""
        known: dict[int, set[float]] = {}
        for site, numbers in self.scales.items():
            for number, bound in zip(numbers.tolist(), bounds[site].tolist(), strict=True):
                known.setdefault(number, set()).add(bound)
        return {
            site
            for site, numbers in self.scales.items()
            if any(len(known[number]) > 1 for number in numbers.tolist())
        }

    def _largest(self, bounds: Mapping[str, torch.Tensor]) -> dict[int, float]:
        largest: dict[int, float] = {}
        for site, numbers in self.scales.items():
            for number, bound in zip(numbers.tolist(), bounds[site].tolist(), strict=True):
                largest[number] = max(largest.get(number, 0.0), bound)
        return largest

    def apply(self, network: nn.Module, bounds: Mapping[str, torch.Tensor]) -> None:
        """Let the weights of a network take in the bounds, which fit: in place."""
        scale = self._largest(bounds)

        def scales(numbers: torch.Tensor) -> torch.Tensor:
            return torch.tensor([scale.get(n, 1.0) for n in numbers.tolist()], dtype=torch.float64)

        for path in self.inputs:
            before, after = scales(self.inputs[path]), scales(self.outputs[path])
            if bool((before != 1).any()) or bool((after != 1).any()):
                _take_in(network.get_submodule(path), before, after)


def foldings(
    model: nn.Module,
    shape: Sequence[int],
    *,
    explicit: Sequence[str] = (),
    share: bool = True,
    bounds: Mapping[str, torch.Tensor] | None = None,
) -> Folding:
    """Find the ReLUs whose scales can be folded into weights.

    The network is traced by torch.fx; what the trace says is tried on random images with random
    scales before it is believed.

    Parameters
    ----------
    model : nn.Module
        Converted or not; left as it is.
    shape : sequence of int
        Of one input, without the axis of the batch.
    explicit : sequence of str
        Call sites that scale by themselves in any case.
    share : bool
        Whether activations along a shortcut may be given the same B; otherwise they scale by
        themselves.
    bounds : dict of str to Tensor, shape (channels,), optional
        If the bounds are given, what must be equal and is not scales by itself.

    Returns
    -------
    Folding
        Call sites that scale by themselves have a reason.

    Raises
    ------
    ConversionError
        If torch.fx cannot trace the network, or the trace computes something else.

    Examples
    --------
    >>> model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    >>> print(foldings(model, (4,)).sites["1"])
    folded into 0 and 2
    """
    plain = plain_copy(model).double()
    graph, names = trace_sites(plain)
    generator = torch.Generator().manual_seed(0)
    example = torch.randn((2, *shape), dtype=torch.float64, generator=generator)
    example = example.to(device_of(plain))
    reasons = dict.fromkeys(explicit, "it was asked to")
    while True:
        flow = ScaleFlow(graph, names, set(reasons))
        with torch.no_grad():
            try:
                flow.run(example)
            except (RuntimeError, ValueError, IndexError, TypeError) as error:
                reason = (str(error) or type(error).__name__).splitlines()[0]
                raise ConversionError(
                    f"the network cannot take a batch of shape {tuple(example.shape)} while its "
                    f"scales are traced: {reason}"
                ) from error
        found, refused = _folding(flow, share, bounds)
        if not refused:
            break
        reasons |= refused
    relus = [site for site, name in names.values() if name == "relu"]
    sites = {
        site: replace(found.sites.get(site, SiteFolding(site)), reason=reasons.get(site, ""))
        for site in relus
    }
    found = replace(found, sites=sites)
    _try(plain, found, example, generator)
    return found


def _folding(
    flow: ScaleFlow, share: bool, bounds: Mapping[str, torch.Tensor] | None
) -> tuple[Folding, dict[str, str]]:
    """What can be folded; and reasons of call sites that cannot, which change the rest."""
    find = flow.classes.find

    def roots(numbers: torch.Tensor) -> torch.Tensor:
        return torch.tensor([find(n) for n in numbers.tolist()], dtype=torch.int64)

    scales = {site: roots(numbers) for site, numbers in flow.by_site.items()}
    inputs = {path: roots(numbers) for path, numbers in flow.before.items()}
    outputs = {path: roots(numbers) for path, numbers in flow.after.items()}
    owners: dict[int, set[str]] = {}
    for site, numbers in scales.items():
        for number in numbers.tolist():
            owners.setdefault(number, set()).add(site)
    grounded = flow.classes.reasons()
    sites, refused = {}, {}
    for site, numbers in scales.items():
        own = set(numbers.tolist())
        grounds = [grounded[number] for number in sorted(own) if number in grounded]
        shares = tuple(s for s in scales if s != site and any(s in owners[n] for n in own))
        before = tuple(p for p, n in outputs.items() if own & set(n.tolist()))
        after = tuple(p for p, n in inputs.items() if own & set(n.tolist()))
        sites[site] = SiteFolding(site, before, after, shares)
        if grounds:
            refused[site] = grounds[0]
        elif shares and not share:
            refused[site] = _sharing(shares)
    result = Folding(sites, scales, inputs, outputs)
    if bounds is not None and not refused:
        for site in scales:
            if site not in bounds:
                refused[site] = "it has no bound"
        if not refused:
            refused = {s: _sharing(sites[s].shares) for s in result.unequal(bounds)}
    return result, refused


def _sharing(shares: Sequence[str]) -> str:
    if not shares:
        return "its channels are added, so they would need one bound"
    return (
        "a shortcut without weights adds its value, or what it takes, to what has another bound: it "
        f"would need that of {', '.join(shares[:3])}"
        + (f" and {len(shares) - 3} more" if len(shares) > 3 else "")
    )


def _try(
    plain: nn.Module, found: Folding, example: torch.Tensor, generator: torch.Generator
) -> None:
    """Fold random scales into a copy, and compare what it computes."""
    drawn = {
        site: 0.5 + torch.rand(len(numbers), dtype=torch.float64, generator=generator)
        for site, numbers in found.scales.items()
    }
    twin = copy.deepcopy(plain)
    found.apply(twin, found.settle(drawn))
    with torch.no_grad():
        pairs = list(zip(_tensors(plain(example)), _tensors(twin(example)), strict=True))
    for one, other in pairs:
        if not float((one - other).abs().max()) <= _TOLERANCE * (1 + float(one.abs().max())):
            raise ConversionError(
                "the trace of the network by torch.fx does not compute what the network does "
                "(a value overwritten and used again?): its scales cannot be folded"
            )


def _tensors(value: Any) -> list[torch.Tensor]:
    return [leaf for leaf in tree_leaves(value)
            if isinstance(leaf, torch.Tensor) and leaf.numel()]  # fmt: skip


def _take_in(module: nn.Module, before: torch.Tensor, after: torch.Tensor) -> None:
    """Weights for inputs divided by `before`, giving outputs divided by `after`."""
    values = {
        name: tensor.detach().double().cpu()
        for name, tensor in (*module.named_parameters(), *module.named_buffers())
        if tensor.is_floating_point()
    }
    if isinstance(module, nn.modules.batchnorm._BatchNorm):
        values["running_mean"] = values["running_mean"] / before
        values["weight"] = values["weight"] * before / after
    else:
        weight = values["weight"]
        groups = int(getattr(module, "groups", 1))
        gain = before.view(groups, -1).repeat_interleave(len(weight) // groups, 0)
        gain = gain / after[:, None]
        values["weight"] = weight * gain.view(*gain.shape, *[1] * (weight.ndim - 2))
    if "bias" in values:
        values["bias"] = values["bias"] / after
    with torch.no_grad():
        for name, tensor in (*module.named_parameters(), *module.named_buffers()):
            if name in values:
                tensor.copy_(values[name])
