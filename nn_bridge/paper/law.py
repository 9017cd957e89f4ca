# SPDX-License-Identifier: Apache-2.0
"""The law of accuracy against cells that were measured: predicted from 24 images, and from more."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from ..choosing.makers import make
from ..conversion.network import convert
from ..errors import DataError
from ..experiments.accuracy import read_interval
from ..experiments.records import Records, key_of
from ..files import git_commit
from ..models.networks import find_network
from ..propagation.law import Prediction, centred, law_of
from ..ranges.bounds import MARGIN
from ..ranges.calibration import calibrate
from .background import Subject

LAW = "law.jsonl"
FORM = 2
"""Of the law: a cell predicted by another is predicted again."""
IMAGES = (24, 96, 384, 1536)
"""Predicted from the first 96, and from more until the bars are within two points."""
KINDS = ("published", "ours")
POWERS = range(4, 11)
INTERVALS = ("per-layer", "50")
_CALIBRATION = 5000
_BATCH = 128


def measured(paths: Iterable[Path]) -> list[dict[str, Any]]:
    """Cells of all test images that the law speaks of, from files of accuracy records.

    Raises
    ------
    DataError
        If a file cannot be read.
    """
    found = []
    for path in paths:
        try:
            lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        except (OSError, ValueError) as error:
            raise DataError(f"{path} cannot be read as records of accuracy: {error}") from error
        found += [
            cell for cell in lines
            if cell.get("approximation") in KINDS and cell.get("power") in POWERS
            and cell.get("interval") in INTERVALS and cell.get("margin", MARGIN) == MARGIN
            and cell.get("images", 0) >= 10_000
        ]  # fmt: skip
    return found


def run_law(
    cells: list[dict[str, Any]],
    path: Path,
    data: str | Path | None = None,
    say: Callable[[str], None] = lambda line: None,
    subject: Subject | None = None,
) -> list[dict[str, Any]]:
    """Predict each cell that is not in the file yet.

    Parameters
    ----------
    cells : list of dict
        From :func:`measured`.
    path : path
        JSON lines to add to.
    data : path, optional
    say : callable
        Called with a line each cell.
    subject : Subject, optional
        Whose cells they are, if not a published network's.

    Returns
    -------
    list of dict
        One record a cell: measured and predicted.
    """
    torch.set_num_threads(1)
    records = Records(path)
    networks: dict[str, _Network] = {}
    found = []
    for cell in cells:
        identity = {
            name: cell.get(name)
            for name in ("network", "weights_sha256", "approximation", "power", "interval", "images")
        } | {"experiment": "law", "form": FORM, "samples": list(IMAGES)}  # fmt: skip
        record = records.get(key_of(identity))
        if record is None:
            of = subject or Subject(cell["network"], find_network(cell["network"]))
            name = of.name
            if name not in networks:
                mine = [one for one in cells if one["network"] == cell["network"]]
                networks = {name: _Network(of, mine, data)}  # one at a time in memory
            record = {"key": key_of(identity), **identity, "subject": name, "correct": cell["correct"],
                      **networks[name].predicted(cell), "commit": git_commit()}  # fmt: skip
            records.add(record)
            say(
                f"{name}, {cell['approximation']} 2^-{cell['power']}, {cell['interval']}: measured "
                f"{100 * cell['correct'] / cell['images']:.2f} %, predicted "
                f"{100 * record['predicted']['accuracy']:.2f} % from {IMAGES[0]} images"
            )
        found.append(record)
    return found


class _Network:
    """A network, its ranges on as many images as its cells had, and its logits on the test images."""

    def __init__(self, of: Subject, cells: list[dict[str, Any]], data: str | Path | None) -> None:
        known = of.known
        self.model = known.load(data, of.weights)
        count = max(cell.get("calibration_images") or 0 for cell in cells) or _CALIBRATION
        train = known.data("train", data).first(count)
        self.ranges = calibrate(self.model, known.batches(train))
        test = list(known.batches(known.data("test", data)))
        with torch.no_grad():
            self.logits = torch.cat([self.model(inputs).double() for inputs, _ in test])
        self.labels = torch.cat([labels for _, labels in test])
        self.sample = torch.cat([inputs for inputs, _ in test])[: IMAGES[-1]]

    def predicted(self, cell: dict[str, Any]) -> dict[str, Any]:
        """What the law says of a cell, from the fewest images and, in order, from more."""
        converted = convert(
            self.model,
            approximation=make(cell["approximation"], cell["power"]),
            interval=read_interval(cell["interval"]),
            calibrate=self.ranges,
            margin=MARGIN,
        )
        found: list[Prediction] = []
        moved = self.logits[:0]
        for count in IMAGES:
            if (len(found) > 1 and found[-1].clear) or len(moved) == len(self.sample):
                break
            with torch.no_grad():
                more = [converted(part).double() for part in self.sample[len(moved) : count].split(_BATCH)]
            moved = torch.cat([moved, *more])
            deviations = centred(moved - self.logits[: len(moved)])
            found.append(law_of(self.logits, self.labels, deviations))
        return {"predicted": asdict(found[0]), "from_more": [asdict(one) for one in found[1:]]}
