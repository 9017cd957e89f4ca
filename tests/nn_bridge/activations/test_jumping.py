"""Hardshrink, which jumps: its bounds against the function, outside the gaps and in them."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as functional
from torch import nn

from nn_bridge import check, convert, export, propagate
from nn_bridge.activations.jumping import Hardshrink
from nn_bridge.propagation import majorant

B = 6.0


def shrunk(precision, **options):
    network = nn.Sequential(nn.Identity(), nn.Hardshrink(**options))
    converted = convert(network, precision=precision, interval=B)
    (layer,) = converted.report.replacement.activations.values()
    assert isinstance(layer, Hardshrink)
    return converted, layer


@pytest.mark.parametrize("precision", [2**-4, 2**-7, 2**-10])
@pytest.mark.parametrize("threshold", [0.5, 2.0, 5.99])
def test_the_error_is_proven_outside_the_gaps_and_in_them(threshold, precision):
    converted, layer = shrunk(precision, lambd=threshold)
    edges = [s * (threshold + d * layer.gap) for s in (-1, 1) for d in (-1.0001, -0.5, -1e-9, 1e-9, 0.5, 1.0001)]
    x = torch.cat([torch.linspace(-B, B, 20001, dtype=torch.float64), torch.tensor(edges).double().clamp(-B, B)])
    off = (converted(x) - functional.hardshrink(x, threshold)).abs()
    far = (x.abs() - threshold).abs() >= layer.gap
    assert layer.gap <= B * precision * (1 + 1e-9) and layer.error_outside_gaps <= B * precision
    assert 0 < float(off[far].max()) <= layer.error_outside_gaps + 1e-12
    assert float(off.max()) <= layer.error_bound + 1e-12
    assert layer.error_bound > threshold  # the jump is in the bound of the interval
    assert check(converted, x) == ()


@pytest.mark.parametrize("function", [functional.hardshrink, torch.hardshrink, torch.ops.aten.hardshrink])
def test_every_spelling_costs_two_signs_and_a_product(function):
    class Written(nn.Module):
        def forward(self, x):
            return function(x * 1.0, 0.5)

    (site,) = convert(Written().eval(), precision=2**-7, interval=B).report.sites
    _, layer = shrunk(2**-7)
    one = layer.evaluator.approximation
    assert (site.levels, site.multiplications) == (one.levels + 1, 2 * one.multiplications + 1)


@pytest.mark.parametrize(("threshold", "exact"), [(7.0, 0.0), (6.0, 0.0), (0.0, 1.0), (-1.0, 1.0)])
def test_a_jump_that_is_not_reached_costs_nothing(threshold, exact):
    converted, layer = shrunk(2**-7, lambd=threshold)
    x = torch.linspace(-B, B, 101, dtype=torch.float64)
    assert torch.equal(converted(x), exact * x) and (layer.levels, layer.multiplications) == (0, 0)
    assert layer.error_bound == 0


def test_it_leaves_for_onnx_as_additions_and_multiplications(tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    x = 3 * torch.randn(5, 4, generator=torch.Generator().manual_seed(0))
    converted = convert(nn.Sequential(nn.Hardshrink(1.0), nn.Linear(4, 2)).eval(), precision=2**-5, interval=20.0)
    export(converted, x, tmp_path / "net.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "net.onnx")
    (got,) = session.run(None, {session.get_inputs()[0].name: x.numpy()})
    assert float((torch.from_numpy(got) - converted(x)).detach().abs().max()) < 1e-5


SLOPES = [
    (nn.SELU(), 1.7580993408), (nn.Mish(), 1.0884), (nn.ELU(2.5), 2.5), (nn.LeakyReLU(3.0), 3.0), (nn.GELU(), 1.1289),
    (nn.SiLU(), 1.0998), (nn.Hardswish(), 1.5),
]  # fmt: skip


@pytest.mark.parametrize(("layer", "slope"), SLOPES, ids=[type(one).__name__ for one, _ in SLOPES])
def test_the_rigorous_bound_knows_the_slope_of_every_activation(layer, slope):
    """A deviation of the first activation, at the point of the second's largest slope, is bounded."""
    network = nn.Sequential(nn.ReLU(), nn.Identity(), layer)
    result = convert(network, precision=2**-6, interval=8.0)
    activations = result.report.replacement.activations
    first, second = activations.values()
    found = majorant(network, activations, torch.Size([1]))
    assert float(found.logits[0]) >= slope * first.error_bound + second.error_bound - 1e-12


def test_the_rigorous_bound_counts_a_jump():
    network = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Hardshrink(0.25), nn.Linear(3, 2)).double().eval()
    network.requires_grad_(False)
    x = torch.randn(64, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    found = propagate(network, [(x, torch.zeros(64, dtype=torch.long))], precision=2**-7, interval=8.0)
    converted = convert(network, precision=2**-7, interval=8.0)
    assert found.bound is not None
    assert float((converted(x) - network(x)).abs().max()) <= found.bound
