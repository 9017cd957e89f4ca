"""Activations other than ReLU, and max-pools: every way to call them, against the function."""

from __future__ import annotations

import mpmath
import pytest
import torch
import torch.nn.functional as functional
from torch import nn

from nn_bridge import ConversionError, check, convert
from nn_bridge.calls.functions import CALLABLES, module_function
from nn_bridge.errors import ArgumentError

PRECISION = 2**-7
B = 6.0


class Calls(nn.Module):
    """Calls a function on its input."""

    def __init__(self, function, *args, **kwargs):
        super().__init__()
        self.function, self.args, self.kwargs = function, args, kwargs

    def forward(self, x):
        return self.function(x + 0.0, *self.args, **self.kwargs)


def relu(x):
    return x if x > 0 else mpmath.mpf(0)


def clip(x, low, high):
    return min(max(x, low), high)


def gelu(x):
    return x * mpmath.erfc(-x / mpmath.sqrt(2)) / 2


def tanh_gelu(x):
    return x * (1 + mpmath.tanh(mpmath.sqrt(2 / mpmath.pi) * (x + mpmath.mpf("0.044715") * x**3))) / 2


def sigmoid(x):
    return 1 / (1 + mpmath.exp(-x))


EXACT = {
    "relu6": lambda x: clip(x, 0, 6),
    "hardtanh": lambda x: clip(x, -1, 1),
    "clip": lambda x: clip(x, -2, 3),
    "leaky_relu": lambda x: relu(x) - mpmath.mpf("0.01") * relu(-x),
    "steep": lambda x: relu(x) - mpmath.mpf("0.2") * relu(-x),
    "hardsigmoid": lambda x: clip(x, -3, 3) / 6 + mpmath.mpf("0.5"),
    "hardswish": lambda x: x * (clip(x, -3, 3) / 6 + mpmath.mpf("0.5")),
    "silu": lambda x: x * sigmoid(x),
    "gelu": gelu,
    "tanh_gelu": tanh_gelu,
    "sigmoid": sigmoid,
    "tanh": mpmath.tanh,
    "softplus": lambda x: mpmath.log1p(mpmath.exp(x)),
    "softplus2": lambda x: mpmath.log1p(mpmath.exp(2 * x)) / 2,
    "elu": lambda x: x if x > 0 else mpmath.expm1(x),
    "steep_elu": lambda x: x if x > 0 else mpmath.expm1(x) * mpmath.mpf(2.5),
    "celu": lambda x: x if x > 0 else mpmath.expm1(x / 2) * 2,
    "selu": lambda x: mpmath.mpf("1.0507009873554804934193349852946")
    * (x if x > 0 else mpmath.expm1(x) * mpmath.mpf("1.6732632423543772848170429916717")),
    "mish": lambda x: x * mpmath.tanh(mpmath.log1p(mpmath.exp(x))),
    "softsign": lambda x: x / (1 + abs(x)),
    "logsigmoid": lambda x: -mpmath.log1p(mpmath.exp(-x)),
}
STYLES = [
    ("relu6", nn.ReLU6(), "nn.ReLU6"),
    ("relu6", nn.ReLU6(inplace=True), "nn.ReLU6"),
    ("relu6", Calls(functional.relu6), "F.relu6"),
    ("relu6", Calls(functional.relu6, True), "F.relu6"),
    ("hardtanh", nn.Hardtanh(), "nn.Hardtanh"),
    ("clip", Calls(functional.hardtanh, -2.0, 3.0), "F.hardtanh"),
    ("clip", Calls(functional.hardtanh_, -2.0, 3.0), "F.hardtanh_"),
    ("leaky_relu", nn.LeakyReLU(), "nn.LeakyReLU"),
    ("steep", nn.LeakyReLU(0.2, inplace=True), "nn.LeakyReLU"),
    ("steep", Calls(functional.leaky_relu, negative_slope=0.2), "F.leaky_relu"),
    ("hardsigmoid", nn.Hardsigmoid(), "nn.Hardsigmoid"),
    ("hardsigmoid", Calls(functional.hardsigmoid), "F.hardsigmoid"),
    ("hardswish", nn.Hardswish(), "nn.Hardswish"),
    ("hardswish", Calls(functional.hardswish, inplace=True), "F.hardswish"),
    ("silu", nn.SiLU(), "nn.SiLU"),
    ("silu", Calls(functional.silu, inplace=True), "F.silu"),
    ("gelu", nn.GELU(), "nn.GELU"),
    ("gelu", Calls(functional.gelu), "F.gelu"),
    ("tanh_gelu", nn.GELU("tanh"), "nn.GELU"),
    ("tanh_gelu", Calls(functional.gelu, approximate="tanh"), "F.gelu"),
    ("sigmoid", nn.Sigmoid(), "nn.Sigmoid"),
    ("sigmoid", Calls(torch.sigmoid), "torch.sigmoid"),
    ("sigmoid", Calls(torch.Tensor.sigmoid_), "Tensor.sigmoid_"),
    ("sigmoid", Calls(torch.special.expit), "torch.special.expit"),
    ("sigmoid", Calls(functional.sigmoid), "Tensor.sigmoid"),
    ("tanh", nn.Tanh(), "nn.Tanh"),
    ("tanh", Calls(torch.tanh), "torch.tanh"),
    ("tanh", Calls(torch.Tensor.tanh), "Tensor.tanh"),
    ("tanh", Calls(functional.tanh), "Tensor.tanh"),
    ("softplus", nn.Softplus(), "nn.Softplus"),
    ("softplus2", nn.Softplus(beta=2.0), "nn.Softplus"),
    ("softplus2", Calls(functional.softplus, 2.0), "F.softplus"),
    ("elu", nn.ELU(), "nn.ELU"),
    ("elu", nn.CELU(), "nn.CELU"),
    ("elu", Calls(functional.elu, 1.0, True), "F.elu"),
    ("elu", Calls(functional.elu_), "F.elu_"),
    ("steep_elu", nn.ELU(2.5, inplace=True), "nn.ELU"),
    ("steep_elu", Calls(functional.elu, alpha=2.5), "F.elu"),
    ("celu", nn.CELU(2.0), "nn.CELU"),
    ("celu", Calls(torch.celu, alpha=2.0), "torch.celu"),
    ("selu", nn.SELU(), "nn.SELU"),
    ("selu", Calls(functional.selu, inplace=True), "F.selu"),
    ("selu", Calls(torch.selu_), "torch.selu_"),
    ("mish", nn.Mish(), "nn.Mish"),
    ("mish", Calls(functional.mish), "F.mish"),
    ("softsign", nn.Softsign(), "nn.Softsign"),
    ("softsign", Calls(functional.softsign), "F.softsign"),
    ("logsigmoid", nn.LogSigmoid(), "nn.LogSigmoid"),
    ("logsigmoid", Calls(functional.logsigmoid), "F.logsigmoid"),
]


