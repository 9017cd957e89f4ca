"""Inputs outside the intervals are told once; ranges measured again; the way back; means of rows."""

from __future__ import annotations

import copy
import inspect
import re
import warnings

import pytest
import torch
import torch.nn.functional as functional
from torch import nn

import nn_bridge
from nn_bridge import RangeWarning, convert, correct_means, evaluate, fold, renew, restore
from nn_bridge.choosing.allocation import allocate
from nn_bridge.errors import ArgumentError
from nn_bridge.propagation.critical import accuracy_curve
from nn_bridge.ranges.bounds import MARGIN

PRECISION = 2**-6


class Branching(nn.Module):
    """Cannot be traced: its calls are intercepted."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(3, 4), nn.Linear(4, 2)

    def forward(self, x):
        x = torch.relu(self.first(x))
        return functional.relu(self.second(x)) if not x.sum() < -float("inf") else x


def drawn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def layers():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 4), nn.ReLU())


def branching():
    torch.manual_seed(0)
    return Branching()


@pytest.mark.parametrize(("make", "first"), [(layers, "1"), (branching, "/relu1")])
def test_one_warning_names_layer_amount_and_cure(make, first):
    x = drawn(50, 3)
    network = convert(make(), precision=PRECISION, calibrate=[x])
    network(x)  # inside: no warning, which would be an error here
    with pytest.warns(RangeWarning) as caught:
        network(x * 1.6)
    (warning,) = caught
    text = str(warning.message)
    assert f"'{first}'" in text or "'3'" in text or "'/relu2'" in text
    assert "times its end" in text and "nn_bridge.renew" in text and "margin" in text
    network(x * 1.6)  # once


def test_outputs_that_are_not_finite_are_told():
    network = convert(layers(), precision=2**-9, calibrate=[drawn(50, 3)])
    with pytest.warns(RangeWarning, match="'3' got is not even finite"):
        network(drawn(5, 3) * 1e6)


def test_no_warning_where_the_caller_knows():
    x = drawn(50, 3)
    data = [(x * 3, torch.zeros(50, dtype=torch.int64))]
    network = convert(layers(), precision=PRECISION, calibrate=[x])
    assert evaluate(network, data).outside > 0
    network(x)  # what was counted there is not told again
    clamped = convert(layers(), precision=PRECISION, calibrate=[x], outside="clamp")
    clamped(x * 3)
    with pytest.raises(nn_bridge.OutOfRangeError):
        convert(layers(), precision=PRECISION, calibrate=[x], outside="raise")(x * 3)


def test_no_warning_while_something_traces_and_copies_warn_by_themselves():
    x = drawn(50, 3)
    network = convert(layers(), precision=PRECISION, calibrate=[x]).eval()
    torch.fx.symbolic_trace(network)(x * 3)
    torch.export.export(network, (x * 3,)).module()(x * 3)
    torch.func.vmap(network)(x * 3)
    twin = copy.deepcopy(network)
    for one in (network, twin, nn.Sequential(nn.Identity(), copy.deepcopy(twin))):
        if one is not twin:
            with pytest.warns(RangeWarning):
                one(x * 3)
    with pytest.warns(RangeWarning):
        twin(x * 3)


def test_one_default_margin():
    for function in (convert, nn_bridge.propagate, accuracy_curve, allocate, nn_bridge.weighted, renew):
        assert inspect.signature(function).parameters["margin"].default == MARGIN == 1.25


@pytest.mark.parametrize("make", [layers, branching])
def test_renewal_is_a_conversion_with_the_new_data(make):
    x = drawn(50, 3)
    made = convert(make(), precision=PRECISION, calibrate=[x])
    with pytest.warns(RangeWarning):
        made(4 * x)
    assert renew(made, [4 * x]) is made
    fresh = convert(make(), precision=PRECISION, calibrate=[4 * x])
    assert [s.bound for s in made.report.sites] == [s.bound for s in fresh.report.sites]
    assert torch.equal(made(4 * x), fresh(4 * x))
    with pytest.warns(RangeWarning):  # it may warn again
        made(40 * x)


def test_renewal_by_channel_of_functions_and_pools():
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Conv2d(3, 4, 3), nn.GELU(), nn.AdaptiveMaxPool2d(2),
        nn.Flatten(), nn.Linear(16, 2),
    ).eval()  # fmt: skip
    x = drawn(20, 1, 8, 8)
    made = convert(network, precision=PRECISION, calibrate=[x], interval="per-channel")
    made(x)
    renew(made, [2 * x])
    fresh = convert(network, precision=PRECISION, calibrate=[2 * x], interval="per-channel")
    assert torch.equal(made(2 * x), fresh(2 * x))
    assert made.report.sites[0].channels == fresh.report.sites[0].channels != ()
    renew(made, [x], interval="global", margin=2.0)
    assert len({site.bound for site in made.report.sites}) == 1
    with pytest.raises(ArgumentError, match="margin is 0"):
        renew(made, [x], margin=0)


@pytest.mark.parametrize("make", [layers, branching])
def test_the_original_comes_back(make):
    x, network = drawn(5, 3), make()
    converted = convert(network, precision=PRECISION, interval=20.0)
    assert not torch.equal(converted(x), network(x))
    back = restore(converted)
    assert torch.equal(back(x), network(x)) and type(back) is type(network)
    assert "report" not in vars(back) and back.state_dict().keys() == network.state_dict().keys()
    again = convert(back, precision=PRECISION, calibrate=[x])
    assert len(again.report.sites) == 2
    with pytest.warns(RangeWarning):  # one hook, not two
        again(9 * x)
    with pytest.raises(ArgumentError, match="not converted"):
        restore(network)


class Rows(nn.Module):
    """ReLU on (batch, tokens, channels)."""

    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(4, 6)

    def forward(self, x):
        return torch.relu(self.inner(x))


def test_means_of_tokens_are_by_channel_for_any_number_of_tokens():
    torch.manual_seed(0)
    network = convert(Rows(), precision=2**-4, interval=4.0)
    x = drawn(30, 7, 4)
    (correction,) = correct_means(network, [x]).values()
    assert correction.shape == (1, 1, 6)
    exact = restore(copy.deepcopy(network))
    for tokens in (7, 3):
        off = (network(x[:, :tokens]) - exact(x[:, :tokens])).mean(dim=(0, 1))
        assert off.abs().max() < (correction.abs().max() / 4 if tokens == 3 else 1e-6)


def test_means_of_images_are_by_channel_on_axis_1():
    torch.manual_seed(0)
    network = convert(nn.Sequential(nn.Conv1d(4, 6, 1), nn.ReLU()), precision=2**-4, interval=4.0)
    (correction,) = correct_means(network, [drawn(30, 4, 7)]).values()
    assert correction.shape == (1, 6, 1)


class Product(nn.Module):
    """A value that is used in a product with itself cannot be scaled."""

    def __init__(self, product):
        super().__init__()
        self.a, self.c, self.product = nn.Linear(3, 4), nn.Linear(4, 2), product

    def forward(self, x):
        return self.c(self.product(torch.relu(self.a(x))))


@pytest.mark.parametrize("product", [lambda h: h * h, lambda h: torch.mul(h, h), lambda h: h**2])
def test_what_is_multiplied_by_itself_keeps_its_scale(product):
    network = convert(Product(product), precision=PRECISION, interval=20.0)
    folded = fold(network, shape=(3,))
    assert "needs it as it is" in folded.report.sites[0].folding
    x = drawn(5, 3)
    assert torch.equal(folded(x), network(x))


def test_the_class_is_a_warning():
    assert issubclass(RangeWarning, UserWarning)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore", RangeWarning)
        convert(layers(), precision=PRECISION, interval=1e-3)(drawn(2, 3))
    assert not caught


@pytest.mark.parametrize(("layer", "told"), [(nn.GELU(), True), (nn.ReLU(), True), (nn.GELU(), False)])
def test_one_large_value_among_many_is_told_with_what_to_do(layer, told):
    x = torch.randn(10_000, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    if told:
        x[0] = 300.0
    converted = convert(nn.Sequential(layer), precision=2**-7, calibrate=[x[:5000], x[5000:]])
    assert list(converted.report.outliers) == (["0"] if told else [])
    assert ("the largest of 10000 inputs, 300, is 9" in str(converted.report)) is told
    if not told:
        return
    small = x[x.abs() < 5].reshape(-1, 1)
    exact = layer(small)
    bits = int(re.search(r"take (\d+) bits more", converted.report.outliers["0"]).group(1))
    finer = convert(nn.Sequential(layer), precision=2.0 ** (-7 - bits), calibrate=[x])
    cut = convert(nn.Sequential(layer), precision=2**-7, calibrate=[x], quantile=0.999, outside="clamp")
    off = [float((one(small) - exact).square().mean() / exact.square().mean()) for one in (converted, finer, cut)]
    assert off[0] > 100 * off[1] and off[0] > 100 * off[2]
