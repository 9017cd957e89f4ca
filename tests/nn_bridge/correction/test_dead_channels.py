"""Channels that are constant with ReLU: their normalisation would enlarge the error of a polynomial."""

import copy

import pytest
import torch
from torch import nn

from nn_bridge import (
    ArgumentError,
    RangeWarning,
    convert,
    load_converted,
    save_converted,
    silence_dead_channels,
)
from nn_bridge.correction import dead_channels
from nn_bridge.models.networks import find_network

DEAD = 3


@pytest.fixture(scope="module")
def images() -> list[torch.Tensor]:
    chance = torch.Generator().manual_seed(0)
    return list(torch.randn(384, 2, 8, 8, generator=chance).split(128))


@pytest.fixture
def network(images: list[torch.Tensor]) -> nn.Module:
    """Two blocks; one channel of the first is below zero for every input, as training may leave it."""
    torch.manual_seed(0)
    made = nn.Sequential(
        nn.Conv2d(2, 6, 3), nn.ReLU(), nn.Conv2d(6, 6, 3, groups=6, bias=False), nn.BatchNorm2d(6), nn.ReLU(),
        nn.Flatten(), nn.Linear(96, 5),
    )  # fmt: skip
    with torch.no_grad():
        made[0].bias[DEAD] = -20.0
        made[3].momentum = None
        for x in images:
            made.train()(x)
    return made.eval()


def far(one: nn.Module, other: nn.Module, batches: list[torch.Tensor]) -> float:
    with torch.no_grad():
        return max(float((one(x) - other(x)).abs().max()) for x in batches)


def test_one_dead_channel_spoils_a_network_and_is_silenced(network, images):
    converted = convert(network, precision=2**-8, calibrate=images, improve=False)
    with pytest.warns(RangeWarning, match="outside its interval"):
        before = far(converted, network, images)
    exact = copy.deepcopy(network)
    assert silence_dead_channels(converted, images) == {"3": [DEAD]}
    after = far(converted, network, images)
    assert before > 20 * after and after < 0.2  # of outputs of about 1
    assert far(network, exact, images) == 0.0  # a copy was changed
    assert silence_dead_channels(converted, images) == {}  # nothing is left to be done
    assert far(converted, network, images) == after


def test_a_conversion_with_data_finds_it_by_itself(network, images, tmp_path):
    found = convert(network, precision=2**-8, calibrate=images)
    plain = convert(network, precision=2**-8, calibrate=images, improve=False)
    assert found.report.improvement.taken.startswith("1 dead channel silenced")
    assert "1 dead channel silenced" in str(found.report)
    with pytest.warns(RangeWarning, match="outside its interval"):
        before = far(plain, network, images)
    assert far(found, network, images) < before / 20
    for one, other in zip(found.report.sites, plain.report.sites, strict=True):
        assert (one.multiplications, one.levels) == (other.multiplications, other.levels)
    save_converted(found, tmp_path / "network.pt")
    again = load_converted(tmp_path / "network.pt", copy.deepcopy(network))
    assert far(again, found, images) == 0.0


def test_a_sound_network_stays_as_it_is():
    digits = find_network("digits")
    converted = convert(digits.load(), precision=2**-7, interval=50.0)
    weights = copy.deepcopy(converted.state_dict())
    assert silence_dead_channels(converted, digits.batches(digits.data("train").first(200))) == {}
    assert all(torch.equal(value, weights[name]) for name, value in converted.state_dict().items())


def test_a_dead_channel_whose_weight_has_decayed_stays(network, images):
    """As in networks of plain decay: no error grows there."""
    with torch.no_grad():
        network[3].weight[DEAD] = 1e-4
    converted = convert(network, precision=2**-8, calibrate=images, improve=False)
    assert silence_dead_channels(converted, images) == {}
    found = convert(network, precision=2**-8, calibrate=images)
    assert not any("dead" in name for name, _, _ in found.report.improvement.tried)


def test_inputs_of_one_dimension_and_normalisation_without_weights():
    x = torch.stack((torch.linspace(-1, 1, 201), torch.linspace(-1, 0, 201)), dim=1)
    for norm, found in ((nn.BatchNorm1d(2), {"1": [1]}), (nn.BatchNorm1d(2, affine=False), {})):
        norm.running_var[1] = 0.0
        converted = convert(nn.Sequential(nn.ReLU(), norm).eval(), precision=2**-8, interval=1.0)
        assert silence_dead_channels(converted, [x]) == found


def test_what_varies_a_little_is_not_dead(monkeypatch):
    x = torch.stack((torch.linspace(-1, 1, 201), torch.linspace(-1, 0.2, 201)), dim=1)
    norm = nn.BatchNorm1d(2)
    norm.running_var[1] = 0.04
    converted = convert(nn.Sequential(nn.ReLU(), norm).eval(), precision=2**-8, interval=1.0)
    assert silence_dead_channels(converted, [x]) == {}
    monkeypatch.setattr(dead_channels, "LEAST", 0.9)
    assert silence_dead_channels(converted, [x]) == {"1": [1]}


def test_what_cannot_be_done_is_refused(network):
    with pytest.raises(ArgumentError, match="convert"):
        silence_dead_channels(network, [torch.zeros(1, 2, 8, 8)])
    with pytest.raises(ArgumentError, match="batch"):
        silence_dead_channels(convert(network, precision=2**-8, interval=30.0), [])
