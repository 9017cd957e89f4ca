"""The law that predicts accuracy: against networks whose deviations are known, and measured ones."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from nn_bridge import ArgumentError, calibrate, convert, evaluate, predict_accuracy
from nn_bridge.models.networks import find_network
from nn_bridge.propagation.prediction import _gaussian, _hits, centred, law_of


def test_moves_are_taken_by_rank():
    """Against counting by hand: the first loses 2 to the second, the last stays."""
    logits = torch.tensor([[5.0, 1.0, 0.0], [0.0, 3.0, 2.5], [1.0, 2.0, 9.0]]).double()
    labels = torch.tensor([0, 1, 0])
    moves = torch.tensor([[-1.0, 1.0, 0.0], [0.0, 0.0, 0.0]]).double()
    assert _hits(logits, labels, moves).tolist() == [[1, 0, 0], [1, 1, 0]]


def test_deviations_that_do_not_depend_on_the_image_are_predicted():
    """Leads and moves drawn apart: the share of pairs is the chance."""
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(4000, 5, generator=generator, dtype=torch.float64) * 3
    labels = logits.argmax(1)
    spread = torch.tensor([2.0, 1.5, 0.5, 0.2, 0.2], dtype=torch.float64)
    order = logits.argsort(1, descending=True)
    moves = torch.randn(4000, 5, generator=generator, dtype=torch.float64) * spread
    moved = logits.scatter_add(1, order, moves)
    wanted = float((moved.argmax(1) == labels).double().mean())
    found = law_of(logits, labels, centred((moved - logits)[:300]))
    assert found.accuracy == pytest.approx(wanted, abs=0.02)
    assert found.low < wanted < found.high
    assert found.gaussian > found.accuracy + 0.02  # the leading ones move more than all of them
    assert found.bias < 0.1


def test_the_gaussian_law_is_phi_of_the_lead_over_root_two_sigma():
    found = _gaussian(torch.tensor([[1.5, 0.5, -3.0]]), torch.tensor([0]), 0.7)
    assert float(found) == pytest.approx((1 + math.erf(1 / (2 * 0.7))) / 2)


@pytest.mark.parametrize(("power", "interval"), [(3, "per-layer"), (4, "per-layer"), (6, 50.0)])
def test_digits_keep_what_is_predicted(power, interval):
    digits = find_network("digits")
    network = digits.load()
    ranges = calibrate(network, digits.batches(digits.data("train")))
    converted = convert(
        network, precision=2.0**-power, interval=interval, calibrate=ranges, margin=1.25
    )
    test = digits.batches(digits.data("test"))
    found = predict_accuracy(network, converted, test, images=100)
    measured = evaluate(converted, test).accuracy
    assert found.low <= found.accuracy <= found.high
    assert (found.images, found.sample) == (360, 100)
    assert abs(found.accuracy - measured) < 0.03, (found, measured)
    assert found.exact == evaluate(network, test).accuracy


def test_a_constant_shift_of_one_class_is_bias_and_is_seen():
    class Shifted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.relu = nn.ReLU()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.relu(x) @ torch.tensor([[1.0, 0.0], [0.0, 0.0]]) + torch.tensor([0.0, 2.0])

    x = torch.cat([torch.full((50, 2), 1.0), torch.full((50, 2), 3.0)])
    labels = torch.cat([torch.ones(50), torch.zeros(50)]).long()
    network = Shifted().eval()
    coarse = convert(network, precision=2**-3, interval=200.0)
    found = predict_accuracy(network, coarse, [(x, labels)], images=100)
    assert found.exact == 1.0 and found.bias > 0.9


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda n, c, x: predict_accuracy(n, n, [(x, x.argmax(1))]), "not converted"),
        (lambda n, c, x: predict_accuracy(n, c, [x]), "a batch has no labels"),
        (lambda n, c, x: predict_accuracy(n, c, []), "gave no batch"),
        (lambda n, c, x: predict_accuracy(n, c, [(x, x.argmax(1))], images=3), "images is 3"),
        (lambda n, c, x: predict_accuracy(n, c, [(x[:2], x[:2].argmax(1))]), "has 2 images"),
    ],
)
def test_what_cannot_be_predicted(change, sentence):
    network = nn.Sequential(nn.ReLU()).eval()
    x = torch.randn(10, 3, generator=torch.Generator().manual_seed(2))
    converted = convert(network, precision=2**-6, interval=4.0)
    with pytest.raises(ArgumentError, match=sentence):
        change(network, converted, x)