@pytest.mark.parametrize(
    ("name", "layer", "kind"), STYLES, ids=[f"{n}-{k}-{i}" for i, (n, _, k) in enumerate(STYLES)]
)
def test_every_style_is_within_its_proven_bound(name, layer, kind):
    x = torch.linspace(-B, B, 401, dtype=torch.float64)
    network = nn.Sequential(nn.Identity(), layer)
    converted = convert(network, precision=PRECISION, interval=B)
    got = converted(x.clone())
    (site,) = converted.report.sites
    assert site.kind == kind and site.bound == B
    scale = 1 if name in ("sigmoid", "tanh", "softsign") else 2.5 * B  # of two ReLUs, on B + 6
    assert site.error_bound <= scale * PRECISION
    with mpmath.workdps(40):
        errors = [
            abs(y - EXACT[name](mpmath.mpf(v)))
            for v, y in zip(x.tolist(), got.tolist(), strict=True)
        ]
    assert 1e-4 * PRECISION < max(errors) <= site.error_bound + 1e-12
    assert site.multiplications > 0 and site.levels > 0
    assert check(converted, x) == ()


POOLS = [
    (nn.MaxPool2d(2), (2, 3, 8, 8), "nn.MaxPool2d"),
    (nn.MaxPool2d(3, 2, 1), (2, 3, 9, 8), "nn.MaxPool2d"),
    (nn.MaxPool2d(3, 2, 1, ceil_mode=True), (1, 2, 8, 8), "nn.MaxPool2d"),
    (nn.MaxPool2d(3, 2, 0, ceil_mode=True), (1, 2, 6, 8), "nn.MaxPool2d"),
    (nn.MaxPool2d((2, 3), (1, 2), (1, 0), (1, 2)), (2, 2, 7, 11), "nn.MaxPool2d"),
    (Calls(functional.max_pool2d, 2), (2, 3, 8, 8), "F.max_pool2d"),
    (Calls(torch.max_pool2d, 2, 1), (2, 3, 4, 4), "torch.max_pool2d"),
    (nn.MaxPool1d(2), (2, 3, 9), "nn.MaxPool1d"),
    (Calls(functional.max_pool1d, 3, padding=1), (3, 10), "F.max_pool1d"),
    (nn.AdaptiveMaxPool2d(2), (2, 3, 8, 6), "nn.AdaptiveMaxPool2d"),
    (nn.AdaptiveMaxPool2d((None, 1)), (2, 3, 4, 6), "nn.AdaptiveMaxPool2d"),
    (nn.AdaptiveMaxPool1d(3), (2, 9), "nn.AdaptiveMaxPool1d"),
    (Calls(functional.adaptive_max_pool2d, 1), (1, 2, 3, 3), "F.adaptive_max_pool2d"),
]


