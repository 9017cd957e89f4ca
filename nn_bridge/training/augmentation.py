# SPDX-License-Identifier: Apache-2.0
"""Random crops and mirror images, on the device of the images, a batch at a time."""

from __future__ import annotations

import torch
import torch.nn.functional as functional

PADDING = 4


def crop_and_mirror(
    images: torch.Tensor,
    generator: torch.Generator,
    padding: int | None = None,
    border: str = "zeros",
    mirrored: torch.Tensor | None = None,
) -> torch.Tensor:
    """Each image shifted by up to `padding` pixels each way and mirrored or not.

    Parameters
    ----------
    images : Tensor, shape (n, channels, height, width)
        Of any type.
    generator : torch.Generator
        On the CPU, so that every device and every process draws the same.
    padding : int, optional
        By default an eighth of the width (4 pixels for 32 × 32, 8 for 64 × 64), at least 4.
    border : {"zeros", "reflection"}
        What comes in.
    mirrored : Tensor of int64, shape (n,), optional
        Which ones are mirrored (1) and which are not (0); drawn by default.

    Returns
    -------
    Tensor
        Of the same shape and type.

    Examples
    --------
    >>> images = torch.arange(8.0).reshape(1, 1, 2, 4)
    >>> crop_and_mirror(images, torch.Generator().manual_seed(0), 0).shape
    torch.Size([1, 1, 2, 4])
    """
    n, _, height, width = images.shape
    padding = max(PADDING, width // 8) if padding is None else padding
    device = images.device
    shifts = torch.randint(2 * padding + 1, (2, n), generator=generator)
    if mirrored is None:
        mirrored = torch.randint(2, (n,), generator=generator)
    shifts, mirrored = shifts.to(device), mirrored.to(device)
    rows = torch.arange(height, device=device) + shifts[0][:, None]
    columns = torch.arange(width, device=device).expand(n, width)
    columns = torch.where(mirrored[:, None] > 0, width - 1 - columns, columns)
    columns = columns + shifts[1][:, None]
    if border == "reflection":
        rows, columns = _reflected(rows - padding, height), _reflected(columns - padding, width)
    else:
        images = functional.pad(images, (padding,) * 4)
    which = torch.arange(n, device=device)[:, None, None]
    shown = images.permute(0, 2, 3, 1)[which, rows[:, :, None], columns[:, None, :]]
    return shown.permute(0, 3, 1, 2)


def _reflected(places: torch.Tensor, size: int) -> torch.Tensor:
    """Places outside 0 … size − 1 mirrored at its ends."""
    return size - 1 - (size - 1 - places.abs()).abs()


def resize(images: torch.Tensor, side: int) -> torch.Tensor:
    """Images of another side, by antialiased bilinear interpolation.

    Parameters
    ----------
    images : Tensor of float, shape (n, channels, height, width)
    side : int

    Examples
    --------
    >>> resize(torch.ones(1, 3, 32, 32), 16).shape
    torch.Size([1, 3, 16, 16])
    """
    return functional.interpolate(
        images, (side, side), mode="bilinear", align_corners=False, antialias=True
    )
