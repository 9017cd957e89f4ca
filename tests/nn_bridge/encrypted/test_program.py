"""A converted network as matrices and plans computes what the network computes, in the clear."""

import numpy as np
import pytest
import torch
from encrypted_networks import converted, images, mixed
from torch import nn
from torch.nn import functional

import nn_bridge
from nn_bridge import ArgumentError, ConversionError
from nn_bridge.encrypted.matrices import affine_map
from nn_bridge.encrypted.program import read_program
from nn_bridge.models import MobileNetV2, ResNet, ShuffleNetV2

DRAWN = torch.Generator().manual_seed(2)


def weights(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=DRAWN, dtype=torch.float64)


CALLS = {
    "conv2d, strided": ("conv2d", functional.conv2d, (weights(3, 2, 3, 3), weights(3), 2, 1)),
    "conv2d, dilated": ("conv2d", functional.conv2d, (weights(3, 2, 2, 3), None, 1, (1, 2), 2)),
    "conv2d, grouped": ("conv2d", functional.conv2d, (weights(4, 1, 3, 3), None, 1, 1, 1, 2)),
    "conv2d, same": ("conv2d", functional.conv2d, (weights(1, 2, 3, 3), None, 1, "same")),
    "pad with ones": ("pad", functional.pad, ((1, 0, 2, 1), "constant", 1.0)),
    "flip by indices": ("__getitem__", torch.Tensor.__getitem__, ((slice(None), [1, 0]),)),
    "avg_pool2d": ("avg_pool2d", functional.avg_pool2d, (3, 2, 1)),
    "pool to 2 × 2": ("adaptive_avg_pool2d", functional.adaptive_avg_pool2d, (2,)),
    "mean": ("mean", torch.mean, ((2, 3),)),
    "linear": ("linear", functional.linear, (weights(4, 6), weights(4))),
    "times": ("mul", torch.mul, (weights(1, 2, 1, 1),)),
    "batch norm": ("batch_norm", functional.batch_norm, (weights(2), weights(2) ** 2, weights(2), weights(2))),
}  # fmt: skip


@pytest.mark.parametrize("name, function, rest", CALLS.values(), ids=CALLS)
def test_matrices_are_those_of_the_functions(name, function, rest):
    x = weights(1, 2, 5, 6)
    made = affine_map(
        name, lambda one: function(one, *rest), (2, 5, 6), (x, *rest), {}, "here"
    )
    value = function(x, *rest)
    assert made.shape == value.shape[1:]
    found = made.matrix @ x.reshape(-1).numpy() + made.constants
    assert np.abs(found - value.reshape(-1).numpy()).max() < 1e-12


@pytest.mark.parametrize(
    "network, shape",
    [
        (mixed(), (2, 8, 8)),
        (ResNet(8), (3, 32, 32)),
        (ResNet(8, shortcut="B"), (3, 16, 16)),
        (ShuffleNetV2(0.5), (3, 32, 32)),
        (MobileNetV2(10, 8), (3, 8, 8)),
        (nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU6(), nn.Flatten(), nn.Linear(72, 3)), (1, 8, 8)),
        (nn.Sequential(nn.Conv2d(1, 2, 3), nn.LeakyReLU(0.1), nn.AvgPool2d(2)), (1, 8, 8)),
    ],
    ids=["mixed", "ResNet", "ResNet B", "ShuffleNetV2", "MobileNetV2", "ReLU6", "leaky ReLU"],
)
def test_programs_compute_what_networks_compute(network, shape):
    torch.manual_seed(0)
    known = converted(network.eval(), *shape, precision=2**-6)
    image = images(1, *shape)
    found = read_program(known, shape).run(image.numpy())[-1]
    with torch.no_grad():
        clear = known.double()(image.double()).numpy().reshape(-1)
    assert np.abs(found - clear).max() < 1e-9 * np.abs(clear).max()


def test_intervals_by_channel_and_corrected_means_are_folded_into_matrices():
    known = converted(mixed(), 2, 8, 8, interval="per-channel")
    nn_bridge.correct_means(known, [images(40, 2, 8, 8)])
    image = images(1, 2, 8, 8)
    for one in (known, nn_bridge.fold(known)):
        found = read_program(one, (2, 8, 8)).run(image.numpy())[-1]
        with torch.no_grad():
            clear = one.double()(image.double()).numpy()[0]
        assert np.abs(found - clear).max() < 1e-12


def test_the_digest_tells_networks_and_intervals_apart():
    digests = {
        read_program(converted(mixed(), 2, 8, 8, margin=margin), (2, 8, 8)).digest
        for margin in (1.25, 1.25, 1.5)
    }
    assert len(digests) == 2


@pytest.mark.parametrize(
    "layer, name",
    [
        (nn.Softmax(1), "softmax"),
        (nn.GroupNorm(1, 1), "group_norm"),
        (nn.MaxPool2d(2), "nn.MaxPool2d at 0 cannot be evaluated"),
        (nn.Tanh(), "nn.Tanh at 0 cannot be evaluated"),
        (nn.Upsample(scale_factor=2, mode="bilinear"), "interpolate|upsample"),
    ],
    ids=["softmax", "group norm", "max-pool", "tanh", "upsampling"],
)
def test_what_cannot_be_done_is_refused_by_name(layer, name):
    network = converted(nn.Sequential(layer, nn.ReLU()), 1, 4, 4, interval=1.0, calibrate=None)
    with pytest.raises(ConversionError, match=name):
        read_program(network, (1, 4, 4))


