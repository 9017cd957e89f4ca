# SPDX-License-Identifier: Apache-2.0
"""Passes through a network in which every activation follows a rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast

import torch
import torch.autograd.forward_ad as forward_ad
from torch import nn

from ..activations.building import Activation
from ..calls.exact import exact_value
from ..calls.functions import Call
from ..calls.handlers import ReluOnly
from ..calls.inputs import logits_of
from ..calls.intercept import intercepted
from ..errors import ConversionError

Rule = Callable[[str, Call, torch.Tensor, torch.Tensor], torch.Tensor]
"""(site, call, input, exact value) to the value that goes on."""


class Rules(ReluOnly):
    """Answers every activation by a rule."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule

    def activation(
        self, site: str, call: Call, x: torch.Tensor, exact: Callable[[], torch.Tensor]
    ) -> torch.Tensor:
        """What the rule says."""
        if not call.in_place:
            return self.rule(site, call, x, exact())
        before = x.clone()  # what is saved for the backward pass must stay
        value = exact_value(Call(call.name, call.kind, call.options), before)
        return x.copy_(self.rule(site, call, before, value))


def run(network: nn.Module, inputs: torch.Tensor, rule: Rule) -> torch.Tensor:
    """Logits of the network with a rule for its activations."""
    with intercepted(network, Rules(rule)):
        return logits_of(network(inputs))


class Recorded:
    """Inputs and values of every activation of one pass."""

    def __init__(self) -> None:
        self.inputs: dict[str, torch.Tensor] = {}
        self.values: dict[str, torch.Tensor] = {}

    def keep(self, site: str, x: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        """Note an activation; its value. Copies: a network may change either in place afterwards."""
        self.inputs[site], self.values[site] = x.detach().clone(), value.detach().clone()
        return value


def exact_pass(network: nn.Module, inputs: torch.Tensor) -> tuple[torch.Tensor, Recorded]:
    """Logits of the network as it is, and what its activations saw."""
    recorded = Recorded()
    logits = run(network, inputs, lambda site, call, x, exact: recorded.keep(site, x, exact))
    return logits, recorded


def replaced_pass(
    network: nn.Module,
    inputs: torch.Tensor,
    activations: Mapping[str, Activation],
    chosen: Callable[[str], bool] = lambda site: True,
    change: Callable[[str, torch.Tensor, torch.Tensor], torch.Tensor] | None = None,
) -> tuple[torch.Tensor, Recorded]:
    """Logits with the chosen activations replaced by polynomials, and what they saw.

    Parameters
    ----------
    network, inputs, activations
    chosen : callable
        Whether a site is replaced.
    change : callable, optional
        (site, input, error of the polynomial) to the error that is made instead.
    """
    recorded = Recorded()

    def rule(site: str, call: Call, x: torch.Tensor, exact: torch.Tensor) -> torch.Tensor:
        if not chosen(site):
            return recorded.keep(site, x, exact)
        value = activations[site](x)
        if change is not None:
            value = exact + change(site, x, value - exact)
        return recorded.keep(site, x, value)

    return run(network, inputs, rule), recorded


def linear_response(
    network: nn.Module, inputs: torch.Tensor, errors: Mapping[str, torch.Tensor]
) -> torch.Tensor | None:
    """Σ J_l e_l: what errors of the activations do to the logits, to first order.

    By forward-mode differentiation of the exact network, in one pass; None where no path that can be
    differentiated leads from them to the logits.
    """
    with forward_ad.dual_level():

        def rule(site: str, call: Call, x: torch.Tensor, exact: torch.Tensor) -> torch.Tensor:
            error = errors.get(site)
            if error is None:
                return exact
            primal, tangent = forward_ad.unpack_dual(exact)
            total = error.clone() if tangent is None else tangent + error
            return cast("torch.Tensor", forward_ad.make_dual(primal, total))

        value = forward_ad.unpack_dual(run(network, inputs, rule))
        return None if value.tangent is None else value.tangent.clone()


def check_followed(site: str, alone: torch.Tensor, logits: torch.Tensor) -> None:
    """Refuse a site that no derivative leads from, though replacing it alone changes the logits.

    Raises
    ------
    ConversionError
    """
    if not torch.equal(alone, logits):
        raise ConversionError(
            f"{site} reaches the outputs, but not by operations that can be differentiated, such as after "
            "detach(): its influence cannot be measured; take that out of the network's forward"
        )


def jacobian_norms(
    network: nn.Module, inputs: torch.Tensor, samples: int, generator: torch.Generator
) -> dict[str, torch.Tensor]:
    """‖J_l‖² of each image (Frobenius; logits by values of activation l), estimated.

    The mean of ‖J_lᵀv‖² over random signs v of the logits: vector–Jacobian products.

    Returns
    -------
    dict
        Site to a tensor of shape (images,).
    """
    leaves: dict[str, torch.Tensor] = {}

    def rule(site: str, call: Call, x: torch.Tensor, exact: torch.Tensor) -> torch.Tensor:
        leaves[site] = torch.zeros_like(exact).requires_grad_()
        return exact + leaves[site]

    with torch.enable_grad():
        logits = run(network, inputs, rule)
        norms = {site: torch.zeros(len(inputs), dtype=logits.dtype) for site in leaves}
        for _ in range(samples):
            signs = torch.randint(2, logits.shape, generator=generator).to(logits) * 2 - 1
            found = torch.autograd.grad((logits * signs).sum(), list(leaves.values()),
                                        retain_graph=True, allow_unused=True)  # fmt: skip
            for site, gradient in zip(leaves, found, strict=True):
                if gradient is None:  # it reaches another output alone
                    continue
                norms[site] += gradient.detach().square().flatten(1).sum(1) / samples
    return norms