@pytest.mark.parametrize(
    ("layer", "shape", "kind"), POOLS, ids=[f"{k}-{i}" for i, (_, _, k) in enumerate(POOLS)]
)
def test_max_pools_are_within_their_proven_bound(layer, shape, kind):
    x = torch.empty(shape, dtype=torch.float64).uniform_(
        -4, 4, generator=torch.Generator().manual_seed(2)
    )
    network = nn.Sequential(nn.Identity(), layer)
    converted = convert(network, precision=2**-9, calibrate=[x])
    got, exact = converted(x), network(x)
    assert got.shape == exact.shape
    (site,) = converted.report.sites
    assert site.kind == kind
    assert 0 < float((got - exact).abs().max()) <= site.error_bound
    assert check(converted, x) == ()
    one = convert(nn.Sequential(nn.ReLU()), precision=2**-9, interval=1.0).report.sites[0]
    assert site.multiplications % one.multiplications == 0 == site.levels % one.levels


def test_the_bound_of_a_max_pool_is_reached_up_to_a_small_factor():
    x = torch.linspace(-1, 1, 4001, dtype=torch.float64)
    pairs = torch.stack([x, torch.zeros_like(x)], dim=-1)
    converted = convert(nn.Sequential(nn.MaxPool1d(2)), precision=2**-6, interval=1.0)
    error = float((converted(pairs) - pairs.amax(-1, keepdim=True)).abs().max())
    bound = converted.report.sites[0].error_bound
    assert 0.2 * bound < error <= bound


UNREACHED = [
    (nn.ReLU6(), 3.0, lambda x: x.clamp(min=0), 1),
    (nn.ReLU6(), 6.0, lambda x: x.clamp(min=0), 1),
    (nn.ReLU6(), 6.1, lambda x: x.clamp(0, 6), 2),
    (nn.Hardtanh(-6, 6), 1.0, lambda x: x, 0),
    (nn.Hardtanh(-1, 6), 2.0, lambda x: x.clamp(min=-1), 1),
    (nn.Hardtanh(-6, 1), 2.0, lambda x: x.clamp(max=1), 1),
    (nn.Hardsigmoid(), 3.0, lambda x: x / 6 + 0.5, 0),
    (nn.Hardswish(), 2.5, lambda x: x * (x + 3) / 6, 0),
    (nn.Hardswish(), 3.5, lambda x: x * (x + 3).clamp(0, 6) / 6, 2),
]


