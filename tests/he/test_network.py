"""Networks under encryption: the same outputs as the converted network in the clear."""

from __future__ import annotations

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

import polyapprox as pa  # noqa: E402
from nn_bridge import ArgumentError, ConversionError, convert  # noqa: E402
from nn_bridge.encrypted.network import evaluate_encrypted  # noqa: E402
from nn_bridge.experiments.encrypted_digits import encrypt_digits  # noqa: E402
from polyapprox.encrypted import BackendError, backend  # noqa: E402

pytestmark = pytest.mark.skipif(
    not backend("tenseal").find().found, reason="no TenSEAL; pip install tenseal"
)
CLOSE = 2.0**-26  # of outputs around 1, at 2^50 in a ring of 2^8


class Small(nn.Module):
    """Every layer that can be evaluated, ReLU called in several ways, a shortcut, a pool."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 2, 3, 1, 1)
        self.bn = nn.BatchNorm2d(2)
        self.conv2 = nn.Conv2d(2, 2, 3, 1, 1, bias=False)
        self.relu = nn.ReLU(inplace=True)
        self.pool = nn.AvgPool2d(2)
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(8, 4), nn.ReLU(), nn.Linear(4, 3))

    def forward(self, x):
        x = self.bn(self.conv1(x)).relu()
        x = functional.relu(self.conv2(x) + x)
        return self.head(self.pool(x))


def small(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    network = Small().eval()
    with torch.no_grad():
        network.bn.running_mean.uniform_(-0.3, 0.3)
        network.bn.running_var.uniform_(0.5, 1.5)
    return network


def images(count: int = 7) -> torch.Tensor:
    return torch.rand((count, 1, 4, 4), generator=torch.Generator().manual_seed(1))


def converted(multiplications: int = 4) -> nn.Module:
    relu = pa.circuit("relu", multiplications=multiplications)
    return convert(small(), approximation=relu, calibrate=[images(50)], margin=1.5)


def test_outputs_are_those_of_the_converted_network():
    network = converted()
    seen = []
    result = evaluate_encrypted(
        network, images(), progress=lambda done, total, name: seen.append((done, total, name))
    )
    with torch.no_grad():
        clear = network.double()(images().double()).numpy()
        exact = small()(images()).double().numpy()
    assert result.outputs.shape == (7, 3)
    assert np.abs(result.outputs - clear).max() < CLOSE
    assert 0 < np.abs(result.outputs - exact).max() < 0.1  # ReLU is approximated
    assert result.levels == 3 * (4 + 1) + 1
    assert result.stages[-1].levels == result.levels
    assert seen[-1] == (3, 3, "outputs")
    assert set(result.seconds) == {"context and keys", "encrypt", "evaluate", "decrypt"}
    assert result.parameters.security == "not secure, for tests"


def test_the_network_is_left_as_it_was():
    network = converted()
    with torch.no_grad():
        before = network(images())
    evaluate_encrypted(network, images(2))
    with torch.no_grad():
        assert torch.equal(network(images()), before)


def test_pooling_after_a_relu_adds_up_and_multiplies_once():
    network = nn.Sequential(nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(4, 2))
    network = convert(network, approximation=pa.circuit("relu", multiplications=3), interval=1.0)
    result = evaluate_encrypted(network, images())
    sums, outputs = result.stages[-2:]
    assert (sums.ciphertexts, sums.products) == (4, 0)
    assert (outputs.ciphertexts, outputs.products) == (2, 8)
    with torch.no_grad():
        clear = network.double()(images().double()).numpy()
    assert np.abs(result.outputs - clear).max() < CLOSE


@pytest.mark.parametrize(
    "layer, name",
    [(nn.Softmax(1), "softmax"), (nn.GroupNorm(1, 1), "group_norm"), (nn.Tanh(), "Tanh")],
)
def test_other_layers_are_refused_by_name(layer, name):
    network = nn.Sequential(layer, nn.ReLU())
    relu = pa.circuit("relu", multiplications=2)
    network = convert(network, approximation=relu, interval=1.0)
    with pytest.raises(ConversionError, match=name):
        evaluate_encrypted(network, images())


def test_batch_normalisation_of_a_network_in_training_uses_its_running_statistics():
    network = converted().train()
    result = evaluate_encrypted(network, images(3))
    with torch.no_grad():
        clear = network.eval().double()(images(3).double()).numpy()
    assert np.abs(result.outputs - clear).max() < CLOSE


def test_bad_input():
    with pytest.raises(ArgumentError, match="not converted"):
        evaluate_encrypted(small(), images())
    with pytest.raises(ArgumentError, match="from 1 to 128"):
        evaluate_encrypted(converted(), images(129))
    deep = nn.Sequential(*[nn.ReLU() for _ in range(10)])
    deep = convert(deep, approximation=pa.circuit("relu", multiplications=6), interval=1.0)
    with pytest.raises(BackendError, match="71 levels and SEAL has at most 62"):
        evaluate_encrypted(deep, images(2))


def test_digits_are_reported_and_written(tmp_path, monkeypatch):
    """The command's own function, with a network of two ReLUs in the place of the trained one."""
    from nn_bridge.experiments import encrypted_digits

    class Tiny(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(1, 2, 3, 2, 1)
            self.linear = nn.Linear(8, 10)

        def forward(self, x):
            return self.linear(functional.avg_pool2d(self.conv(x).relu(), 2).flatten(1))

    torch.manual_seed(3)
    monkeypatch.setattr(encrypted_digits, "_network", lambda: Tiny().eval())
    path = tmp_path / "found.json"
    record = encrypt_digits(path, images=5, multiplications=3)
    assert json.loads(path.read_text()) == record
    assert record["images"] == 5
    assert record["agree"] == 5
    assert 0 <= record["largest_deviation"] < CLOSE
    assert record["security"] == "not secure, for tests"
    assert record["levels"] == 5
    assert [stage["name"] for stage in record["stages"]][-1] == "outputs"
    with pytest.raises(ArgumentError, match="images is 0"):
        encrypt_digits(path, images=0)


def test_the_command_says_what_is_wrong_in_one_sentence(tmp_path, monkeypatch, capsys):
    from nn_bridge.cli import main

    out = tmp_path / "found.json"
    monkeypatch.setattr(
        "sys.argv", ["nn-bridge", "encrypt-digits", "--images", "129", "--out", str(out)]
    )
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert "images is 129: give from 1 to 128" in said
    assert len(said.strip().splitlines()) == 1
    assert not out.exists()
