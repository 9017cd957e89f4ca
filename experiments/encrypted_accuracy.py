"""ResNet-20 in the clear, converted as it is to run on ciphertexts: accuracy on all test images.

``python experiments/encrypted_accuracy.py`` adds what is missing to ``results/encrypted-accuracy.jsonl``. In every
block there is one circuit for the first ReLU and one for the second (the stem has the second): fitted to the
inputs of each layer, or the shipped one.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from torch import nn

import nn_bridge
import polyapprox
from nn_bridge.conversion.network import convert
from nn_bridge.experiments.encrypted_network import CORRECTION
from nn_bridge.files import git_commit
from nn_bridge.models.networks import find_network
from nn_bridge.ranges.calibration import measure

OUT = Path(__file__).parent / "results" / "encrypted-accuracy.jsonl"
NETWORK, CALIBRATION = "resnet20-cifar10", 2000
Kind = tuple[int, int | None]  # multiplications, most products with constants


@dataclass(frozen=True)
class Case:
    """A network: its circuits, intervals, and whether batch normalisation is corrected; cap None: not fitted."""

    first: Kind
    second: Kind
    cap: float | None = 8.0
    margin: float = 1.25
    interval: float | str = "per-layer"
    corrected: bool = False


def uniform(kind: Kind, **given: Any) -> Case:
    """The same circuit for both."""
    return Case(kind, kind, **given)


CASES = (
    uniform((5, None)),
    uniform((5, 3)),
    uniform((5, 3), cap=4.0, margin=1.4),
    Case((4, 2), (5, 3), 4.0, 1.4),
    Case((4, None), (5, 3), 4.0, 1.4),
    uniform((4, 2), cap=4.0, margin=1.4),
    uniform((4, None), cap=4.0, margin=1.4, corrected=True),
    uniform((4, None), cap=16.0, corrected=True),
    uniform((4, None), cap=16.0, margin=1.4, corrected=True),
    uniform((4, 2), cap=16.0, margin=1.4, corrected=True),
    uniform((4, 2), cap=16.0, corrected=True),
    uniform((4, None), cap=32.0, margin=1.4, corrected=True),
    *(uniform((m, None)) for m in (9, 10)),
    *(uniform((m, None), cap=None, interval=i) for m in (9, 10) for i in ("per-layer", 50.0)),
    *(uniform((m, None), cap=c, interval=i, corrected=True) for m in (9, 10) for c, i in ((8.0, "per-layer"), (32.0, 50.0))),
    *(uniform(one, cap=4.0, margin=1.4) for one in ((6, 4), (7, 6))),
)  # fmt: skip


@cache
def measured() -> Any:
    """Inputs of all ReLUs, on training images."""
    known = find_network(NETWORK)
    return measure(known.load(), known.batches(known.data("train").first(CALIBRATION)))


def converted(case: Case) -> nn.Module:
    """The network of a case."""
    known, ranges = find_network(NETWORK), measured()
    sites = [site for site, call in ranges.calls.items() if call.name == "relu"]
    kinds = {s: case.first if s.endswith("relu1") and s != "/relu1" else case.second for s in sites}
    common: dict[str, Any] = {"interval": case.interval}
    if case.interval == "per-layer":
        common["margin"] = case.margin
    made: Any
    if case.cap is None:
        made = {s: polyapprox.circuit("relu", multiplications=m, constants=c) for s, (m, c) in kinds.items()}
    else:
        made = nn_bridge.weighted(
            ranges, multiplications={s: k[0] for s, k in kinds.items()},
            constants={s: k[1] for s, k in kinds.items()}, cap=case.cap, **common,
        )  # fmt: skip
    network = convert(known.load(), approximation=made, calibrate=ranges, **common)
    if case.corrected:
        images = known.batches(known.data("train").first(CORRECTION))
        nn_bridge.correct_batch_norms(network, images)
    return network


def main() -> None:
    """Add what is missing to the record."""
    lines = OUT.read_text(encoding="utf-8").splitlines() if OUT.is_file() else []
    done = [json.loads(line)["case"] for line in lines]
    known = find_network(NETWORK)
    for case in CASES:
        asked = json.loads(json.dumps(asdict(case)))
        if asked in done:
            continue
        found = nn_bridge.evaluate(converted(case), known.batches(known.data("test")))
        row = {"case": asked, "images": found.images, "accuracy": found.accuracy, "outside": found.outside}
        with OUT.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps({**row, "commit": git_commit()}) + "\n")


if __name__ == "__main__":
    main()
