# SPDX-License-Identifier: Apache-2.0
"""The paper's row of costs: a whole ResNet-20 on ciphertexts, ours beside r_12, from records alone."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from polyapprox.words import counted

from ..errors import DataError

PUBLISHED = (33.6, 62.5)
"""Seconds of the whole ResNet-20 in arXiv 2402.11224: its own, and with the composite of others."""
RUNS = ("encrypted-resnet20", "encrypted-resnet20-r12")
CLEAR = ("resnet20-cifar10.jsonl", "encrypted-accuracy.jsonl")


@dataclass(frozen=True)
class Cost:
    """What an encrypted run cost, and how right the same network is in the clear.

    Attributes
    ----------
    relu : str
    multiplications : int
        Of a ReLU, as the published composites count theirs.
    levels : int
        Of a ReLU.
    accuracy : float
        On all test images, in the clear.
    bootstraps : int
        Of an image.
    seconds : float
        Processor seconds of an image, all of it.
    """

    relu: str
    multiplications: int
    levels: int
    accuracy: float
    bootstraps: int
    seconds: float


def costs(results: Path) -> list[Cost]:
    """Of the runs on record, ours first.

    Parameters
    ----------
    results : path
        Folder of the records of ``nn-bridge encrypt`` and of accuracy.

    Raises
    ------
    DataError
        If a record is missing, or none of accuracy is of the network that was encrypted.
    """
    clear = [one for name in CLEAR for one in map(json.loads, _text(results / name).splitlines())]
    return [_cost(json.loads(_text(results / f"{name}.json")), clear) for name in RUNS]


def shown(found: list[Cost]) -> str:
    """A line each, and the ratio beside the paper's."""
    lines = [
        f"{one.relu}: {counted(one.multiplications, 'multiplication')}, {counted(one.levels, 'level')} a ReLU; "
        f"{100 * one.accuracy:.2f} % correct; {counted(one.bootstraps, 'bootstrap')}, {one.seconds:.1f} s"
        for one in found
    ]
    ours, other = found
    less = 100 * (other.accuracy - ours.accuracy)
    ratio, theirs = ours.seconds / other.seconds, PUBLISHED[0] / PUBLISHED[1]
    lines.append(f"ratio {ratio:.2f}, {less:.2f} points less; the paper's {theirs:.2f}")
    return "\n".join(lines)


def named(run: dict[str, Any]) -> str:
    """The ReLU of a run, in words."""
    if run["published"] is not None:
        return f"r_{run['published']}, B = {run['interval']:g}"
    thin = "" if run.get("constants") is None else f", {counted(run['constants'], 'constant')}"
    fitted = ", fitted to inputs" if run["weighted"] else ""
    corrected = ", corrected" if run.get("corrected") else ""
    return f"circuit of {run['multiplications']}{thin}{fitted}{corrected}, {run['interval']}"


def _cost(run: dict[str, Any], clear: Iterable[dict[str, Any]]) -> Cost:
    composite, circuit = run["published"], [run["multiplications"], run["constants"]]
    wanted = {
        "first": circuit, "second": circuit, "cap": run["cap"], "margin": run["margin"],
        "interval": run["interval"], "corrected": run.get("corrected", False),
    } if composite is None else ("published", composite, f"{run['interval']:g}")  # fmt: skip
    for one in clear:
        if wanted in (one.get("case"), (one.get("approximation"), one.get("power"), one.get("interval"))):
            break
    else:
        raise DataError(f"no record of accuracy is of the network encrypted at {run['date']}: measure it")
    return Cost(
        named(run),
        one.get("multiplications", run["multiplications"]),
        max(layer["levels"] for layer in run["layers"][0]),
        one["accuracy"], run["bootstraps"], run["processor_seconds_per_image"]["all"],
    )  # fmt: skip


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise DataError(f"{path} cannot be read: give the folder of the records ({error})") from error
