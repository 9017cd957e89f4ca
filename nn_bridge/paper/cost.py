"""The paper's row of costs: a whole ResNet-20 on ciphertexts, ours beside r_12, from records alone."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import DataError

PUBLISHED = (33.6, 62.5)
"""Seconds of the whole ResNet-20 in arXiv 2402.11224: its own, and with the composite of others."""
RUNS = ("encrypted-resnet20", "encrypted-resnet20-r12")
CLEAR = ("resnet20-cifar10.jsonl", "encrypted-accuracy.json")


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
    clear = [*_lines(results / CLEAR[0]), *_read(results / CLEAR[1])["rows"]]
    return [_cost(_read(results / f"{name}.json"), clear) for name in RUNS]


def shown(found: list[Cost]) -> str:
    """A line each, and the ratio beside the paper's."""
    lines = [
        f"{one.relu}: {one.multiplications} multiplications, {one.levels} levels a ReLU; "
        f"{100 * one.accuracy:.2f} % correct; {one.bootstraps} bootstraps, {one.seconds:.1f} s"
        for one in found
    ]
    ours, other = found
    less = 100 * (other.accuracy - ours.accuracy)
    ratio, theirs = ours.seconds / other.seconds, PUBLISHED[0] / PUBLISHED[1]
    lines.append(f"ratio {ratio:.2f}, {less:.2f} points less; the paper's {theirs:.2f}")
    return "\n".join(lines)


def _cost(run: dict[str, Any], clear: Iterable[dict[str, Any]]) -> Cost:
    composite = run["published"]
    names = ("published", composite, str(int(run["interval"]))) if composite is not None else None
    given = [run["multiplications"], run["constants"]]
    for one in clear:
        if names and (one.get("approximation"), one.get("power"), one.get("interval")) == names:
            break
        circuits = given if not names and one.get("first") == one.get("second") == given else None
        if circuits and (one["cap"], one["margin"]) == (run["cap"], run["margin"]):
            break
    else:
        raise DataError(f"no record of accuracy is of the network encrypted at {run['date']}: measure it")
    return Cost(
        f"r_{composite}, B = {run['interval']:g}" if names
        else f"circuit of {given[0]}, {given[1]} constants, fitted to inputs, {run['interval']}",
        one["multiplications"] if names else given[0],
        max(layer["levels"] for layer in run["layers"][0]),
        one["accuracy"], run["bootstraps"], run["processor_seconds_per_image"]["all"],
    )  # fmt: skip


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise DataError(f"{path} cannot be read: give the folder of the records ({error})") from error


def _read(path: Path) -> dict[str, Any]:
    return dict(json.loads(_text(path)))


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in _text(path).splitlines()]
