"""Running a network over batches of a loader, on its own device."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from polyapprox.errors import PolyApproxError

from ..errors import ArgumentError, ConversionError


def device_of(network: nn.Module) -> torch.device:
    """Device of the first parameter or buffer; the CPU if there is none."""
    for tensor in (*network.parameters(), *network.buffers()):
        return tensor.device
    return torch.device("cpu")


@contextmanager
def evaluation_mode(network: nn.Module, wanted: bool = True) -> Iterator[None]:
    """Put a network into evaluation mode, if wanted; each module gets its own mode back.

    Examples
    --------
    >>> layer = nn.Dropout()
    >>> with evaluation_mode(layer):
    ...     layer.training
    False
    >>> layer.training
    True
    """
    training = {module: module.training for module in network.modules()}
    if wanted:
        network.eval()
    try:
        yield
    finally:
        for module, state in training.items():
            module.training = state


def batches(
    network: nn.Module, loader: Iterable[Any]
) -> Iterator[tuple[torch.Tensor, torch.Tensor | None]]:
    """Inputs and labels of each batch: tensors, or pairs whose first is the input.

    Raises
    ------
    ArgumentError
        If the loader or a batch is something else, or there is no batch.
    """
    if isinstance(loader, torch.Tensor) or not isinstance(loader, Iterable):
        raise ArgumentError(
            f"the loader is a {type(loader).__name__}: give a DataLoader or a list of batches, "
            "such as [x]"
        )
    device = device_of(network)
    empty = True
    for batch in loader:
        pair = tuple(batch) if isinstance(batch, (tuple, list)) else (batch, None)
        if not pair or not isinstance(pair[0], torch.Tensor):
            raise ArgumentError(
                f"the loader gave a batch of {type(batch).__name__}: give tensors, or pairs "
                "(inputs, labels)"
            )
        if not pair[0].numel():
            continue
        empty = False
        labels = pair[1] if len(pair) > 1 else None
        yield pair[0].to(device), None if labels is None else torch.as_tensor(labels).to(device)
    if empty:
        raise ArgumentError("the loader gave no batch: give at least one (a generator runs once)")


def check_weights(network: nn.Module, doing: str) -> None:
    """Refuse what is no network, and weights and running statistics that are not finite.

    Parameters
    ----------
    network : nn.Module
    doing : str
        What cannot be done with it, for the sentence: "calibrating".

    Raises
    ------
    ArgumentError, ConversionError
    """
    if not isinstance(network, nn.Module):
        raise ArgumentError(f"the network is a {type(network).__name__}: give a torch.nn.Module")
    for name, tensor in (*network.named_parameters(), *network.named_buffers()):
        buffer = not isinstance(tensor, nn.Parameter)
        if buffer and not name.endswith(("running_mean", "running_var")):
            continue
        if isinstance(tensor, (nn.UninitializedParameter, nn.UninitializedBuffer)):
            continue  # made by the first batch
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise ConversionError(
                f"{name!r} of the network is not finite while {doing}: load sound weights"
            )


def check_labels(labels: torch.Tensor, inputs: torch.Tensor, number: int) -> None:
    """Refuse labels of batch `number` that are not one for each input, in a sentence."""
    if labels.shape != inputs.shape[:1]:
        raise ArgumentError(
            f"batch {number} of the loader has labels of shape {tuple(labels.shape)} "
            f"for {len(inputs)} inputs: give one class number for each"
        )


def run(network: nn.Module, inputs: torch.Tensor, number: int, doing: str) -> Any:
    """What the network makes of a batch; a sentence where it cannot take it.

    Parameters
    ----------
    network : nn.Module
    inputs : Tensor
    number : int
        Of the batch, from 1.
    doing : str
        For the sentence.

    Raises
    ------
    ArgumentError
        If the shape or type of the batch is not the network's.
    ConversionError
        If the batch is not finite.
    """
    if inputs.is_floating_point() and not bool(torch.isfinite(inputs).all()):
        raise ConversionError(
            f"batch {number} of the loader is not finite while {doing}: it holds NaN or "
            "infinity, check the data"
        )
    try:
        return network(inputs)
    except PolyApproxError:
        raise
    except (RuntimeError, ValueError, IndexError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ArgumentError(
            f"the network cannot take batch {number} of the loader, of shape "
            f"{tuple(inputs.shape)}: {reason}"
        ) from error
