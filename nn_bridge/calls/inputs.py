# SPDX-License-Identifier: Apache-2.0
"""What a batch of a loader gives a network: one tensor, several, or words with tensors.

========================  ==============================================================
a batch                   is
========================  ==============================================================
tensor                    the input
(x, y)                    input and labels, unless the network takes y (below)
(x, m, y)                 inputs x and m, labels y; of any length
dict                      keyword arguments that the network takes; "labels" and its kin apart
========================  ==============================================================

A last element is an input if the network's forward takes that many positional arguments and the
element is not what labels are: one number for each input of the batch.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from ..errors import ArgumentError

LABELS = ("labels", "label", "targets", "target")
"""Keys of a dict that are no inputs."""


@dataclass(frozen=True)
class Arguments:
    """Several inputs of a network.

    Attributes
    ----------
    args : tuple
    kwargs : dict
    """

    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    @property
    def tensors(self) -> list[torch.Tensor]:
        """Those that are tensors."""
        return [v for v in (*self.args, *self.kwargs.values()) if isinstance(v, torch.Tensor)]


Inputs = torch.Tensor | Arguments
Batch = torch.Tensor | Sequence[torch.Tensor | None] | Mapping[str, torch.Tensor]
"""What a loader gives, as above."""


def first_tensor(inputs: Inputs) -> torch.Tensor:
    """The input whose first axis is the batch."""
    return inputs if isinstance(inputs, torch.Tensor) else inputs.tensors[0]


def feed(network: nn.Module, inputs: Inputs) -> Any:
    """What the network makes of its inputs."""
    if isinstance(inputs, torch.Tensor):
        return network(inputs)
    return network(*inputs.args, **inputs.kwargs)


def logits_of(output: Any) -> torch.Tensor:
    """The scores of a network's output: a tensor, or the one called so, or the first of several.

    Raises
    ------
    ArgumentError
        If there is none.

    Examples
    --------
    >>> logits_of({"logits": torch.ones(1, 2), "hidden": torch.zeros(1, 3)})
    tensor([[1., 1.]])
    """
    if isinstance(output, torch.Tensor):
        return output
    for name in ("logits", "out", "scores"):
        value = output.get(name) if isinstance(output, dict) else getattr(output, name, None)
        if isinstance(value, torch.Tensor):
            return value
    if isinstance(output, (tuple, list)) and output and isinstance(output[0], torch.Tensor):
        return output[0]
    raise ArgumentError(
        f"the network gave a {type(output).__name__}: give one whose output is a tensor, or has one "
        "called 'logits'"
    )


def winners(scores: torch.Tensor) -> torch.Tensor:
    """Class of the largest score, on axis 1; -1 where not all are finite: it is nobody's then.

    Examples
    --------
    >>> winners(torch.tensor([[1.0, 2.0], [torch.nan, 0.0]]))
    tensor([ 1, -1])
    """
    return torch.where(scores.isfinite().all(1), scores.argmax(1), -1)


def read_batch(network: nn.Module, batch: Any, device: torch.device) -> tuple[Inputs, Any]:
    """Inputs and labels (None without) of a batch, on a device.

    Raises
    ------
    ArgumentError
        If the batch is something else.
    """
    if isinstance(batch, torch.Tensor):
        return batch.to(device), None
    if isinstance(batch, dict):
        return _of_words(network, batch, device)
    values = tuple(batch) if isinstance(batch, (tuple, list)) else ()
    if not values or not isinstance(values[0], torch.Tensor):
        raise ArgumentError(
            f"the loader gave a batch of {type(batch).__name__}: give tensors, or pairs "
            "(inputs, labels), or dicts of the network's arguments"
        )
    values = tuple(v.to(device) if isinstance(v, torch.Tensor) else v for v in values)
    last = values[-1]
    most = _positional(network)
    apart = len(values) > 1 and (len(values) > most or _are_labels(last, values[0]))
    given = values[:-1] if apart else values
    if len(given) > most:
        raise ArgumentError(
            f"the loader gave batches of {len(values)}: {type(network).__name__} takes {most} "
            "input(s), so give that many, and the labels"
        )
    inputs: Inputs = given[0] if len(given) == 1 else Arguments(given, {})
    return inputs, last if apart else None


def _of_words(
    network: nn.Module, batch: dict[str, Any], device: torch.device
) -> tuple[Inputs, Any]:
    given = {k: v.to(device) if isinstance(v, torch.Tensor) else v for k, v in batch.items()}
    labels = next((given[key] for key in LABELS if key in given), None)
    parameters = inspect.signature(network.forward).parameters
    anything = any(p.kind == p.VAR_KEYWORD for p in parameters.values())
    words = {k: v for k, v in given.items() if k not in LABELS}
    unknown = [key for key in words if key not in parameters and not anything]
    if unknown or not any(isinstance(v, torch.Tensor) for v in words.values()):
        what = f"{unknown[0]!r}" if unknown else "no tensor"
        raise ArgumentError(
            f"the loader gave a dict with {what}: {type(network).__name__} takes "
            f"{', '.join(parameters)}; give these by name"
        )
    return Arguments((), words), labels


def _positional(network: nn.Module) -> int:
    """How many positional arguments the network takes; one where it does not say."""
    parameters = inspect.signature(network.forward).parameters.values()
    named = sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters)
    return max(1, named)


def _are_labels(value: Any, inputs: torch.Tensor) -> bool:
    """One whole number (or number) for each input."""
    numbers = torch.as_tensor(value) if not isinstance(value, torch.Tensor) else value
    return numbers.ndim <= 1 and numbers.numel() == len(inputs)
