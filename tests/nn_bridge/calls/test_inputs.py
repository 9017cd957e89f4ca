"""Loaders of every kind, outputs of every kind, and functions that are not quite their names."""

from collections import OrderedDict
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as functional
from relu_styles import seeded
from torch import nn

from nn_bridge import ArgumentError, ConversionError, calibrate, convert, correct_means, evaluate


class Masked(nn.Module):
    """Its mask scales what reaches ReLU."""

    def __init__(self, kind=None):
        super().__init__()
        self.kind = kind
        self.layer = nn.Linear(3, 3, bias=False)
        nn.init.eye_(self.layer.weight)

    def forward(self, x, mask):
        y = functional.relu(self.layer(x) * mask)
        made = {"tuple": (y, x), "dict": {"logits": y}, "object": SimpleNamespace(logits=y)}
        return made.get(self.kind, y)


X = torch.eye(3)
MASK = 100.0 * torch.ones(3, 3)
LABELS = torch.tensor([0, 1, 2])


@pytest.mark.parametrize(
    "batch",
    [
        (X, MASK), (X, MASK, LABELS), {"x": X, "mask": MASK}, {"x": X, "mask": MASK, "labels": LABELS},
        OrderedDict(mask=MASK, x=X, target=LABELS),
    ],
    ids=["pair", "with labels", "dict", "dict with labels", "ordered"],
)  # fmt: skip
def test_all_inputs_reach_the_network(batch):
    assert calibrate(Masked(), [batch]) == {"/relu1": 100.0}
    converted = convert(Masked(), precision=2**-8, calibrate=[batch])
    assert (converted(X, MASK) - 100 * X).abs().max() <= 100 * 2**-8
    means = correct_means(converted, [batch])
    assert list(means) == ["/relu1"]


@pytest.mark.parametrize("kind", [None, "tuple", "dict", "object"])
def test_outputs_of_every_kind_are_judged(kind):
    assert evaluate(Masked(kind), [(X, MASK, LABELS)]).accuracy == 1.0
    converted = convert(Masked(kind), precision=2**-8, calibrate=[(X, MASK)])
    assert evaluate(converted, [{"x": X, "mask": MASK, "label": LABELS}]).accuracy == 1.0


def test_what_does_not_fit_is_refused():
    with pytest.raises(ArgumentError, match=r"a dict with 'y': Masked takes x, mask; give these"):
        calibrate(Masked(), [{"x": X, "y": MASK}])
    with pytest.raises(ArgumentError, match="batches of 4: Masked takes 2 input"):
        calibrate(Masked(), [(X, MASK, MASK, LABELS)])
    with pytest.raises(ArgumentError, match="batches of 3: Sequential takes 1 input"):
        calibrate(nn.Sequential(nn.ReLU()), [(X, LABELS, MASK)])
    strange = SimpleNamespace(nothing=1)
    network = seeded(lambda: Masked("object"))
    network.forward = lambda x: strange
    with pytest.raises(ArgumentError, match="the network gave a SimpleNamespace"):
        evaluate(network, [(X, LABELS)])


def test_what_is_not_a_number_is_wrong():
    class Broken(nn.Module):
        def forward(self, x):
            return x / 0 * 0

    assert evaluate(Broken(), [(X, torch.zeros(3, dtype=torch.int64))]).correct == 0


def test_softplus_that_jumps():
    x = torch.linspace(-4, 4, 801).double()
    for layer in (nn.Softplus(threshold=0.1), nn.Softplus(beta=4.0, threshold=1.0)):
        with pytest.raises(ConversionError, match=r"it jumps by 0\.\d+ inside \[-4, 4\]"):
            convert(nn.Sequential(layer), precision=2**-9, interval=4.0)
    for layer in (nn.Softplus(), nn.Softplus(threshold=4.0), nn.Softplus(beta=3.0, threshold=9.0)):
        converted = convert(nn.Sequential(layer), precision=2**-9, interval=4.0)
        bound = converted.report.sites[0].error_bound
        assert (converted(x) - layer(x)).abs().max() <= bound + 1e-5


class Ignored(nn.Module):
    """The value of its in-place ReLU is ignored."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 4)
        self.act = nn.ReLU(inplace=True)

    def forward(self, x):
        x = self.layer(x)
        functional.relu_(x)
        y = 2 * x
        self.act(y)
        return y


@pytest.mark.parametrize("training", [False, True])
def test_in_place_calls_whose_value_is_ignored(training):
    network = seeded(Ignored).train(training)
    x = torch.randn(6, 3, generator=torch.Generator().manual_seed(2))
    converted = convert(network, precision=2**-10, interval=9.0)
    assert len(converted.report.sites) == 2
    assert (converted(x) - network(x)).abs().max() < 0.1
    assert (converted(x) >= -0.05).all()
    loss, exact = converted(x).square().sum(), network(x).square().sum()
    for got, expected in zip(
        torch.autograd.grad(loss, list(converted.parameters())),
        torch.autograd.grad(exact, list(network.parameters())), strict=True,
    ):  # fmt: skip
        assert torch.allclose(got, expected, rtol=0.1, atol=0.3)


def test_pixels_are_judged_by_their_own_labels():
    labels = torch.tensor([[[0, 1], [1, -1]], [[1, 0], [0, 0]]])
    scores = nn.functional.one_hot(labels.clamp(min=0), 2).movedim(-1, 1).double()

    class Broken(nn.Module):
        def forward(self, x):
            return x.index_put((torch.tensor(1), torch.tensor(0)), torch.tensor(torch.nan).double())

    found = evaluate(Broken(), [(scores, labels)])
    assert (found.correct, found.images) == (3, 7)
    with pytest.raises(ArgumentError, match="classes are on axis 1"):
        evaluate(nn.Sequential(nn.Identity()), [(scores[..., :1], labels)])