def test_products_of_encrypted_values_are_refused():
    class Gate(nn.Module):
        def forward(self, x):
            return torch.relu(x) * x

    network = converted(Gate(), 1, 4, 4, interval=1.0, calibrate=None)
    with pytest.raises(ConversionError, match="mul in the network cannot be evaluated"):
        read_program(network, (1, 4, 4))


def test_networks_that_are_not_converted_or_clamp_are_refused():
    with pytest.raises(ArgumentError, match="not converted"):
        read_program(mixed(), (2, 8, 8))
    with pytest.raises(ConversionError, match="to the ends, which cannot be done"):
        read_program(converted(mixed(), 2, 8, 8, outside="clamp"), (2, 8, 8))


class Case(nn.Module):
    """A convolution, ReLU, and what a case makes of its values, shape (1, 4, 6, 6)."""

    def __init__(self, case):
        super().__init__()
        torch.manual_seed(3)
        self.convolution, self.case = nn.Conv2d(2, 4, 3, padding=1), case
        self.register_buffer("known", torch.randn(1, 4, 6, 6))

    def forward(self, x):
        return self.case(self, torch.relu(self.convolution(x)))


def read_case(case):
    """What a program and the network compute."""
    network = nn_bridge.convert(Case(case).double().eval(), precision=2**-5, interval=9.0)
    image = weights(1, 2, 6, 6)
    found = read_program(network, (2, 6, 6)).run(image.numpy())[-1]
    with torch.no_grad():
        return found, network(image).numpy().reshape(-1)


def after(call, value=lambda x, y: x + y):
    """A call that writes, of a tensor or a view of it, and the tensor used after it."""

    def case(net, x):
        return value(x, call(net, x))

    return case


RIGHT = {
    "added in place": after(lambda net, x: x.add_(1.0)),
    "subtracted in place": after(lambda net, x: x.sub_(net.known, alpha=2), lambda x, y: 3 * x),
    "+=": after(lambda net, x: x.__iadd__(net.known), lambda x, y: x),
    "*=": after(lambda net, x: x.__imul__(2.0), lambda x, y: x),
    "a view that is used alone": lambda net, x: torch.relu_(x.flatten(1) - 1).mul_(2),
    "a number less": lambda net, x: 1 - x,
    "a quotient": lambda net, x: x / 3 - x,
    "a factor in both": lambda net, x: torch.rsub(x, torch.relu(x - 1), alpha=3),
    "elu": lambda net, x: functional.elu(x - 1, 2.0),
    "hardsigmoid": lambda net, x: functional.hardsigmoid(4 * x - 2),
    "a convolution around the edge": lambda net, x: functional.conv2d(
        functional.pad(x, (1, 2, 0, 1), mode="circular"), net.known[:, :2, :3, :2].expand(4, -1, -1, -1), groups=2, dilation=2
    ),
    "a pool beyond the edge": lambda net, x: functional.avg_pool2d(x, 3, 2, 1, ceil_mode=True, count_include_pad=False),
    "a pool to parts that differ": lambda net, x: functional.adaptive_avg_pool2d(x, (4, 5)),
}  # fmt: skip


@pytest.mark.parametrize("case", RIGHT.values(), ids=RIGHT)
def test_calls_as_they_are_written_in_networks_are_read_right(case):
    found, clear = read_case(case)
    assert np.abs(found - clear).max() < 1e-9


WRONG = {
    "rounded": (lambda net, x: torch.div(x, 0.3, rounding_mode="floor"), "div in the network cannot"),
    "floored": (lambda net, x: x // 0.3, "floordiv in the network cannot"),
    "normalised by itself": (
        lambda net, x: torch.batch_norm(x, None, None, None, None, True, 0.1, 1e-5, False), "batch_norm in the network cannot"
    ),
    "dropped at random": (lambda net, x: torch.dropout(x, 0.5, True), "dropout in the network cannot"),
    "a view written over": (after(lambda net, x: torch.relu_(x.flatten(1)), lambda x, y: 2 * x), "written over"),
    "a part written over": (after(lambda net, x: x[:, :2].mul_(0.0), lambda x, y: x), "written over"),
    "written into a constant": (after(lambda net, x: net.known.clone().add_(x)), "add in the network cannot"),
    "written into another": (after(lambda net, x: torch.add(x, x, out=net.known.clone())), "add in the network cannot"),
    "the mean of a batch": (lambda net, x: x.mean(0), "keep the batch on the first axis"),
    "the mean of everything": (lambda net, x: x * x.mean(), "keep the batch on the first axis"),
    "images joined": (lambda net, x: torch.cat([x, x], 0), "keep the batch on the first axis"),
    "turned": (lambda net, x: x.transpose(0, 1), "keep the batch on the first axis"),
    "values spread": (lambda net, x: x.mean((2, 3), keepdim=True) * net.known, "makes values of shape"),
    "a branch": (lambda net, x: x if x.mean((1, 2, 3)) > 0 else -x, "gt in the network cannot"),
    "compared": (lambda net, x: x if x == 0 else -x, "eq in the network cannot"),
    "asked": (lambda net, x: x if x else -x, "bool in the network cannot"),
    "a square": (lambda net, x: x**2, "pow in the network cannot"),
}  # fmt: skip


@pytest.mark.parametrize("case, said", WRONG.values(), ids=WRONG)
def test_calls_that_look_like_others_are_refused_by_name(case, said):
    with pytest.raises(ConversionError, match=said):
        read_case(case)
