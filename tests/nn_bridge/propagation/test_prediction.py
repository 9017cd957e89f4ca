"""The law that predicts accuracy: against networks whose deviations are known, and measured ones."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from nn_bridge import ArgumentError, calibrate, convert, evaluate, predict_accuracy
from nn_bridge.models.networks import find_network
from nn_bridge.propagation.law import _gaussian, _nearness, _shift, _won, centred, law_of


def test_moves_are_taken_by_rank():
    """Against counting by hand: the first loses 2 to the second, the next stays, the last is lost."""
    logits = torch.tensor([[5.0, 1.0, 0.0], [0.0, 3.0, 2.5], [1.0, 2.0, 9.0]]).double()
    labels = torch.tensor([0, 1, 0])
    moves = torch.tensor([[-1.0, 1.0, 0.0], [0.0, 0.0, 0.0], [math.nan, 0.0, 0.0]]).double()
    assert _won(logits, labels, moves).tolist() == [[True, False, False], [True, True, False], [False] * 3]


def normal(*shape: int, seed: int = 1) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_what_is_sure_of_a_constant_of_each_class_is_found_and_noise_is_none():
    constant = torch.tensor([3.0, -1.0, -2.0], dtype=torch.float64)
    found = _shift(normal(24, 3) + constant)
    assert (found - constant).norm() < 0.7
    noise = centred(normal(2000, 24, 3).reshape(-1, 3)).reshape(2000, 24, 3)
    unshrunk = sum(float(one.mean(0).square().sum()) for one in noise)
    assert sum(float(_shift(one).square().sum()) for one in noise) < unshrunk / 2
    exploding = torch.cat([normal(24, 3) + constant, torch.full((1, 3), 1e30).double()])
    assert (_shift(exploding) - constant).norm() < 1.5
    assert _shift(torch.full((24, 3), math.nan)).tolist() == [0, 0, 0]


def test_images_of_like_leads_count_more():
    near = _nearness(torch.tensor([[8.0, 0.0], [1.0, 0.0], [9.0, 0.0], [0.5, 0.0]]), 2)
    assert near.sum(0).tolist() == pytest.approx([1.0] * 4)
    assert near[0, 2] > near[1, 2] and near[1, 3] > near[0, 3]


def test_measured_accuracy_lies_within_the_bars_as_often_as_they_say():
    """Deviations with a constant, that are larger where the lead is small, and of unequal sizes."""
    logits = 3 * normal(2000, 6, seed=2)
    labels = logits.argmax(1)
    two = logits.topk(2, dim=1).values
    sizes = torch.exp(0.5 * normal(2000, 1, seed=3) - 0.1 * (two[:, :1] - two[:, 1:]))
    inside, clear, errors = 0, 0, []
    for size in (0.02, 0.1, 0.5, 1.0):
        moves = size * (sizes * normal(2000, 6, seed=4) + torch.tensor([0.5, 0, 0, 0, 0, 0]))
        wanted = float(((logits + moves).argmax(1) == labels).double().mean())
        for part in torch.randperm(2000, generator=torch.Generator().manual_seed(5))[:480].split(24):
            rest = torch.ones(2000, dtype=torch.bool)
            rest[part] = False
            order = torch.cat([part, rest.nonzero()[:, 0]])
            found = law_of(logits[order], labels[order], centred(moves[part]))
            inside += found.low <= wanted <= found.high
            clear += found.clear
            errors += [abs(found.accuracy - wanted)] if found.clear else []
    assert inside >= 0.93 * 80
    assert 10 < clear < 75 and max(errors) < 0.04


def test_many_images_are_heard_where_the_law_is_wrong():
    """Right ones stay and wrong ones never become right: by rank they would."""
    logits = normal(2000, 4, seed=6)
    labels = torch.where(normal(2000, seed=7) > 0, logits.argmax(1), logits.topk(2, dim=1).indices[:, 1])
    wrong = labels != logits.argmax(1)
    moves = torch.zeros_like(logits)
    moves[wrong] = 9 * torch.nn.functional.one_hot(labels[wrong], 4).double()
    few = law_of(logits, labels, centred(moves[:24]))
    many = law_of(logits, labels, centred(moves[:1000]))
    assert few.accuracy < 0.9 and many.accuracy > 0.95  # all are right


def test_converted_networks_see_more_images_until_the_bars_are_short_enough():
    digits = find_network("digits")
    network = digits.load()
    ranges = calibrate(network, digits.batches(digits.data("train")))
    coarse = convert(network, precision=2**-6, interval=50.0, calibrate=ranges, margin=1.25)
    test = list(digits.batches(digits.data("test")))
    few = predict_accuracy(network, coarse, test)
    found = predict_accuracy(network, coarse, test, within=0.02)
    assert few.sample == 24 and not few.clear and found.sample in (96, 360)
    assert found == predict_accuracy(network, coarse, test, images=found.sample)
    assert found.clear or found.sample == 360
    assert found.low <= evaluate(coarse, test).accuracy <= found.high
    turned = iter([test, [(x.flip(0), y.flip(0)) for x, y in test]])

    class Shuffled:
        def __iter__(self):  # type: ignore[no-untyped-def]
            return iter(next(turned))

    with pytest.raises(ArgumentError, match="do not shuffle"):
        predict_accuracy(network, coarse, Shuffled(), within=0.001)


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
        (lambda n, c, x: predict_accuracy(n, c, [(x, x.argmax(1))], within=0), "within is 0"),
        (lambda n, c, x: predict_accuracy(n, c, iter([x]), within=0.1), "give a list or DataLoader"),
        (lambda n, c, x: predict_accuracy(n, c, [(x[:2], x[:2].argmax(1))]), "has 2 images"),
    ],
)
def test_what_cannot_be_predicted(change, sentence):
    network = nn.Sequential(nn.ReLU()).eval()
    x = torch.randn(10, 3, generator=torch.Generator().manual_seed(2))
    converted = convert(network, precision=2**-6, interval=4.0)
    with pytest.raises(ArgumentError, match=sentence):
        change(network, converted, x)
