# SPDX-License-Identifier: Apache-2.0
"""A converted network in one file: weights, intervals, ranges and approximations."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from polyapprox import table
from polyapprox.errors import TableError

from ..activations.activation import PolynomialActivation
from ..activations.evaluator import Evaluator, Evaluators
from ..activations.vectors import Box
from ..calls.answering import Attributes, answer, answering
from ..calls.site import CallSite
from ..errors import ConversionError, DataError, WeightsError
from ..files import versions, write_atomically
from ..ranges.bounds import Bounds
from ..ranges.ranges import Ranges, pack_call, unpack_call
from .report import Improvement, Replacement, Report, replacement_of

Network = TypeVar("Network", bound=nn.Module)
_FORMAT = "nn_bridge converted 1"


def save_converted(network: nn.Module, path: str | Path) -> Path:
    """Write a converted network, as a whole or not at all.

    The file is a safetensors file: weights and buffers, bounds of channels, corrections of means
    and ranges are its tensors; its header holds the rest as JSON, each approximation as its table
    (:func:`polyapprox.table.save`). No code is in it.

    Parameters
    ----------
    network : nn.Module
        Converted by :func:`nn_bridge.convert`.
    path : path

    Raises
    ------
    ArgumentError
        If the network is not converted.
    TableError
        If an approximation cannot be held by a table.

    Examples
    --------
    >>> import tempfile
    >>> from nn_bridge import convert
    >>> made = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    >>> converted = convert(made, precision=2**-7, interval=4.0)
    >>> other = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = save_converted(converted, Path(folder) / "network.safetensors")
    ...     loaded = load_converted(path, other)
    >>> x = torch.ones(1, 4)
    >>> bool((loaded(x) == converted(x)).all())
    True
    """
    _, replacement = replacement_of(network)
    settings, tensors = _settings(replacement)
    sites = tuple(f"{p}." for p, m in network.named_modules() if isinstance(m, CallSite))
    state = {k: v for k, v in network.state_dict().items() if not k.startswith(sites)}
    tensors |= {f"network/{name}": value for name, value in state.items()}
    header = {"format": _FORMAT, "settings": json.dumps(settings)}
    if replacement.ranges is not None:
        packed, texts = replacement.ranges.packed()
        tensors |= {f"ranges/{name}": value for name, value in packed.items()}
        header |= {f"ranges/{name}": text for name, text in texts.items()}
    whole = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
    return write_atomically(Path(path), lambda temporary: save_file(whole, temporary, header))


def _settings(replacement: Replacement) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """Everything but weights and ranges: for JSON, and as tensors."""
    used, bounds = replacement.evaluators, replacement.bounds
    evaluators = list({id(e): e for e in (used.shared, *used.by_site.values())}.values())
    tensors = {f"channels/{site}": value for site, value in bounds.channels.items()}
    for site, activation in replacement.activations.items():
        if activation.correction is not None:
            tensors[f"correction/{site}"] = activation.correction
    return {
        "bounds": {**bounds.layers, **{s: a.bound for s, a in replacement.activations.items()}},
        "default": bounds.default,
        "boxes": {
            site: {"ends": box.ends.tolist(), "length": box.length, "masked": box.masked}
            for site, box in bounds.boxes.items()
        },
        "outside": replacement.outside,
        "precision": used.precision,
        "precisions": dict(used.precisions),
        "calls": {site: pack_call(call) for site, call in replacement.calls.items()},
        "foldings": dict(bounds.notes),
        "improvement": None if replacement.improvement is None else asdict(replacement.improvement),
        "evaluators": [
            {"table": _to_text(e), "dtype": str(e.dtype).removeprefix("torch.")}
            for e in evaluators
        ],
        "by_site": {site: evaluators.index(one) for site, one in used.by_site.items()},
        "versions": versions(),
    }, tensors  # fmt: skip


def load_converted(path: str | Path, network: Network) -> Network:
    """Read what :func:`save_converted` wrote into a network of the same architecture.

    Parameters
    ----------
    path : path
    network : nn.Module
        Not converted; its weights are overwritten, and it is converted in place.

    Returns
    -------
    nn.Module
        The network.

    Raises
    ------
    DataError
        If the file is missing, damaged or another.
    WeightsError
        If it is of another architecture; the network is left as it was.
    ConversionError
        If the network is converted already.
    """
    header, tensors = _read(Path(path))
    if answering(network) is not None:
        raise ConversionError("the network is already converted: give one that is not")
    state = _under("network/", tensors)
    own = network.state_dict()
    for name in sorted(own.keys() | state.keys()):
        if name not in own or name not in state or own[name].shape != state[name].shape:
            raise WeightsError(
                f"{path} does not fit {type(network).__name__}: {name!r} is missing or of another "
                "shape; give the architecture that was saved"
            )
    try:
        replacement = _replacement(header, tensors)
    except (KeyError, ValueError, TypeError, IndexError, TableError) as error:
        raise DataError(f"{path} is damaged: save the network again ({error})") from error
    network.load_state_dict(state)
    attributes: Attributes = {} if hasattr(network, "report") else {"report": Report}
    known = None if replacement.ranges is None else replacement.ranges.calls
    asking = answer(network, replacement, attributes, known)
    replacement.stand(asking)
    return network


def _read(path: Path) -> tuple[dict[str, str], dict[str, torch.Tensor]]:
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise DataError(
            f"{path} cannot be read: give what save_converted wrote ({error})"
        ) from error
    if header.get("format") != _FORMAT:
        raise DataError(f"{path} holds no converted network: give what save_converted wrote")
    return header, tensors


def _replacement(header: Mapping[str, str], tensors: Mapping[str, torch.Tensor]) -> Replacement:
    settings = json.loads(header["settings"])
    evaluators = [
        Evaluator(_from_text(one["table"]), getattr(torch, one["dtype"]))
        for one in settings["evaluators"]
    ]
    texts = {name.removeprefix("ranges/"): text for name, text in header.items()
             if name.startswith("ranges/")}  # fmt: skip
    ranges = Ranges.unpacked(_under("ranges/", tensors), texts) if texts else None
    replacement = Replacement(
        Evaluators(
            evaluators[0],
            {site: evaluators[index] for site, index in settings["by_site"].items()},
            settings["precision"],
            settings.get("precisions", {}),
        ),
        Bounds(
            settings["bounds"],
            settings["default"],
            _under("channels/", tensors),
            settings["foldings"],
            {
                site: Box(torch.tensor(one["ends"], dtype=torch.float64), one["length"], one["masked"])
                for site, one in settings.get("boxes", {}).items()
            },
        ),
        {site: unpack_call(call) for site, call in settings["calls"].items()},
        settings["outside"],
        ranges,
    )
    improvement = settings.get("improvement")
    if improvement is not None:
        tried = tuple(map(tuple, improvement.pop("tried")))
        replacement.improvement = Improvement(**improvement, tried=tried)
    for site, correction in _under("correction/", tensors).items():
        activation = replacement.activations[site]
        if isinstance(activation, PolynomialActivation):
            activation.correction = correction
    return replacement


def _under(prefix: str, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }


def _to_text(evaluator: Evaluator) -> str:
    with tempfile.TemporaryDirectory() as folder:
        return table.save(evaluator.approximation, Path(folder) / "table.json").read_text("utf-8")


def _from_text(text: str) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.json"
        path.write_text(text, encoding="utf-8")
        return table.load(path)
