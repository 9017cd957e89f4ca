"""Accuracy of every published network that is known by name, with polynomials in ReLU's place.

    python experiments/other_networks.py [NETWORK ...]

(without a name: those that no other study here is about). Measured are the published composites, the
default approximation, and that with batch normalisation corrected; each layer has its own interval.
Results are lines of other-networks.jsonl; started again, it goes on where it was.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from nn_bridge.experiments.accuracy import AccuracyConfiguration, run_accuracy

RESULTS = Path(__file__).parent / "results" / "other-networks.jsonl"
NETWORKS = (
    "resnet20-cifar10-chenyaofo",
    "resnet32-cifar10",
    "resnet32-cifar10-autofhe",
    "resnet44-cifar10-autofhe",
    "resnet32-cifar100-autofhe",
    "shufflenetv2-x0.5-cifar10",
)
APPROXIMATIONS = ("published", "published-corrected", "ours", "ours-corrected")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("networks", nargs="*", default=NETWORKS, metavar="NETWORK")
    parser.add_argument("--data", type=Path, help="folder with data ($NN_BRIDGE_DATA)")
    given = parser.parse_args()
    for network in given.networks:
        configuration = AccuracyConfiguration(
            network, first=5, last=9, intervals=("per-layer",), approximations=APPROXIMATIONS
        )
        for row in run_accuracy(configuration, RESULTS, given.data, progress=_show):
            sys.stdout.write(
                f"\r{network} {row['approximation']} {row.get('power', '')}: "
                f"{100 * row['accuracy']:.2f} %{' ' * 20}\n"
            )
    return 0


def _show(done: int, total: int, label: str) -> None:
    sys.stdout.write(f"\r{done} of {total}, {label:40}")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
