"""The rigorous bound holds whatever stands between activations, or there is none."""

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import parametrizations

from nn_bridge import ConversionError, convert
from nn_bridge.propagation import majorant


class Net(nn.Module):
    """Three activations, and something of a case before the last map."""

    def __init__(self, case):
        super().__init__()
        torch.manual_seed(0)
        self.case = case
        self.a, self.b, self.c = nn.Linear(4, 6), nn.Linear(6, 6), nn.Linear(6, 3)
        self.own, self.matrix = nn.Parameter(torch.randn(6)), nn.Parameter(torch.randn(3, 6))
        self.normed, self.steep = parametrizations.weight_norm(nn.Linear(6, 3)), nn.PReLU(6, init=-2.0)

    def forward(self, x):
        first = torch.relu(self.a(x))
        return self.case(self, first, torch.relu(self.b(first)))


def in_place(call):
    def case(net, h, k):
        call(h, k)
        return net.c(h)

    return case


LINEAR = {
    "weights of its own": lambda net, h, k: functional.linear(h, net.matrix),
    "weights that are computed": lambda net, h, k: net.normed(h),
    "a product of matrices": lambda net, h, k: h @ net.matrix.T,
    "a difference": lambda net, h, k: net.c(h - k),
    "a difference by alpha": lambda net, h, k: net.c(torch.add(h, k, alpha=-1)),
    "a difference in place": in_place(lambda h, k: h.sub_(k)),
    "a negative number added": lambda net, h, k: net.c(h + (-3.0)),
    "a parameter added": lambda net, h, k: net.c(h + net.own),
    "subtracted from a number": lambda net, h, k: net.c(1 - h),
    "a constant joined": lambda net, h, k: functional.linear(
        torch.cat([h, -net.own.square()[None].expand(len(h), 6)], 1), net.matrix.abs().repeat(1, 2)
    ),
    "negative constants": lambda net, h, k: net.c(h * -3 / net.own),
    "a negative padding": lambda net, h, k: functional.linear(
        functional.pad(h, (0, 1), value=-9.0), torch.cat([net.matrix, net.matrix[:, :1]], 1)
    ),
    "normalisation of its own": lambda net, h, k: net.c(
        functional.batch_norm(h, net.own, net.own.square() + 1e-3, net.own, net.own)
    ),
    "pools": lambda net, h, k: net.c(
        functional.avg_pool1d(functional.max_pool1d(h[:, None], 3, 1, 1), 3, 1, 1)[:, 0]
    ),
    "turned halves": lambda net, h, k: net.c(torch.cat([h.chunk(2, 1)[1], -h[:, :3]], 1)),
}
AROUND = {
    "minimum": lambda net, h, k: net.c(torch.minimum(h, net.b(k))),
    "maximum": lambda net, h, k: net.c(torch.maximum(h, 9 * net.b(k))),
    "maximum with weights": lambda net, h, k: net.c(torch.maximum(net.b(h), net.own)),
    "clamp above": lambda net, h, k: net.c(net.b(h).clamp(max=0.5)),
    "clamp in place": in_place(lambda h, k: h.clamp_(max=0.3)),
    "where": lambda net, h, k: net.c(torch.where(k < 0, k, 0)),
    "abs": lambda net, h, k: net.c(net.b(h).abs()),
    "softshrink": lambda net, h, k: net.c(functional.softshrink(net.b(h))),
    "tanhshrink": lambda net, h, k: net.c(functional.tanhshrink(net.b(h))),
    "steep PReLU": lambda net, h, k: net.c(net.steep(net.b(h))),
}
CASES = {**LINEAR, **AROUND}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_rigorous_bound_is_above_every_deviation(case):
    network = Net(case).double().eval()
    x = torch.randn(200, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    converted = convert(network, precision=2**-5, calibrate=[x], margin=2.0, improve=False)
    with torch.no_grad():
        seen = (converted(x) - network(x)).abs().amax(0)
    found = majorant(network, converted.report.replacement.activations, x.shape[1:])
    assert bool((found.logits >= seen).all()) and bool((seen > 0).all())
    assert min(found.sites.values()) >= 0


REFUSED = {
    "dropout": lambda net, h, k: net.c(functional.dropout(h, 0.9)),
    "batch_norm": lambda net, h, k: net.c(functional.batch_norm(h, None, None, training=True)),
    "rdiv": lambda net, h, k: net.c(1 / (1 + h)),
    "mul": lambda net, h, k: net.c(h * k),
    "add": lambda net, h, k: net.c(torch.ones_like(h).add_(h)),
    "setitem": in_place(lambda h, k: h.__setitem__((slice(None), 0), 9.0)),
    "F.glu": lambda net, h, k: functional.glu(net.b(h)),
    "F.rrelu": lambda net, h, k: net.c(functional.rrelu(h, -4.0, -3.0)),
    "not seen to come": lambda net, h, k: torch.ones(len(h), 3, dtype=h.dtype),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_may_not_be_linear_has_no_rigorous_bound(name):
    network = Net(REFUSED[name]).double().eval()
    x = torch.randn(20, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    activations = convert(network, precision=2**-5, calibrate=[x], improve=False).report.replacement.activations
    with pytest.raises(ConversionError, match=name):
        majorant(network, activations, x.shape[1:])


def test_tokens_do_not_deviate_and_their_embeddings_are_constants():
    torch.manual_seed(1)
    network = nn.Sequential(nn.Embedding(20, 6), nn.Flatten(), nn.Linear(24, 9), nn.ReLU(), nn.Linear(9, 3)).double().eval()
    tokens = torch.randint(20, (40, 4), generator=torch.Generator().manual_seed(2))
    converted = convert(network, precision=2**-5, calibrate=[tokens], improve=False)
    activations = converted.report.replacement.activations
    found = majorant(network, activations, tokens.shape[1:], tokens.dtype)
    with torch.no_grad():
        assert bool((found.logits >= (converted(tokens) - network(tokens)).abs().amax(0)).all())
    expected = network[4].weight.detach().abs().sum(1) * activations["3"].error_bound
    assert torch.allclose(found.logits, expected, rtol=1e-12)
