"""A network that nobody prepared goes all the way: converted, propagated, folded, exported, and back."""

from __future__ import annotations

import json

import pytest
import torch
from relu_styles import seeded
from torch import nn
from torch.nn import functional

from nn_bridge import check, convert, export, fold, propagate, restore

PRECISION = 2**-8


class Stranger(nn.Module):
    """Functions, a shared layer, calls in place, shortcuts over layers, two outputs in a tuple."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.act = nn.ReLU(inplace=True)
        self.one, self.two = nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.down = nn.Conv2d(4, 6, 1)
        self.head, self.other = nn.Linear(6, 5), nn.Linear(6, 2)

    def block(self, x):
        y = self.act(self.one(x))
        y = self.two(y)
        y += x
        return functional.relu_(y)

    def forward(self, x):
        x = start = self.act(self.norm(self.stem(x)))
        for _ in range(2):
            x = self.block(x)
        x = torch.relu(self.down(functional.avg_pool2d(x + start, 2)))
        x = x.mean((2, 3))
        return self.head(x), self.other(x.relu())


def images(count, seed=1):
    return torch.randn(count, 1, 8, 8, generator=torch.Generator().manual_seed(seed)).double()


@pytest.fixture(scope="module")
def stranger():
    network = seeded(Stranger).double()
    with torch.no_grad():
        network.norm(network.stem(images(32)))  # statistics of its own
    return network.eval()


@pytest.mark.filterwarnings("ignore")
def test_a_stranger_goes_all_the_way(stranger, tmp_path):
    x, new = images(32), images(5, seed=2)
    exact = stranger(new)
    converted = convert(stranger, precision=PRECISION, calibrate=[x], margin=2.0)
    assert converted.report.capture == "layers" and len(converted.report.sites) == 7
    assert check(converted, new) == ()
    value = converted(new)
    assert isinstance(value, tuple) and len(value) == 2
    for got, wanted in zip(value, exact, strict=True):
        assert 1e-6 < float((got - wanted).abs().max()) < 0.1

    found = propagate(stranger, [new], precision=PRECISION, calibrate=[x], margin=2.0)
    observed = float((value[0] - exact[0]).square().mean().sqrt())
    assert len(found.layers) == 7
    assert found.deviation["all"] == pytest.approx(observed, rel=1e-6)

    folded = fold(converted, shape=(1, 8, 8))
    for got, wanted in zip(folded(new), value, strict=True):
        assert float((got - wanted).abs().max()) < 1e-9

    for given in (converted, folded):
        program = torch.export.load(export(given, new, tmp_path / "net.pt2"))
        for got, wanted in zip(program.module()(x), given(x), strict=True):
            assert float((got - wanted).abs().max()) < 1e-9
    written = json.loads((tmp_path / "net.json").read_text())["operations"]
    assert not {name for name in written if "relu" in name}

    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(
        export(converted, new, tmp_path / "net.onnx"), providers=["CPUExecutionProvider"]
    )
    for got, wanted in zip(session.run(None, {session.get_inputs()[0].name: new.numpy()}), value, strict=True):
        assert float((torch.from_numpy(got) - wanted).abs().max()) < 1e-9

    for got, wanted in zip(restore(converted)(new), exact, strict=True):
        assert torch.equal(got, wanted)
