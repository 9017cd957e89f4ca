"""Models of torchvision and timm, converted, against an evaluation that shares no code with it.

:class:`Kernels` sees the network's calls one floor below the bridge, where they reach torch's
kernels, and computes each activation from the operations of its plan, in NumPy; samples of that
are compared with arithmetic of 400 bits (`independent`).
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable

import independent
import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torchvision_here import torchvision

import nn_bridge
from nn_bridge.activations.vectors import VectorActivation

PRECISION = 2**-10
MARGIN = 1.5


# --- the evaluation that shares no code ---


def run(plan, *x: np.ndarray) -> np.ndarray:
    """The operations of a plan in float64."""
    values = []
    for kind, left, right, constant in plan.operations:
        if kind == "input":
            value = x[max(left, 0)]
        elif kind == "multiply":
            value = values[left] * values[right]
        elif kind == "scale":
            value = values[left] * float(constant)
        elif kind == "add":
            value = values[left] + values[right]
        elif kind == "subtract":
            value = values[left] - values[right]
        elif kind == "double":
            value = 2 * values[left]
        else:
            assert kind == "shift"
            value = values[left] + float(constant)
        values.append(value)
    return values[plan.output]


class Polynomial:
    """B/A · r(A/B · x)."""

    def __init__(self, approximation) -> None:
        self.plan, self.radius = approximation.plan, float(approximation.interval[1])
        self.error = float(approximation.error_bound) / self.radius

    def __call__(self, x: torch.Tensor, bound: float) -> torch.Tensor:
        assert float(x.abs().max()) <= bound  # where r is an approximation at all
        u = x.numpy() * (self.radius / bound)
        found = run(self.plan, u)
        few = u.reshape(-1)[:: max(1, u.size // 3)]
        fixed = np.array([independent.to_fixed(float(v)) for v in few], dtype=object)
        exact = independent.to_floats(independent.run_plan(self.plan, fixed))
        assert np.abs(exact - found.reshape(-1)[:: max(1, u.size // 3)]).max() < 1e-11
        return torch.from_numpy(np.ascontiguousarray(found)) * (bound / self.radius)


def hardtanh(r: Polynomial, x, bound: float, low: float = -1.0, high: float = 1.0):
    value = low + r(x - low, bound + abs(low)) if low > -bound else x  # a kink that is not reached
    return value - r(x - high, bound + abs(high)) if high < bound else value


def hardsigmoid(r: Polynomial, x, bound: float):
    return 0.5 + hardtanh(r, x, bound, -3.0, 3.0) / 6


def max_pool(r: Polynomial, x, bound: float, shape, kernel, stride=None, padding=(0, 0)):
    """A tree of max(a, b) = b + r(a − b); `shape` is that of the result."""
    pads = []
    for axis in (3, 2):
        step = (stride or kernel)[axis - 2]
        reach = (shape[axis] - 1) * step + kernel[axis - 2]
        pads += [padding[axis - 2], max(0, reach - x.shape[axis] - padding[axis - 2])]
    x = functional.pad(x, pads, value=-bound)
    for axis in (2, 3):
        x = x.unfold(axis, kernel[axis - 2], (stride or kernel)[axis - 2])
    x = x[:, :, : shape[2], : shape[3]].flatten(4)
    values = list(x.unbind(-1))
    while len(values) > 1:
        halves = list(zip(values[::2], values[1::2], strict=False))
        rest = values[2 * len(halves) :]
        values = [b + r(a - b, 2 * bound) for a, b in halves] + rest
        bound *= 1 + 2 * r.error
    return values[0]


ACTIVATIONS = {
    "relu": lambda r, x, bound: r(x, bound),
    "gelu": lambda r, x, bound, **_: r(x, bound),
    "silu": lambda r, x, bound: r(x, bound),
    "sigmoid": lambda r, x, bound: r(x, bound),
    "hardtanh": hardtanh,
    "hardsigmoid": hardsigmoid,
    "hardswish": lambda r, x, bound: x * hardsigmoid(r, x, bound),
    "leaky_relu": lambda r, x, bound, slope=0.01: slope * x + (1 - slope) * r(x, bound),
}


def layer_norm(layer, x, shape, weight, bias, eps):
    centred = x - x.mean(list(range(-len(shape), 0)), keepdim=True)
    variance = centred.square().mean(list(range(-len(shape), 0)), keepdim=True) + eps
    root = torch.from_numpy(run(layer.whole.parts["inverse root"].plan, (variance / layer.bound).numpy()))
    value = centred * root / layer.bound**0.5
    return value if weight is None else value * weight + bias


def vector_operation(one, values, u):
    if one.kind == "input":
        return u
    left = values[one.left]
    if one.kind == "sum":
        return left.sum(-1, keepdims=True)
    if one.kind == "apply":
        return run(one.plan, left) if one.right < 0 else run(one.plan, left, values[one.right])
    if one.kind == "multiply":
        return left * values[one.right]
    assert one.kind in ("scale", "shift")
    return left * float(one.constant) if one.kind == "scale" else left + float(one.constant)


def softmax(layer, x, dim, _half):
    x = x.movedim(dim, -1)
    shift = layer.shift.view(-1, 1, 1) if len(layer.shift) > 1 else layer.shift
    inside = (x > -700).numpy()
    u = torch.where(x > -700, x / 2**layer.squarings - shift, -1.0).numpy() * 2**layer.squarings
    values = []
    for one in layer.whole.plan.operations:
        value = vector_operation(one, values, u)
        values.append(value * inside if one.kind == "apply" and one.right < 0 else value)
    return torch.from_numpy(values[-1]).movedim(-1, dim)


VECTORS = {"native_layer_norm": layer_norm, "_softmax": softmax}


class Kernels(TorchDispatchMode):
    """Notes the largest |input| of each activation; replaces them, if told by what.

    Parameters
    ----------
    by : list of (polynomial, bound, proven error) or layers, optional
        In the order of the calls; layers for functions of vectors.
    """

    def __init__(self, by: list[tuple[Polynomial, float, float]] | None = None) -> None:
        super().__init__()
        self.by, self.largest = by, []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        pool = name == "max_pool2d_with_indices"
        if name in VECTORS:
            return self.vectors(func, name, args, kwargs or {})
        if not pool and name.rstrip("_") not in ACTIVATIONS:
            return func(*args, **(kwargs or {}))
        x = args[0]
        self.largest.append(float(x.abs().max()))
        if self.by is None:
            return func(*args, **(kwargs or {}))
        r, bound, error = self.by[len(self.largest) - 1]
        before = x.clone()
        exact = func(*args, **(kwargs or {}))
        if pool:
            value = max_pool(r, before, bound, exact[0].shape, *args[1:4])
            assert float((value - exact[0]).abs().max()) <= error + 1e-12
            return value, exact[1]
        value = ACTIVATIONS[name.rstrip("_")](r, before, bound, *args[1:], **(kwargs or {}))
        assert float((value - exact).abs().max()) <= error + 1e-12
        return x.copy_(value) if name.endswith("_") else value

    def vectors(self, func, name, args, kwargs):
        """A function of vectors, whose inputs have no interval of their own."""
        self.largest.append(None)
        exact = func(*args, **kwargs)
        if self.by is None:
            return exact
        value = VECTORS[name](self.by[len(self.largest) - 1], *args, **kwargs)
        return (value, *exact[1:]) if isinstance(exact, tuple) else value


# --- the models ---


def timm():
    """The package, which imports torchvision."""
    torchvision()
    return pytest.importorskip("timm")


def resnet():
    models = torchvision().models
    return models.ResNet(models.resnet.BasicBlock, [1, 1, 1, 1], num_classes=10)


def vgg():
    models = torchvision().models
    features = models.vgg.make_layers([8, "M", 16, "M", 16], batch_norm=True)
    network = models.VGG(features, num_classes=10, init_weights=False)
    network.classifier = nn.Sequential(nn.Linear(16 * 49, 32), nn.ReLU(True), nn.Linear(32, 10))
    return network


def densenet():
    return torchvision().models.DenseNet(8, (2, 2), 16, num_classes=10)


def googlenet():
    modules = torchvision() and importlib.import_module("torchvision.models.googlenet")
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, 2), nn.MaxPool2d(3, stride=2, ceil_mode=True),
        modules.Inception(16, 8, 8, 8, 4, 8, 8), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(32, 10),
    )  # fmt: skip


def torchvision_convnext():
    convnext = torchvision().models.convnext
    setting = [convnext.CNBlockConfig(8, 16, 1), convnext.CNBlockConfig(16, None, 1)]
    return convnext.ConvNeXt(setting, layer_scale=0.5, num_classes=10)


def swin():
    return torchvision().models.SwinTransformer([4, 4], 16, [1, 1], [2, 2], [2, 2], num_classes=10)


def from_torchvision(name: str, **options) -> Callable[[], nn.Module]:
    return lambda: getattr(torchvision().models, name)(weights=None, num_classes=10, **options)


def from_timm(name: str, **options) -> Callable[[], nn.Module]:
    return lambda: timm().create_model(name, pretrained=False, num_classes=10, **options)


def mixer():
    module = pytest.importorskip("timm.models.mlp_mixer") if timm() else None
    return module.MlpMixer(10, 32, patch_size=8, num_blocks=2, embed_dim=32)


MODELS = {
    "torchvision-resnet": (resnet, {"nn.ReLU", "nn.MaxPool2d"}, set()),
    "torchvision-vgg": (vgg, {"nn.ReLU", "nn.MaxPool2d"}, set()),
    "torchvision-densenet": (densenet, {"nn.ReLU", "F.relu", "nn.MaxPool2d"}, set()),
    "torchvision-inception": (googlenet, {"F.relu", "nn.MaxPool2d"}, set()),
    "torchvision-squeezenet": (
        from_torchvision("squeezenet1_1"), {"nn.ReLU", "nn.MaxPool2d"}, set(),
    ),
    "torchvision-mobilenet-v2": (
        from_torchvision("mobilenet_v2", width_mult=0.25), {"nn.ReLU6"}, set(),
    ),
    "torchvision-mobilenet-v3": (
        from_torchvision("mobilenet_v3_small", width_mult=0.25),
        {"nn.ReLU", "nn.Hardswish", "nn.Hardsigmoid"}, set(),
    ),
    "torchvision-shufflenet": (
        from_torchvision("shufflenet_v2_x0_5"), {"nn.ReLU", "nn.MaxPool2d"}, set(),
    ),
    "torchvision-convnext": (torchvision_convnext, {"nn.GELU", "F.layer_norm"}, set()),
    "torchvision-swin": (swin, {"nn.GELU", "F.layer_norm", "F.softmax"}, set()),
    "timm-resnet": (from_timm("test_resnet"), {"nn.ReLU", "nn.MaxPool2d"}, set()),
    "timm-byobnet": (from_timm("test_byobnet"), {"nn.ReLU", "Tensor.sigmoid"}, set()),
    "timm-efficientnet": (from_timm("test_efficientnet"), {"nn.SiLU", "nn.Sigmoid"}, set()),
    "timm-mobilenet-v3": (
        from_timm("mobilenetv3_small_050"), {"nn.ReLU", "nn.Hardswish", "nn.Hardsigmoid"}, set(),
    ),
    "timm-ghostnet": (from_timm("ghostnet_050"), {"nn.ReLU", "nn.Hardsigmoid"}, set()),
    "timm-convnext": (
        from_timm("convnext_atto", depths=(1, 1, 1, 1), dims=(8, 16, 24, 32)), {"F.gelu", "F.layer_norm"},
        set(),
    ),
    "timm-mixer": (mixer, {"nn.GELU", "F.layer_norm"}, set()),
}  # fmt: skip


def prepared(make: Callable[[], nn.Module], x: torch.Tensor) -> nn.Module:
    """In float64, evaluation mode, nothing zero, its batch normalisations as x has it."""
    torch.manual_seed(0)
    network = make().double()
    for parameter in network.parameters():  # blocks that begin as the identity test nothing
        if float(parameter.abs().max()) < 1e-3:
            parameter.normal_(std=0.1)
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.momentum = 1.0
    network.train()(x)
    return network.eval()


@pytest.mark.parametrize("name", MODELS)
@torch.no_grad()
def test_converted_is_what_its_polynomials_make_of_it(name):
    make, kinds, remaining = MODELS[name]
    images = torch.randn(8, 3, 32, 32, generator=torch.Generator().manual_seed(1)).double()
    network, x = prepared(make, images), images[:2]
    sites = list(nn_bridge.calibrate(network, [x]))
    converted = nn_bridge.convert(network, precision=PRECISION, calibrate=[x], margin=MARGIN)
    got = converted(x)
    with Kernels() as measured:
        exact = network(x)
    assert len(sites) == len(measured.largest)

    reports = {site.site: site for site in converted.report.sites}
    assert {site.kind for site in reports.values()} == kinds
    activations = converted.report.replacement.activations
    by = [
        activations[s] if isinstance(activations[s], VectorActivation)
        else (Polynomial(activations[s].evaluator.approximation), reports[s].bound, reports[s].error_bound)
        for s in sites
    ]  # fmt: skip
    for largest, site in zip(measured.largest, sites, strict=True):
        if largest is not None:
            assert reports[site].bound == pytest.approx(MARGIN * largest, rel=1e-12)
    with Kernels(by) as replaced:
        expected = network(x)
    assert len(replaced.largest) == len(sites)
    size = float(exact.abs().max())
    assert float((got - expected).abs().max()) <= 1e-9 * size
    assert float((got - exact).abs().max()) > 1e-7 * size  # it is not the network itself

    left = nn_bridge.check(converted, x)
    assert not any(item.convertible for item in left)
    assert {item.operation for item in left} <= remaining
    assert bool(left) == bool(remaining)
    named = {item.operation for item in nn_bridge.check(network, x) if item.convertible}
    layers = {"nn.LayerNorm", "nn.LayerNorm2d"}  # as layers, by what they are; as sites, by what they call
    assert named - layers == kinds - {"F.layer_norm"} or named == kinds
    assert bool(named & layers) <= ("F.layer_norm" in kinds)


def test_an_assertion_on_values_remains_and_one_on_shapes_does_not():
    class Asserts(nn.Module):
        def forward(self, x):
            torch._assert(x.ndim == 2, "shape")
            torch._assert(x.sum() < 100, "values")
            return x

    left = nn_bridge.check(Asserts(), torch.ones(1, 1))
    assert sorted(item.operation for item in left) == ["bool", "lt"]