@pytest.mark.parametrize(("layer", "bound", "exact", "parts"), UNREACHED)
def test_kinks_that_an_interval_does_not_reach_cost_nothing(layer, bound, exact, parts):
    one = convert(nn.Sequential(nn.ReLU()), precision=PRECISION, interval=1.0).report.sites[0]
    converted = convert(nn.Sequential(nn.Identity(), layer), precision=PRECISION, interval=bound)
    (site,) = converted.report.sites
    product = isinstance(layer, nn.Hardswish)
    assert site.multiplications == parts * one.multiplications + product
    assert site.levels == (one.levels if parts else 0) + product
    x = torch.linspace(-bound, bound, 1001, dtype=torch.float64)
    given = x.clone()
    off = float((converted(x) - exact(x)).abs().max())
    assert torch.equal(x, given) and off <= site.error_bound + 1e-14
    assert (site.error_bound == 0) == (parts == 0)
    output = converted(x)
    output.add_(1.0)  # is another tensor than the input
    assert torch.equal(x, given)
    assert check(converted, x) == ()


def test_celu_of_another_sign_is_refused():
    with pytest.raises(ConversionError, match=r"nn.CELU at '0' has alpha=-1.0: give a positive one"):
        convert(nn.Sequential(nn.CELU(-1.0)), precision=PRECISION, interval=2.0)


def test_ends_of_hardtanh_out_of_order_are_refused():
    class Swapped(nn.Module):
        def forward(self, x):
            return functional.hardtanh(x, 2.0, -2.0)

    with pytest.raises(ConversionError, match=r"moves inputs into \[2, -2\]"):
        convert(Swapped(), precision=PRECISION, interval=4.0)(torch.zeros(3))


def test_an_adaptive_pool_with_unequal_windows_is_refused():
    converted = convert(nn.Sequential(nn.AdaptiveMaxPool1d(2)), precision=2**-6, interval=1.0)
    with pytest.raises(ConversionError, match="2 windows of 5 values"):
        converted(torch.rand(1, 5))


def test_indices_of_maxima_remain():
    layer = nn.MaxPool1d(2, return_indices=True)
    network = convert(nn.Sequential(nn.ReLU(), layer), precision=2**-6, interval=1.0)
    network(torch.rand(1, 4))
    assert [item.operation for item in network.report.remaining] == ["max_pool1d_with_indices"]


def test_without_a_precision_relu_alone_is_replaced():
    import polyapprox

    network = nn.Sequential(nn.ReLU(), nn.Tanh())
    x = torch.linspace(-1, 1, 9)
    made = polyapprox.relu(precision=2**-8)
    converted = convert(network, approximation=made, calibrate=[x])
    converted(x)
    assert [site.site for site in converted.report.sites] == ["0"]
    assert [str(item) for item in converted.report.remaining] == [
        "1: nn.Tanh (replaced by convert)"
    ]


def test_ranges_of_every_function_are_measured_and_gradients_flow():
    network = nn.Sequential(nn.Linear(3, 4), nn.GELU(), nn.Linear(4, 4), nn.Hardswish()).double()
    x = torch.randn(20, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    converted = convert(network, precision=2**-10, calibrate=[x], margin=1.2)
    assert [site.site for site in converted.report.sites] == ["1", "3"]
    gradients = []
    for model in (network, converted):
        model.zero_grad()
        model(x).square().sum().backward()
        gradients.append(model[0].weight.grad.clone())
    assert torch.allclose(*gradients, rtol=0.1, atol=0.05)
    assert not torch.equal(*gradients)


def test_a_function_that_does_not_scale_keeps_its_interval():
    from nn_bridge.activations.activation import PolynomialActivation
    from nn_bridge.activations.building import function_evaluator

    with pytest.raises(ArgumentError, match=r"'tanh' does not scale with its interval, give 2.0"):
        PolynomialActivation(function_evaluator("tanh", 2.0, 2**-5), 3.0)


def test_the_registry_names_torchs_own_layers():
    names = {name for name, _ in CALLABLES.values()}
    layers = (nn.ReLU, nn.ReLU6, nn.Hardtanh, nn.LeakyReLU, nn.Hardsigmoid, nn.Hardswish, nn.SiLU,
              nn.GELU, nn.Sigmoid, nn.Tanh, nn.Softplus, nn.ELU, nn.SELU, nn.CELU, nn.Mish, nn.Softsign,
              nn.LogSigmoid, nn.Hardshrink, nn.MaxPool1d, nn.MaxPool2d,
              nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d)  # fmt: skip
    assert {module_function(layer) for layer in layers} == names
    assert module_function(nn.Softmax(1)) is None
