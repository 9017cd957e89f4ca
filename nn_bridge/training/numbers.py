# SPDX-License-Identifier: Apache-2.0
"""Whether a network trains faster in bfloat16: a rule, since a trial would not end alike each time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from ..calls.running import evaluation_mode

LEAST_WORK = 5e6
"""Multiplications an image from which bfloat16 pays; casts cost as much as they bring below."""


def faster(
    network: nn.Module, shape: Sequence[int], device: torch.device
) -> Literal["float32", "bfloat16"]:
    """The type in which a step of training takes less time.

    bfloat16 where the device computes with it, the network has :data:`LEAST_WORK`, and no convolution
    is by groups (depthwise ones are slower in it). The same answer each time.

    Parameters
    ----------
    network : nn.Module
    shape : sequence of int
        Of one image, (channels, height, width).
    device : torch.device

    Examples
    --------
    >>> faster(nn.Flatten(), (1, 8, 8), torch.device("cpu"))
    'float32'
    """
    if not computes_bfloat16(device) or any(getattr(m, "groups", 1) > 1 for m in network.modules()):
        return "float32"
    counter = FlopCounterMode(display=False)
    with evaluation_mode(network), torch.no_grad(), counter:
        network(torch.zeros(1, *shape, device=device))
    return "bfloat16" if counter.get_total_flops() >= 2 * LEAST_WORK else "float32"


def computes_bfloat16(device: torch.device) -> bool:
    """Whether the device multiplies in bfloat16 by instructions of its own."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "cpu":
        return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
    return False
