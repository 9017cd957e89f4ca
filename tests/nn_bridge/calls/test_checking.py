"""`check` lists what is neither an addition nor a multiplication, and nothing else."""

import operator

import pytest
import torch
import torch.nn.functional as functional
from torch import nn

from nn_bridge import check, convert
from nn_bridge.calls.operations import remaining_function
from nn_bridge.models import DigitsNet, ResNet


def found(network, example=None):
    return {(item.path, item.operation, item.convertible) for item in check(network, example)}


def test_layers():
    network = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Sigmoid(),
        nn.AvgPool2d(2), nn.Flatten(), nn.Dropout(), nn.Linear(36, 3), nn.LayerNorm(3),
        nn.Softmax(1),
    ).eval()  # fmt: skip
    expected = {
        ("2", "nn.ReLU", True), ("3", "nn.MaxPool2d", True), ("4", "nn.Sigmoid", True),
        ("9", "nn.LayerNorm", True), ("10", "nn.Softmax", True),
    }  # fmt: skip
    assert found(network) == expected
    assert found(network, torch.zeros(1, 1, 16, 16)) == expected
    converted = convert(network, precision=2**-6, interval=4.0)
    assert found(converted) == {("9/layer_norm1", "F.layer_norm", True), ("10/softmax1", "F.softmax", True)}
    measured = convert(network, precision=2**-6, calibrate=[torch.rand(9, 1, 16, 16)])
    assert not found(measured) and not found(measured, torch.rand(1, 1, 16, 16))


def test_training_mode_is_reported():
    network = nn.Sequential(nn.BatchNorm1d(3), nn.Dropout())
    assert {item.operation.split()[0] for item in check(network)} == {"BatchNorm1d", "Dropout"}
    assert all("call eval()" in str(item) for item in check(network))
    assert not check(network.eval())
    statistics = nn.BatchNorm1d(3, track_running_stats=False).eval()
    assert "without running statistics" in str(check(statistics)[0])


class Functional(nn.Module):
    def forward(self, x):
        x = functional.max_pool2d(functional.relu(x), 2) / 2 + x.mean() ** 2
        x = functional.softmax(x.flatten(1), dim=1)
        return x / x.sum() + torch.exp(x) - x**0.5


class Untraceable(Functional):
    def forward(self, x):
        return super().forward(x if x.sum() > 0 else -x)


def test_functions():
    names = {"F.max_pool2d", "F.softmax", "truediv", "exp", "pow"}
    assert {item.operation for item in check(Functional())} == {*names, "F.relu"}
    example = torch.rand(1, 1, 4, 4)
    by_example = {item.operation for item in check(Functional(), example)}
    assert by_example == {"F.max_pool2d", "F.softmax", "div", "exp", "pow", "F.relu"} or (
        by_example == {*names, "F.relu"}
    )
    (unknown,) = check(Untraceable())
    assert not unknown.known and "cannot be traced" in str(unknown)
    untraceable = {item.operation for item in check(Untraceable(), example)}
    assert untraceable == by_example | {"gt", "bool"}


def test_converted_network_remembers_what_it_called():
    converted = convert(Functional(), precision=2**-6, interval=4.0)
    assert converted.report.remaining  # its code is known before it runs
    converted(torch.rand(1, 1, 4, 4))
    operations = {item.operation for item in converted.report.remaining}
    assert {"F.softmax", "exp", "pow"} <= operations and "F.max_pool2d" not in operations
    assert "relu" not in operations
    assert set(check(converted)) == set(converted.report.remaining)
    assert "remains: /softmax1: F.softmax" in str(converted.report)


