"""Architectures against published parameter counts and published weights."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from nn_bridge import check, convert
from nn_bridge.conversion.evaluation import evaluate
from nn_bridge.errors import ArgumentError
from nn_bridge.models import DLA, MobileNetV2, ResNet, ShuffleNetV2
from nn_bridge.models.networks import NETWORKS, find_network

DATA = os.environ.get("NN_BRIDGE_DATA")


def parameters(network: torch.nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


# He et al. 2015, table 6, count 0.27, 0.46, 0.66, 0.85 and 1.7 million; to the unit: the files
# of akamaster/pytorch_resnet_cifar10 (option A) and of chenyaofo/pytorch-cifar-models (option B).
@pytest.mark.parametrize(
    ("layers", "shortcut", "count"),
    [(20, "A", 269722), (32, "A", 464154), (44, "A", 658586), (56, "A", 853018),
     (110, "A", 1727962), (20, "B", 272474), (56, "B", 855770)],
)  # fmt: skip
def test_resnets_have_the_published_number_of_parameters(layers, shortcut, count):
    assert parameters(ResNet(layers, 10, shortcut)) == count


def test_the_others_have_the_published_number_of_parameters():
    # torchvision's counts for 1000 classes are 2278604 and 3504872, timm's for dla34 is 15742104,
    # with a 7 × 7 stem (49 - 9 weights more for each of 3 · 16 pairs of channels)
    assert parameters(ShuffleNetV2(1.0, 1000)) == 2278604
    assert parameters(ShuffleNetV2(0.5, 1000)) == 1366792
    assert parameters(MobileNetV2(1000)) == 3504872
    assert parameters(DLA(1000)) == 15742104 - 40 * 3 * 16


@pytest.mark.parametrize(
    "network",
    [ShuffleNetV2(0.5, 200, 2), MobileNetV2(200, 64), DLA(200, 64, "average")],
    ids=["ShuffleNetV2", "MobileNetV2", "DLA-34"],
)
def test_they_convert_and_nothing_is_left(network):
    images = torch.randn(4, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        for _ in range(30):
            network.train()(images)  # batch normalisation learns what it sees
        network.eval()
        converted = convert(network, precision=2**-13, calibrate=[images], margin=1.25)
        exact = network(images)
        difference = (converted(images) - exact).abs().max()
        assert 0 < difference < 0.2 * exact.abs().max()
    assert check(converted, images) == ()
    assert len(converted.report.sites) >= 20


@pytest.mark.parametrize("images", ["cifar10", "cifar100", "tiny-imagenet"])
def test_dla_with_average_pooling_has_a_name(images):
    network = find_network(f"dla34-average-{images}")
    named = [type(m).__name__ for m in network.build().modules() if "Pool" in type(m).__name__]
    assert named == ["AvgPool2d"] * 5 and network.images == images


def test_max_pools_of_the_shortcuts_are_named():
    assert {str(item) for item in check(DLA().eval()) if "MaxPool2d" in str(item)} == {
        f"level{level}.downsample: nn.MaxPool2d (replaced by convert)" for level in (3, 4, 5)
    } | {
        f"level{level}.tree1.downsample: nn.MaxPool2d (replaced by convert)" for level in (3, 4)
    }


def test_an_unknown_width_is_refused():
    with pytest.raises(ArgumentError, match=r"multiplier is 3: choose 0.5"):
        ShuffleNetV2(3)


@pytest.mark.skipif(not DATA or not Path(DATA).is_dir(), reason="NN_BRIDGE_DATA names no folder")
@pytest.mark.parametrize("name", [n for n, known in NETWORKS.items() if known.needs_data and known.weights])
def test_published_weights_load_and_recognise_images(name):
    network = find_network(name)
    batches = network.batches(network.data("test", DATA).first(200), 100)
    least = 0.6 if network.images == "cifar100" else 0.85
    assert evaluate(network.load(DATA), batches).accuracy >= least
