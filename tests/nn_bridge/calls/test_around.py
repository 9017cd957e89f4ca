"""Functions that are arithmetic around an activation: found however they are written, exact but for it."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as functional
from torch import nn

from nn_bridge import ConversionError, check, convert, fold, sturdy
from nn_bridge.calls.capture import TRACE_ERRORS

PRECISION, ENDS = 2**-8, 8.0
GENERATOR = torch.Generator().manual_seed(0)
X = 4 * torch.rand(40, 6, 4, generator=GENERATOR, dtype=torch.float64) - 2


class Written(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x) + 0


FUNCTIONS = [
    ("relu", lambda x: x.clamp(min=0)),
    ("relu", lambda x: torch.clamp(x, min=0.25)),
    ("relu", lambda x: x.clip(None, 0.5)),
    ("relu", lambda x: (x + 0).clamp_min_(-0.5)),
    ("relu", lambda x: torch.maximum(x, torch.zeros_like(x))),
    ("relu", lambda x: torch.maximum(x, x.flip(1))),
    ("relu", lambda x: torch.max(0.3 * x, x)),
    ("relu", lambda x: x.minimum(other=x.flip(2))),
    ("relu", lambda x: torch.where(x > 0, x, 0.0)),
    ("relu", lambda x: torch.where(0 < x, x, 0)),  # noqa: SIM300
    ("relu", lambda x: torch.where(x < 0, torch.zeros_like(x), x)),
    ("relu", lambda x: torch.where(x.ge(0), 0.0, x)),
    ("relu", lambda x: x.where(x >= 0, torch.tensor(0.0, dtype=torch.float64))),
    ("relu", lambda x: functional.threshold(x, 0.1, 0.1)),
    ("hardtanh", lambda x: torch.clamp(x, -1, 1.5)),
    ("hardtanh", lambda x: functional.softshrink(x, 0.75)),
    ("tanh", functional.tanhshrink),
    ("relu", lambda x: functional.rrelu(x, 0.1, 0.3)),
]
SCALED = [
    ("relu", lambda x: x.abs(), 2.0),
    ("relu", lambda x: abs(x), 2.0),
    ("relu", lambda x: (x + 0).abs_(), 2.0),
    ("relu", lambda x: functional.prelu(x, torch.tensor([-0.5], dtype=torch.float64)), 1.5),
    ("sigmoid", lambda x: functional.glu(x, 1), 2.0),
]


def within(network, name, gain=1.0):
    """Whether the network errs, at some input, by no more than is proven, which is not nothing."""
    network = network.double().eval()
    if not any(item.convertible for item in check(network)):  # only an example shows it
        assert [item.known for item in check(network)] == [False]
    for options in ({"calibrate": [X]}, {"interval": ENDS}):
        converted = convert(network, precision=PRECISION, **options)
        with torch.no_grad():
            off = float((converted(X) - network(X)).abs().max())
        (site,) = converted.report.sites
        assert site.site.rpartition("/")[2] == f"{name}1"
        assert site.error_bound / 20 < off <= gain * site.error_bound
        assert not check(converted, X) and not converted.report.remaining


@pytest.mark.parametrize(("name", "function"), FUNCTIONS)
def test_the_whole_errs_by_what_is_proven(name, function):
    within(Written(function), name)


@pytest.mark.parametrize(("name", "function", "gain"), SCALED)
def test_the_part_that_is_proven_is_named_where_the_whole_errs_by_more(name, function, gain):
    within(Written(function), name, gain)
    converted = convert(Written(function).eval(), precision=PRECISION, calibrate=[X])
    assert converted.report.sites[0].kind.startswith(f"{name} in ")


@pytest.mark.parametrize("inner", [0, 1])
@pytest.mark.parametrize(
    ("layer", "name", "gain"),
    [
        (nn.PReLU(), "relu", 1.0),
        (nn.PReLU(6), "relu", 1.0),
        (nn.GLU(1), "sigmoid", 2.0),
        (nn.Softshrink(), "hardtanh", 1.0),
        (nn.Tanhshrink(), "tanh", 1.0),
        (nn.Threshold(0.5, 0.5), "relu", 1.0),
        (nn.RReLU(), "relu", 1.0),
    ],
    ids=lambda value: type(value).__name__,
)
def test_layers(layer, name, gain, inner):
    network = nn.Sequential(nn.Identity(), layer) if inner else layer
    (item,) = check(network, X)
    assert item.convertible and item.count == 1 and item.high > item.low
    within(network, name, gain)


def test_slopes_of_prelu_stay_weights_and_train():
    layer = nn.PReLU(6).double()
    with torch.no_grad():
        layer.weight.copy_(torch.linspace(-0.5, 1.5, 6))
    converted = convert(nn.Sequential(layer), precision=2**-14, calibrate=[X])
    gradients = []
    for one in (converted, nn.Sequential(layer)):
        one.zero_grad()
        one(X).square().sum().backward()
        gradients.append(one[0].weight.grad.clone())
    assert torch.allclose(*gradients, rtol=1e-3)
    assert [name for name, _ in converted.named_parameters()] == ["0.weight"]


def test_both_ways_to_find_them_agree():
    class Several(nn.Module):
        def forward(self, x):
            h = torch.where(x > 0.5 * x, x, 0)  # no comparison with 0: stays
            h = torch.where(x > 0, x, 0) + h
            return functional.relu(h) + x.abs() + torch.maximum(h, x).clamp(0, 1)

    network = Several()
    converted = convert(network, precision=PRECISION, calibrate=[X])
    assert converted.report.capture == "layers"
    assert [site.site for site in converted.report.sites] == [
        "/relu1", "/relu2", "/relu3", "/relu4", "/hardtanh1",
    ]  # fmt: skip
    assert [item.operation for item in check(converted)] == ["gt", "where"]


def test_a_value_overwritten_since_it_was_compared_is_another():
    class Moves(nn.Module):
        def forward(self, x):
            positive = x > 0
            x = x.clone() if self.training else x + 0
            below = x < 0
            x.add_(1)
            return torch.where(below, torch.zeros_like(x), x).where(positive, x)

    with pytest.raises(ConversionError, match="no activation was called"):
        convert(Moves().eval(), precision=PRECISION, calibrate=[X])


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x.amax(1),
        lambda x: x.max(1).values,
        lambda x: torch.clamp(x, min=x.mean()),
        lambda x: functional.threshold(x, 0.0, 1.0),
        lambda x: torch.where(x > 1, x, 0.0),
        lambda x: torch.where(x > 0, x.flip(1), 0.0),
    ],
)
def test_others_stay_and_are_named(function):
    with pytest.raises(ConversionError, match=r"nothing to replace .*left as it is: network: "):
        convert(Written(function), precision=PRECISION, calibrate=[X])


def test_constants_stay_constants():
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.tensor(3.0, dtype=torch.float64))

        def forward(self, x):
            return torch.relu(x) * torch.clamp(self.scale, max=2.0)

    converted = convert(Scaled(), precision=PRECISION, calibrate=[X])
    assert [site.site for site in converted.report.sites] == ["/relu1"]
    kept = (converted(X) - 2 * X.clamp(min=0)).abs().max()
    assert kept <= 2 * converted.report.sites[0].error_bound


def test_a_method_that_calls_one_is_refused():
    class Method(nn.Module):
        def features(self, x):
            return torch.where(x > 0, x, 0)

        def forward(self, x):
            return self.features(x)

    converted = convert(Method(), precision=PRECISION, calibrate=[X])
    with pytest.raises(ConversionError, match=r"features calls torch\.where itself"):
        converted.features(X)


@pytest.mark.parametrize("function", [torch.abs, lambda x: torch.maximum(x, 0.5 * x.flip(1))])
def test_noise_reaches_them(function):
    network = Written(function).train()
    exact = network(X)
    handle = sturdy(network, precision=4, calibrate=[X])
    assert not torch.equal(network(X), exact)
    handle.off()
    assert torch.equal(network(X), exact)


def test_scales_are_folded_around_them():
    class Max(nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.a, self.b = nn.Linear(4, 8).double(), nn.Linear(8, 2).double()

        def forward(self, x):
            return self.b(self.a(x).clamp(min=0))

    network, x = Max().eval(), X[:, 0]
    converted = convert(network, precision=PRECISION, interval="per-channel", calibrate=[x])
    before = converted(x)
    folded = fold(converted)
    assert (folded(x) - before).abs().max() < 1e-12


def test_max_pools_are_traced_symbolically():
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.MaxPool2d(3, stride=2, padding=1)).double()
    x = torch.rand(2, 3, 12, 11, dtype=torch.float64, generator=GENERATOR)
    converted = convert(network, precision=PRECISION, calibrate=[x])
    assert torch.allclose(torch.fx.symbolic_trace(converted)(x), converted(x), rtol=0, atol=1e-12)
    hanging = convert(nn.Sequential(nn.MaxPool2d(3, ceil_mode=True)), precision=PRECISION, interval=1.0)
    with pytest.raises((ConversionError, *TRACE_ERRORS), match="ceil_mode"):
        torch.fx.symbolic_trace(hanging)
