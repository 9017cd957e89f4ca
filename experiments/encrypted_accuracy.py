"""ResNet-20 in the clear, converted as it is to run on ciphertexts: accuracy on all test images.

``python experiments/encrypted_accuracy.py`` writes ``results/encrypted-accuracy.json``. Circuits fitted to the
inputs of each layer; in every block one for the first ReLU and one for the second (the stem has the second).
"""

from __future__ import annotations

from pathlib import Path

import nn_bridge
from nn_bridge.conversion.network import convert
from nn_bridge.files import git_commit, write_json
from nn_bridge.models.networks import find_network
from nn_bridge.ranges.calibration import measure

OUT = Path(__file__).parent / "results" / "encrypted-accuracy.json"
NETWORK, CALIBRATION = "resnet20-cifar10", 2000
Kind = tuple[int, int | None]  # multiplications, most products with constants
CASES: tuple[tuple[Kind, Kind, float, float], ...] = (
    ((5, None), (5, None), 8.0, 1.25),
    ((5, 3), (5, 3), 8.0, 1.25),
    ((5, 3), (5, 3), 4.0, 1.4),
    ((4, 2), (5, 3), 4.0, 1.4),
    ((4, None), (5, 3), 4.0, 1.4),
    ((4, 2), (4, 2), 4.0, 1.4),
)


def main() -> None:
    """Write the record."""
    known = find_network(NETWORK)
    network = known.load()
    ranges = measure(network, known.batches(known.data("train").first(CALIBRATION)))
    sites = [site for site, call in ranges.calls.items() if call.name == "relu"]
    rows = []
    for first, second, cap, margin in CASES:
        kinds = {s: first if s.endswith("relu1") and s != "/relu1" else second for s in sites}
        fitted = nn_bridge.weighted(
            ranges, multiplications={s: k[0] for s, k in kinds.items()},
            constants={s: k[1] for s, k in kinds.items()}, margin=margin, cap=cap,
        )  # fmt: skip
        converted = convert(network, approximation=fitted, calibrate=ranges, margin=margin)
        found = nn_bridge.evaluate(converted, known.batches(known.data("test")))
        rows.append(
            {
                "first": first, "second": second, "cap": cap, "margin": margin, "images": found.images,
                "accuracy": found.accuracy, "outside": found.outside,
            }
        )  # fmt: skip
    write_json(OUT, {"network": NETWORK, "rows": rows, "commit": git_commit()})


if __name__ == "__main__":
    main()
