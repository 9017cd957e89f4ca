"""Small networks that nobody prepared, on ciphertexts: within 0.01 of the same networks in the clear.

Each run is a line of the record as soon as it is there; a second run goes on where the first stopped. Ends
with 1 if an output is further off, or a prediction another one. Less than three minutes on a free core.

    python tests/checks/encrypted_networks.py
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from encrypted_networks import Mixed, converted, images

from nn_bridge.encrypted import run
from nn_bridge.models.mobilenet import Bottleneck
from nn_bridge.models.resnet import ResNet
from nn_bridge.models.shufflenet import InvertedResidual

RESULTS = Path(__file__).resolve().parent / "results" / "encrypted_networks.jsonl"
CLOSE, IMAGES = 0.01, 2


def stem(channels: int, activation: type[nn.Module] = nn.ReLU) -> list[nn.Module]:
    """A convolution of colours."""
    return [nn.Conv2d(3, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels), activation()]


def head(channels: int) -> list[nn.Module]:
    """Ten outputs."""
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10)]


def vgg(pool: type[nn.Module]) -> nn.Module:
    """Pairs of convolutions and pools, two linear layers."""
    layers = stem(8)
    for inputs, outputs in ((8, 8), (8, 16), (16, 16)):
        layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU(), pool(2)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))


def shufflenet() -> nn.Module:
    """Channels split, shuffled and joined; depthwise convolutions."""
    stages = ((8, 16, 2), (16, 16, 1), (16, 32, 2), (32, 32, 1))
    return nn.Sequential(*stem(8), *(InvertedResidual(*one) for one in stages), *head(32))


def mobilenet() -> nn.Module:
    """Inverted bottlenecks, ReLU6."""
    stages = ((8, 8, 1, 1), (8, 12, 2, 3), (12, 12, 1, 3))
    blocks = (Bottleneck(*one, nn.ReLU6) for one in stages)
    return nn.Sequential(*stem(8, nn.ReLU6), *blocks, *head(12))


NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "stride, depthwise, projection, two ends joined": (Mixed, (2, 8, 8)),
    "VGG-like, average pools": (lambda: vgg(nn.AvgPool2d), (3, 16, 16)),
    "VGG-like, max-pools": (lambda: vgg(nn.MaxPool2d), (3, 16, 16)),
    "ResNet-8, projections": (lambda: ResNet(8, shortcut="B"), (3, 16, 16)),
    "ShuffleNetV2-like": (shufflenet, (3, 16, 16)),
    "MobileNetV2-like, ReLU6": (mobilenet, (3, 16, 16)),
}


def settled(network: nn.Module, shape: tuple[int, ...]) -> nn.Module:
    """With statistics of batch normalisation of its own, and outputs as large as trained ones."""
    network.train()
    with torch.no_grad():
        for _ in range(20):
            network(images(64, *shape))
        network.eval()
        last = [one for one in network.modules() if isinstance(one, nn.Linear)][-1]
        last.weight.mul_(10 / network(images(64, *shape)).abs().max())
    return network


def row(name: str) -> dict[str, object]:
    """What came of a network."""
    make, shape = NETWORKS[name]
    torch.manual_seed(0)
    network = converted(settled(make(), shape), *shape, multiplications=5, precision=2.0**-7)
    found = run(network, images(IMAGES, *shape), ring=1 << 11)
    record = found.record()
    right = record["largest_deviation"] < CLOSE and record["same_prediction"] == IMAGES
    return {"name": name, "shape": shape, "right": right, "depth": len(record["layers"][0]), **record}


def main() -> int:
    """Run what is missing."""
    done = [json.loads(line) for line in RESULTS.read_text().splitlines()] if RESULTS.exists() else []
    for name in NETWORKS.keys() - {one["name"] for one in done}:
        done.append(row(name))
        with RESULTS.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(done[-1]) + "\n")
    for one in done:
        seconds = one["processor_seconds_per_image"]["all"]
        sys.stdout.write(
            f"{one['name']}: {one['bootstraps']} bootstraps, {seconds:.1f} s, largest deviation "
            f"{one['largest_deviation']:.1e} of {one['largest_output']:.3g}\n"
        )
    return int(not all(one["right"] for one in done))


if __name__ == "__main__":
    sys.exit(main())
