# SPDX-License-Identifier: Apache-2.0
"""Running a network over batches of a loader, on its own device."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from polyapprox.errors import PolyApproxError
from polyapprox.words import counted

from ..errors import ArgumentError, ConversionError
from .inputs import Batch, Inputs, feed, first_tensor, read_batch


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


def every_batch(
    network: nn.Module, loader: Iterable[Batch]
) -> Iterator[tuple[Inputs, torch.Tensor | None]]:
    """Inputs and labels of each batch, see :mod:`nn_bridge.calls.inputs`.

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
        inputs, labels = read_batch(network, batch, device)
        if not first_tensor(inputs).numel():
            continue
        empty = False
        yield inputs, None if labels is None else torch.as_tensor(labels).to(device)
    if empty:
        raise ArgumentError("the loader gave no batch: give at least one (a generator runs once)")


def batches(
    network: nn.Module, loader: Iterable[Batch]
) -> Iterator[tuple[torch.Tensor, torch.Tensor | None]]:
    """As :func:`every_batch`, for what can be done with networks of one input only.

    Raises
    ------
    ArgumentError
        If a batch has several inputs.
    """
    for inputs, labels in every_batch(network, loader):
        if not isinstance(inputs, torch.Tensor):
            raise ArgumentError(
                f"the loader gave {counted(len(inputs.tensors), 'input')} for {type(network).__name__}: this can be done "
                "with networks of one input only"
            )
        yield inputs, labels


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


def check_labels(labels: torch.Tensor, inputs: Inputs, number: int) -> None:
    """Refuse labels of batch `number` that are not one for each input, in a sentence."""
    count = len(first_tensor(inputs))
    if labels.shape != (count,):
        raise ArgumentError(
            f"batch {number} of the loader has labels of shape {tuple(labels.shape)} "
            f"for {counted(count, 'input')}: give one class number for each"
        )


def check_classes(labels: torch.Tensor, scores: torch.Tensor, number: int) -> None:
    """Refuse labels of batch `number` that are no classes of the scores; those below 0 are of nothing."""
    largest, classes = float(labels.max()), scores.shape[1]
    if largest >= classes or (labels.is_floating_point() and not bool((labels == labels.round()).all())):
        raise ArgumentError(
            f"batch {number} of the loader has labels up to {largest:g}, and the network gives {counted(classes, 'score')}: "
            "number the classes from 0, and give what has no label a number below 0"
        )


def run(network: nn.Module, inputs: Inputs, number: int, doing: str) -> Any:
    """What the network makes of a batch; a sentence where it cannot take it.

    Parameters
    ----------
    network : nn.Module
    inputs : Tensor or Arguments
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
    given = [inputs] if isinstance(inputs, torch.Tensor) else inputs.tensors
    if any(x.is_floating_point() and not bool(torch.isfinite(x).all()) for x in given[:1]):
        raise ConversionError(
            f"batch {number} of the loader is not finite while {doing}: it holds NaN or "
            "infinity, check the data"
        )
    try:
        return feed(network, inputs)
    except PolyApproxError:
        raise
    except (RuntimeError, ValueError, IndexError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ArgumentError(
            f"the network cannot take batch {number} of the loader, of shape "
            f"{tuple(given[0].shape)}: {reason}"
        ) from error
