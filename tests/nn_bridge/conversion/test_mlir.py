"""Networks as MLIR: HEIR reads the file, computes the network, and compiles it in the levels foretold."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from relu_styles import seeded
from torch import nn

from nn_bridge import ConversionError, convert, export
from nn_bridge.encrypted import mlir

HEIR = shutil.which("heir-opt") or shutil.which("heir-opt", path=str(Path(sys.executable).parent))
NUMBER = r"%[\w#]+"


class Shortcuts(nn.Module):
    """Layers of which three see the same values, a constant factor, an activation of three ReLUs."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.head = nn.Linear(6, 8), nn.Linear(8, 8), nn.Linear(8, 3)

    def forward(self, x):
        x = nn.functional.relu6(self.first(x))
        y = (self.second(x) + x).relu()
        return self.head(y * 0.5 - x)


def convolutional():
    return nn.Sequential(
        nn.Conv2d(1, 2, 3, 2, 1), nn.BatchNorm2d(2), nn.ReLU(), nn.Conv2d(2, 3, 3), nn.SiLU(),
        nn.AvgPool2d(2), nn.Flatten(), nn.Linear(3, 2),
    )  # fmt: skip


def made(network, shape, folder):
    torch.manual_seed(0)
    x = torch.randn(8, *shape)
    converted = convert(network.eval(), precision=2**-4, calibrate=[x])
    return converted, x, export(converted, x, folder / "net.mlir")


def constants(text):
    """Tensor constants, of bytes or of decimals."""
    found = {}
    pattern = rf"({NUMBER}) = arith\.constant dense<(.*?)> : tensor<([\dx]+)xf64>"
    for name, content, sizes in re.findall(pattern, text):
        shape = tuple(map(int, sizes.split("x")))
        if content.startswith('"0x'):
            values = np.frombuffer(bytes.fromhex(content[3:-1]), "<f8")
        else:
            values = np.array(json.loads(content), np.float64)
        found[name] = np.broadcast_to(values, shape) if values.size == 1 else values.reshape(shape)
    return found


def interpreted(text, x):
    """The function of a file on the values of one image."""
    values = {re.search(rf"func\.func @network\(({NUMBER}):", text)[1]: x.reshape(-1), **constants(text)}
    pattern = rf"({NUMBER}) = (arith\.\w+f|linalg\.matvec) (.*)"
    for name, kind, rest in re.findall(pattern, text):
        a, b, *outs = (values[one] for one in re.findall(NUMBER, rest))
        values[name] = {
            "arith.mulf": lambda a=a, b=b: a * b,
            "arith.addf": lambda a=a, b=b: a + b,
            "arith.subf": lambda a=a, b=b: a - b,
            "linalg.matvec": lambda a=a, b=b, outs=outs: a @ b + outs[0],
        }[kind]()
    return values[re.search(rf"return ({NUMBER})", text)[1]]


def heir(*arguments):
    done = subprocess.run([HEIR, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and not done.stderr, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "make, shape", [(Shortcuts, (6,)), (convolutional, (1, 8, 8))], ids=["shortcuts", "convolutional"]
)
def test_the_file_computes_the_network_and_heir_compiles_it(make, shape, tmp_path):
    converted, x, path = made(seeded(make), shape, tmp_path)
    text = path.read_text()
    with torch.no_grad():
        expected = converted.double()(x.double()).numpy()
    for one, value in zip(x.double().numpy(), expected, strict=True):
        assert np.abs(interpreted(text, one) - value).max() < 1e-10
    beside = json.loads(path.with_suffix(".json").read_text())["operations"]
    assert set(beside) == {"arith.constant", "arith.mulf", "arith.addf", "arith.subf", "linalg.matvec"}
    if HEIR is None:
        pytest.skip("needs heir-opt, of the wheel heir-py")
    assert np.abs(interpreted(heir(path), x[0].double().numpy()) - expected[0]).max() < 1e-10
    compiling, lowering = re.search("^// compile: heir-opt (.*)$", text, re.MULTILINE)[1].split()
    levels = int(compiling.rpartition("=")[2])
    compiled = heir(compiling, path)
    assert max(map(int, re.findall(r"level = (\d+)", compiled))) == levels
    assert "bootstrap" not in compiled
    assert heir(compiling, lowering, path).count("openfhe.") > 10


def test_a_network_without_an_activation_in_between_and_one_value(tmp_path):
    network = nn.Sequential(nn.Linear(3, 1), nn.ReLU())
    converted, x, path = made(seeded(lambda: network), (3,), tmp_path)
    value = interpreted(path.read_text(), x[0].double().numpy())
    assert abs(value - converted.double()(x[:1].double()).detach().numpy()[0]).max() < 1e-12


def test_what_cannot_be_written_is_named(tmp_path, monkeypatch):
    with pytest.raises(ConversionError, match="softmax"):
        made(nn.Sequential(nn.Linear(3, 3), nn.ReLU(), nn.Softmax(1)), (3,), tmp_path)
    monkeypatch.setattr(mlir, "LARGEST", 20)
    with pytest.raises(ConversionError, match="have 21 numbers with their zeros"):
        made(nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 3)), (4,), tmp_path)
    assert not list(tmp_path.iterdir())
