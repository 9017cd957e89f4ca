"""Converted networks as files: only additions, multiplications and linear maps, run by others."""

import json

import pytest
import torch
import torch.nn.functional as functional
from relu_styles import seeded
from torch import nn

import polyapprox
from nn_bridge import ArgumentError, ConversionError, check, convert, export
from nn_bridge.models import ResNet

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
pytestmark = pytest.mark.filterwarnings("ignore")

PLAIN = {
    "Add", "Sub", "Mul", "Neg", "Conv", "Gemm", "MatMul", "BatchNormalization", "ReduceMean", "Reshape",
    "Flatten", "Transpose", "Concat", "Slice", "Pad", "Shape", "Gather", "Cast", "Constant", "Identity",
    "Squeeze", "Unsqueeze", "Expand", "AveragePool", "GlobalAveragePool", "Div", "Range", "CastLike",
}  # fmt: skip


def inputs(*shape, seed=1):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


class Mixed(nn.Module):
    """Functions, a pool, a layer used twice, in place."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1, stride=2)
        self.act = nn.ReLU(inplace=True)
        self.gelu = nn.GELU()
        self.head = nn.Linear(4, 3)

    def forward(self, x):
        x = self.act(self.conv(x))
        x = functional.max_pool2d(x, 2)
        x = self.act(self.gelu(x) - 0.1)
        return self.head(functional.hardswish(x.mean((2, 3))))


def small_resnet():
    return ResNet(20)


def test_a_network_that_computes_in_float64_inside_is_exported(tmp_path):
    x = inputs(4, 3, 16, 16)
    converted = convert(seeded(Mixed).eval(), precision=2**-10, calibrate=[x], margin=1.5)
    assert "float64" in {site.dtype for site in converted.report.sites}
    session = onnxruntime.InferenceSession(
        export(converted, x[:1], tmp_path / "net.onnx"), providers=["CPUExecutionProvider"]
    )
    (got,) = session.run(None, {session.get_inputs()[0].name: x.numpy()})
    with torch.no_grad():
        assert (torch.from_numpy(got) - converted(x)).abs().max() < 1e-6
    doubles = [t for t in onnx.load(tmp_path / "net.onnx").graph.initializer if t.data_type == 11]
    values = [float(onnx.numpy_helper.to_array(t)) for t in doubles if not t.dims]
    rounded = sum(float(torch.tensor(v, dtype=torch.float32)) == v for v in values)
    assert len(values) > 20 and rounded < len(values) / 2  # coefficients are not those of float32


@pytest.mark.parametrize("make", [Mixed, small_resnet], ids=["mixed", "resnet20"])
def test_onnxruntime_computes_what_the_converted_network_computes(make, tmp_path):
    x = inputs(4, 3, 16, 16)
    converted = convert(seeded(make).eval(), precision=2**-7, calibrate=[x], margin=1.5)
    path = export(converted, x[:1], tmp_path / "net.onnx")
    model = onnx.load(path)
    assert {node.op_type for node in model.graph.node} <= PLAIN
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for count in (1, 3, 4):
        (got,) = session.run(None, {session.get_inputs()[0].name: x[:count].numpy()})
        with torch.no_grad():
            expected = converted(x[:count])
        scale = float(expected.abs().max())
        assert float((torch.from_numpy(got) - expected).abs().max()) <= 2e-6 * max(1.0, scale)
    beside = json.loads(path.with_suffix(".json").read_text())
    sites = beside["conversion"]["sites"]
    assert len(sites) == len(converted.report.sites)
    assert {"site", "bound", "depth", "multiplications"} <= set(sites[0])
    assert beside["operations"]


class Windows(nn.Module):
    """Every kind of convolution and mean pool: groups, dilation, strides, paddings."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 8, (3, 2), padding="same")
        self.depthwise = nn.Conv2d(8, 8, 3, stride=2, padding=1, groups=8, bias=False)
        self.dilated = nn.Conv2d(8, 6, 3, padding=2, dilation=2, groups=2)
        self.pointwise = nn.Conv2d(6, 4, 1, stride=2)
        self.flat = nn.Conv1d(4, 4, 3, padding=1)

    def forward(self, x):
        x = self.dilated(self.depthwise(self.first(x).relu()).relu())
        x = functional.avg_pool2d(x, 2, 1) + functional.avg_pool2d(x, 3, 1, 1)[..., 1:, 1:]
        x = functional.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
        x = functional.adaptive_avg_pool2d(self.pointwise(x).relu(), (3, 1))
        return self.flat(x.flatten(2)).mean(2)


def test_in_float64_onnxruntime_computes_the_same_to_the_last_digits(tmp_path):
    x = inputs(4, 3, 18, 18).double()
    converted = convert(seeded(Windows).eval().double(), precision=2**-7, calibrate=[x], margin=1.5)
    path = export(converted, x[:1], tmp_path / "net.onnx")
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for count in (1, 4):
        (got,) = session.run(None, {session.get_inputs()[0].name: x[:count].numpy()})
        with torch.no_grad():
            expected = converted(x[:count])
        assert got.dtype == "float64"
        assert float((torch.from_numpy(got) - expected).abs().max()) <= 1e-12


