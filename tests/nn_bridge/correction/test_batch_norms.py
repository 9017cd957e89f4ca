"""Correcting batch normalisation: the statistics move by what the polynomials change."""

import copy
import os

import pytest
import torch
from torch import nn

import nn_bridge
from nn_bridge import ArgumentError, convert, correct_batch_norms
from nn_bridge.experiments.accuracy import choose_network
from nn_bridge.models import ResNet
from nn_bridge.models.networks import find_network

ROOT = os.environ.get("NN_BRIDGE_DATA", "")


@pytest.fixture(scope="module")
def network():
    """Two blocks of linear maps with the statistics of its own images."""
    torch.manual_seed(1)
    made = nn.Sequential(
        nn.Conv2d(1, 8, 3, bias=False), nn.BatchNorm2d(8, momentum=1.0), nn.ReLU(),
        nn.Conv2d(8, 8, 3, bias=False), nn.BatchNorm2d(8, momentum=1.0), nn.ReLU(),
        nn.Flatten(), nn.Linear(8 * 16, 5), nn.Dropout(0.5),
    )  # fmt: skip
    made(images()[0])
    return made.eval()


def images():
    return [torch.rand(200, 1, 8, 8, generator=torch.Generator().manual_seed(2))]


def deviation(converted, network):
    with torch.no_grad():
        return float((converted(images()[0]) - network(images()[0])).square().mean().sqrt())


def test_coarse_polynomials_deviate_less_after_it(network):
    converted = convert(network, precision=2**-4, interval="global", calibrate=images(), margin=1.25, improve=False)
    before = deviation(converted, network)
    moves = correct_batch_norms(converted, images())
    assert deviation(converted, network) < 0.85 * before
    assert list(moves) == ["1", "4"]
    assert moves["1"] == 0.0 < moves["4"]  # no polynomial stands before the first


def test_statistics_of_every_layer_fit_its_inputs_afterwards(network):
    converted = convert(network, precision=2**-4, interval="global", calibrate=images(), margin=1.25, improve=False)
    correct_batch_norms(converted, images())
    seen = {}
    for path in ("1", "4"):
        converted.get_submodule(path).register_forward_pre_hook(
            lambda module, given, path=path: seen.update({path: given[0]})
        )
    with torch.no_grad():
        converted(images()[0])
    for path, x in seen.items():
        norm = converted.get_submodule(path)
        torch.testing.assert_close(norm.running_mean, x.mean((0, 2, 3)), rtol=1e-3, atol=1e-4)
        torch.testing.assert_close(norm.running_var, x.var((0, 2, 3)), rtol=1e-3, atol=1e-5)


def test_precise_polynomials_change_nothing(network):
    converted = convert(network, precision=2**-30, interval="global", calibrate=images(), improve=False)
    before = copy.deepcopy(converted.state_dict())
    correct_batch_norms(converted, images())
    for name, value in converted.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=1e-5, atol=1e-6)


def test_modes_counters_and_the_original_stay(network):
    converted = convert(network, precision=2**-4, interval=8.0)
    original = copy.deepcopy(network.state_dict())
    correct_batch_norms(converted, images())
    assert not any(module.training for module in converted.modules())
    assert [m.momentum for m in converted.modules() if isinstance(m, nn.BatchNorm2d)] == [1.0, 1.0]
    assert int(converted.get_submodule("4").num_batches_tracked) == 1
    assert all(torch.equal(value, network.state_dict()[k]) for k, value in original.items())
    seen = [a.seen.elements for a in nn_bridge.calls.answering.answering(converted).handler.activations.values()]
    assert seen == [0, 0]


@pytest.mark.filterwarnings("ignore::nn_bridge.RangeWarning")  # inputs are outside on purpose
def test_an_image_that_leaves_its_interval_does_not_spoil_the_statistics(network):
    converted = convert(network, precision=2**-8, interval=6.0)
    clean = copy.deepcopy(converted)
    correct_batch_norms(clean, images())
    wild = images()[0].clone()
    wild[0] *= 40
    assert not torch.isfinite(converted(wild)[0]).all() or converted(wild)[0].abs().max() > 1e6
    correct_batch_norms(converted, [wild])
    for name, value in converted.state_dict().items():
        torch.testing.assert_close(value, clean.state_dict()[name], rtol=0.5, atol=0.5)
    handler = nn_bridge.calls.answering.answering(converted).handler
    assert {a.outside for a in handler.activations.values()} == {"report"} == {handler.outside}


def test_a_failing_loader_leaves_the_network_as_it_was(network):
    converted = convert(network, precision=2**-4, interval=8.0)
    before = copy.deepcopy(converted.state_dict())
    with pytest.raises(RuntimeError):
        correct_batch_norms(converted, [images()[0], torch.rand(2, 3, 8, 8)])
    assert all(torch.equal(value, before[k]) for k, value in converted.state_dict().items())
    handler = nn_bridge.calls.answering.answering(converted).handler
    assert type(handler).__name__ == "Replacement"


@pytest.mark.parametrize(
    ("made", "loader", "sentence"),
    [
        (lambda: nn.Sequential(nn.BatchNorm2d(1)), [torch.rand(4, 1, 2, 2)], "is not converted"),
        (lambda: convert(nn.Sequential(nn.ReLU()), precision=2**-4, interval=1.0),
         [torch.rand(4, 1)], "no batch normalisation with running statistics"),
        (lambda: convert(ResNet(20), precision=2**-4, interval=1.0), [], "no batch"),
    ],
)  # fmt: skip
def test_bad_input(made, loader, sentence):
    with pytest.raises(ArgumentError, match=sentence):
        correct_batch_norms(made(), loader)


@pytest.mark.skipif(
    choose_network(ROOT or None)[0] == "digits", reason="CIFAR-10 and weights are not there"
)
def test_resnet20_untrained_at_the_lowest_precision():
    known = find_network("resnet20-cifar10")
    model = known.load(ROOT)
    train = known.batches(known.data("train", ROOT).first(1000))
    test = known.batches(known.data("test", ROOT).first(250))
    ranges = nn_bridge.calibrate(model, train)
    converted = convert(model, precision=2**-4, calibrate=ranges, margin=1.25)
    assert nn_bridge.evaluate(converted, test).accuracy < 0.2
    correct_batch_norms(converted, train)
    assert nn_bridge.evaluate(converted, test).accuracy > 0.6