@pytest.mark.parametrize(
    ("network", "shape"),
    [
        (DigitsNet(), (2, 1, 8, 8)),
        (ResNet(20), (2, 3, 32, 32)),
        (ResNet(20, 10, "B", "fc"), (2, 3, 32, 32)),
    ],
    ids=["digits", "A", "B"],
)
def test_nothing_but_relu_remains_in_our_networks(network, shape):
    network.eval()
    example = torch.zeros(shape)
    assert all(item.convertible for item in check(network, example))
    assert len(check(network, example)) == (6 if isinstance(network, DigitsNet) else 19)
    assert check(convert(network, precision=2**-6, interval=4.0), example) == ()


def test_a_polynomial_network_is_clean():
    class Polynomial(nn.Module):
        def forward(self, x):
            x = x.view(x.shape[0], -1).float()
            x = torch.cat([x, 2 - x, x.square(), 1 + x**3, x / 4, -x @ x.T @ x], dim=1)
            return functional.pad(x[:, ::2], (1, 0)).mean(1, keepdim=True).expand(-1, 2).clone()

    assert check(Polynomial()) == ()
    assert check(Polynomial(), torch.rand(2, 3)) == ()


@pytest.mark.parametrize(
    ("function", "args", "polynomial"),
    [
        (torch.Tensor.__radd__, (torch.ones(1), 1), True),
        (torch.Tensor.__rsub__, (torch.ones(1), 1), True),
        (torch.Tensor.__imul__, (torch.ones(1), 1), True),
        (torch.Tensor.__rpow__, (torch.ones(1), 2), False),
        (torch.Tensor.__rtruediv__, (torch.ones(1), 2), False),
        (torch.Tensor.__mod__, (torch.ones(1), 2), False),
        (torch.Tensor.__bool__, (torch.ones(1),), False),
        (torch.Tensor.__float__, (torch.ones(1),), False),
        (torch.Tensor.float, (torch.ones(1),), True),
        (torch.Tensor.item, (torch.ones(1),), False),
        (torch.Tensor.add_, (torch.ones(1), 1), True),
        (torch.div, (torch.ones(1), 2), True),
        (torch.div, (torch.ones(1), torch.ones(1)), False),
        (torch.pow, (torch.ones(1), 2), True),
        (torch.pow, (torch.ones(1), -1), False),
        (torch.abs, (torch.ones(1),), False),
        (torch.clamp, (torch.ones(1), 0), False),
        (torch.maximum, (torch.ones(1), torch.ones(1)), False),
        (torch.where, (torch.ones(1) > 0, 1, 0), False),
        (operator.truediv, (torch.ones(1), torch.ones(1)), False),
        (operator.add, (torch.ones(1), torch.ones(1)), True),
    ],
)
def test_single_functions(function, args, polynomial):
    assert (remaining_function(function, args, {}) is None) == polynomial


def test_rounding_division_and_training_dropout_remain():
    assert remaining_function(torch.div, (torch.ones(1), 2), {"rounding_mode": "floor"}) == "div"
    assert remaining_function(functional.dropout, (), {"training": True}) == "dropout"
    assert remaining_function(functional.dropout, (), {"training": False}) is None


def test_the_mode_is_read_wherever_it_stands():
    x = torch.rand(4, 3)
    mean, variance = torch.zeros(3), torch.ones(3)
    random = [
        lambda x: functional.batch_norm(x, mean, variance, None, None, True),
        lambda x: torch.batch_norm(x, None, None, mean, variance, True, 0.1, 1e-5, False),
        lambda x: functional.dropout(x), lambda x: torch.dropout(x, 0.5, True),
        lambda x: functional.alpha_dropout(x, 0.5, True), lambda x: functional.dropout1d(x, 0.5),
    ]  # fmt: skip
    plain = [
        lambda x: functional.batch_norm(x, mean, variance), lambda x: functional.dropout(x, 0.5, False),
        lambda x: functional.alpha_dropout(x), lambda x: torch.dropout(x, 0.5, train=False),
    ]  # fmt: skip
    for expected, functions in ((1, random), (0, plain)):
        for function in functions:

            class Written(nn.Module):
                def forward(self, x, function=function):
                    return function(x)

            assert len(check(Written(), x)) == expected
