"""Running a network over batches of a loader, on its own device."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import nn

from .errors import ArgumentError


def device_of(network: nn.Module) -> torch.device:
    """Device of the first parameter or buffer; the CPU if there is none."""
    for tensor in (*network.parameters(), *network.buffers()):
        return tensor.device
    return torch.device("cpu")


def batches(
    network: nn.Module, loader: Iterable[Any]
) -> Iterator[tuple[torch.Tensor, torch.Tensor | None]]:
    """Inputs and labels of each batch: tensors, or pairs whose first is the input.

    Raises
    ------
    ArgumentError
        If a batch is something else, or there is no batch.
    """
    device = device_of(network)
    empty = True
    for batch in loader:
        pair = tuple(batch) if isinstance(batch, (tuple, list)) else (batch, None)
        if not pair or not isinstance(pair[0], torch.Tensor):
            raise ArgumentError(
                f"the loader gave a batch of {type(batch).__name__}: give tensors, or pairs "
                "(inputs, labels)"
            )
        empty = False
        labels = pair[1] if len(pair) > 1 else None
        yield pair[0].to(device), None if labels is None else torch.as_tensor(labels).to(device)
    if empty:
        raise ArgumentError("the loader gave no batch: give at least one (a generator runs once)")