def test_a_mean_beyond_its_input_is_refused_in_float64(tmp_path):
    x = inputs(2, 3, 8, 8).double()
    network = nn.Sequential(nn.Conv2d(3, 2, 1), nn.ReLU(), nn.AvgPool2d(3, 2, ceil_mode=True))
    converted = convert(network.double().eval(), precision=2**-6, calibrate=[x])
    with pytest.raises(ConversionError, match="ceil_mode goes beyond its input"):
        export(converted, x, tmp_path / "net.onnx")
    assert not list(tmp_path.iterdir())


def test_torch_reads_its_own_file(tmp_path):
    x = inputs(4, 3, 16, 16)
    converted = convert(seeded(Mixed).eval(), precision=2**-7, calibrate=[x], margin=1.5)
    program = torch.export.load(export(converted, x, tmp_path / "net.pt2"))
    for count in (1, 4):
        assert torch.allclose(program.module()(x[:count]), converted(x[:count]), atol=1e-6)


def test_folded_scales(tmp_path):
    x = inputs(8, 4)
    network = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 2)).eval()
    converted = convert(network, precision=2**-7, calibrate=[x], interval="per-channel", margin=1.5)
    path = export(converted, x, tmp_path / "net.pt2", fold=True)
    program = torch.export.load(path)
    assert torch.allclose(program.module()(x), converted(x), atol=1e-5)
    beside = json.loads(path.with_suffix(".json").read_text())
    assert beside["folded"] and beside["conversion"]["sites"][0]["bound"] == 1.0


def test_what_remains_is_named_and_nothing_is_written(tmp_path):
    network = nn.Sequential(nn.Linear(3, 3), nn.ReLU(), nn.Softmax(1)).eval()
    converted = convert(network, precision=2**-6, interval=4.0)
    for name in ("net.onnx", "net.pt2"):
        with pytest.raises(ConversionError, match=r"not polynomial: softmax \(1 times\)"):
            export(converted, inputs(2, 3), tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_bad_input(tmp_path):
    network = nn.Sequential(nn.Linear(3, 3), nn.ReLU())
    converted = convert(network, precision=2**-6, interval=4.0)
    with pytest.raises(ArgumentError, match=r"path is 'net.txt': end it in .onnx or .pt2"):
        export(converted, inputs(2, 3), "net.txt")
    with pytest.raises(ArgumentError, match="the network is not converted"):
        export(network, inputs(2, 3), tmp_path / "net.pt2")
    with pytest.raises(ArgumentError, match="example is no batch"):
        export(converted, None, tmp_path / "net.pt2")
    with pytest.raises(ConversionError, match=r"torch\.export cannot capture this network"):
        export(converted, inputs(2, 5), tmp_path / "net.pt2")


class Standardised(nn.Linear):
    """Its weights have mean 0 and deviation 1, made so whenever it runs."""

    def forward(self, x):
        weight = (self.weight - self.weight.mean(1, keepdim=True)) / self.weight.std(1, keepdim=True)
        return functional.linear(x, weight, self.bias)


class Embedded(nn.Linear):
    """Adds a table that is resized whenever it runs."""

    def __init__(self, *size):
        super().__init__(*size)
        self.table = nn.Parameter(inputs(1, 1, 2, 2))

    def forward(self, x):
        torch._assert(x.shape[-1] == 4, "four columns")
        table = functional.interpolate(self.table, scale_factor=2.0, mode="bicubic").exp().sum((1, 2))
        return super().forward(x) + table


def normalised(*size):
    return nn.utils.parametrizations.spectral_norm(nn.Linear(*size))


def test_what_depends_on_weights_alone_is_computed_before_it_is_written(tmp_path):
    x = inputs(16, 4)
    makers = (Standardised, Embedded, normalised)
    network = seeded(lambda: nn.Sequential(*(make(4, 4) for make in makers), nn.ReLU())).eval()
    converted = convert(network, approximation=polyapprox.circuit("relu", multiplications=2), calibrate=[x])
    assert not check(converted) and not check(converted, x)
    session = onnxruntime.InferenceSession(export(converted, x[:1], tmp_path / "net.onnx"))
    (got,) = session.run(None, {session.get_inputs()[0].name: x.numpy()})
    with torch.no_grad():
        assert (torch.from_numpy(got) - converted(x)).abs().max() < 1e-5
    assert {node.op_type for node in onnx.load(tmp_path / "net.onnx").graph.node} <= PLAIN


@pytest.mark.parametrize("spoiled", [
    lambda w, x: torch.cat([w[1:], x[:1]]),
    lambda w, x: w.clone().add_(x.mean(0)),
    lambda w, x: w.clone().index_copy(0, torch.tensor([0]), x[:1]),
])  # fmt: skip
def test_weights_mixed_with_inputs_are_not_known_before(spoiled, tmp_path):
    class Mixing(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(inputs(5, 4))

        def forward(self, x):
            return torch.relu(x) + spoiled(self.weight, x).exp().sum(0)

    x = inputs(16, 4)
    assert "exp" in {item.operation for item in check(Mixing())}
    assert "exp" in {item.operation for item in check(Mixing(), x)}
    with pytest.raises(ConversionError, match=r"exp \(1 times\)"):
        export(convert(Mixing(), precision=2**-3, calibrate=[x]), x, tmp_path / "net.pt2")
