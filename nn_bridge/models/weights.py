# SPDX-License-Identifier: Apache-2.0
"""Reading files of weights: npz, safetensors or PyTorch's own, never running code in them."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from ..errors import WeightsError

_COUNTER = "num_batches_tracked"


def read_weights(path: str | Path) -> dict[str, torch.Tensor]:
    """Tensors of a file by name.

    Parameters
    ----------
    path : path
        ``.npz`` (one array a tensor), ``.safetensors``, or ``.pt``/``.pth``/``.th`` (a state
        dict, possibly under the key "state_dict" and with names that start with "module.").

    Raises
    ------
    WeightsError
        If the file is missing, unreadable or of another kind.
    """
    path = Path(path)
    if not path.is_file():
        raise WeightsError(f"there is no file of weights {path}: give the path of one")
    try:
        if path.suffix == ".npz":
            with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                return {name: torch.from_numpy(arrays[name]) for name in arrays.files}
        if path.suffix == ".safetensors":
            return load_file(path)
        if path.suffix in (".pt", ".pth", ".th"):
            state = torch.load(path, map_location="cpu", weights_only=True)
            state = state.get("state_dict", state)
            return {name.removeprefix("module."): value for name, value in state.items()}
    except (
        OSError, ValueError, EOFError, RuntimeError, AttributeError, SafetensorError,
        pickle.UnpicklingError, zipfile.BadZipFile,
    ) as error:  # fmt: skip
        raise WeightsError(f"{path} cannot be read as weights: {_first_line(error)}") from error
    raise WeightsError(f"{path} is of an unknown kind: give .npz, .safetensors, .pt, .pth or .th")


def load_weights(network: nn.Module, path: str | Path) -> None:
    """Load a file of weights; all names and shapes must fit (counters of batches may be missing).

    Raises
    ------
    WeightsError
        If a tensor is missing, left over, or of another shape.
    """
    state = read_weights(path)
    own = network.state_dict()
    missing = [name for name in own if name not in state and not name.endswith(_COUNTER)]
    unexpected = [name for name in state if name not in own]
    shapes = [name for name in state if name in own and state[name].shape != own[name].shape]
    for what, names in (
        ("lacks", missing), ("has, but the network has not,", unexpected),
        ("has in another shape", shapes),
    ):  # fmt: skip
        if names:
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            raise WeightsError(
                f"{path} does not fit {type(network).__name__}: it {what} {names[0]!r}{more}"
            )
    network.load_state_dict({**own, **state})


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
