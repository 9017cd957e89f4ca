"""What cannot be used is refused in one sentence."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch import nn

from nn_bridge import ConversionError, check, convert
from nn_bridge.errors import ArgumentError
from nn_bridge.training import Configuration, Forward, Noise, fit
from nn_bridge.training.configuration import from_mapping
from nn_bridge.training.loop import check_activations


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"network": ["digits"]}, r"network is \['digits'\]: give one word"),
        ({"network": "digits", "start": 3}, "start is 3: give one word"),
        ({"network": "digits", "noise": {"precision": 5}}, r"noise.precision is 5: give a list, such as \[5\]"),
        ({"network": "digits", "forward": {"polynomial": 6}}, r"forward.polynomial is 6: give a list"),
        ({"network": "digits", "optimisation": {"momentum": 5}}, "momentum is 5: give a number below 1"),
        ({"network": "digits", "optimisation": {"average": 2.0}}, "average is 2.0: give a number below 1"),
        ({"network": "digits", "optimisation": {"label_smoothing": 1.5}}, "label_smoothing is 1.5"),
        ({"network": "digits", "optimisation": {"lr": 0.1}}, "optimisation.lr: the nearest is optimisation.learning_rate"),
        ({"network": "digits", "optimisation": {"weight_decay": 0.1}}, "the nearest is optimisation.decay$"),
    ],
)  # fmt: skip
def test_configurations(content, message):
    with pytest.raises(ArgumentError, match=message):
        from_mapping(content)


def test_a_loader_given_as_data():
    with pytest.raises(ArgumentError, match="data is a DataLoader: give the folder"):
        fit(Configuration("digits"), data=torch.utils.data.DataLoader([1]))
    with pytest.raises(ArgumentError, match="data is a list: give the folder"):
        fit(Configuration("digits"), data=[torch.ones(1)])


@pytest.mark.parametrize("device", ["cuda:97", "nowhere"])
def test_a_device_that_is_not_there(device):
    with pytest.raises(ArgumentError, match=f"device is '{device}', which cannot be used here"):
        fit(Configuration("digits"), device=device)


@pytest.mark.parametrize("layer", [nn.ReLU6(), nn.SiLU(), nn.GELU()])
@pytest.mark.parametrize(
    "training", [{"noise": Noise("gaussian")}, {"forward": Forward(polynomial=(5,))}]
)
def test_noise_that_would_stand_nowhere(layer, training):
    network = nn.Sequential(nn.Linear(2, 2), layer)
    name = type(layer).__name__
    with pytest.raises(ArgumentError, match=f"'1' of digits is {name}: .* nn_bridge.sturdy"):
        check_activations(network, Configuration("digits", **training))
    check_activations(network, Configuration("digits"))
    check_activations(nn.Sequential(nn.ReLU(), nn.MaxPool2d(2)), Configuration("digits", **training))


_BLOCKED = """
import importlib.util, sys
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "torch" else find(name, *rest)
sys.modules["torch"] = None
sys.argv[0] = {name!r}
import nn_bridge
"""


def test_without_torch_there_is_one_sentence():
    command = [sys.executable, "-c", _BLOCKED.format(name="/usr/bin/nn-bridge")]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.stderr.strip() == (
        "nn_bridge needs PyTorch, which is not installed: pip install 'polyapprox[nn]'"
    )
    assert found.returncode == 1
    command = [sys.executable, "-c", _BLOCKED.format(name="mine.py")]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.stderr.strip().splitlines()[-1].startswith("ImportError: nn_bridge needs PyTorch")


class First(nn.Module):
    """The first result of a layer."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        return self.layer(x)[0]


FUSED = "write the cell as a module"


@pytest.mark.parametrize(
    ("network", "reason"),
    [
        (First(nn.RNN(6, 3)), FUSED),
        (First(nn.RNN(6, 3, nonlinearity="relu")), FUSED),
        (First(nn.LSTM(6, 3)), FUSED),
        (First(nn.GRU(6, 3)), FUSED),
        (nn.Sequential(nn.LPPool1d(2, 2)), "use average pooling"),
        (nn.Sequential(nn.Identity(), nn.LPPool2d(2, 2)), "use average pooling"),
    ],
)
def test_what_no_polynomial_replaces_has_its_own_reason(network, reason):
    x = torch.randn(4, 5, 6)
    assert any(reason in str(item) for item in check(network))
    for how in ({"calibrate": [x]}, {"interval": 5.0}):
        with pytest.raises(ConversionError, match=reason):
            convert(network, precision=2**-7, **how)
