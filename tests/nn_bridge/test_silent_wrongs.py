"""What once gave a wrong value without a word: each is right now, or refused, one test for each kind."""

from __future__ import annotations

import copy
import io
import math
import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from torch import nn
from torch.utils.checkpoint import checkpoint
from torchvision_here import torchvision

from nn_bridge import (
    ConversionError,
    RangeWarning,
    calibrate,
    check,
    convert,
    evaluate,
    restore,
    sturdy,
)
from nn_bridge.errors import ArgumentError
from nn_bridge.training import Configuration, fit

PRECISION = 2**-7


def drawn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


class Net(nn.Module):
    """A layer used twice, functional and in-place calls, a method of its own."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.a, self.b, self.c = nn.Linear(6, 8), nn.Linear(8, 8), nn.Linear(8, 3)
        self.act = nn.ReLU(inplace=True)

    def features(self, x):
        return self.act(self.b(self.act(3 * self.a(x)) / 10))

    def forward(self, x):
        h = functional.relu(self.features(x) - 0.1)
        return self.c(h)


X = drawn(40, 6)


def converted(make=Net, **options):
    network = make().double().eval()
    return convert(network, precision=PRECISION, calibrate=[X], **options)


def replaced(network, make=Net):
    """Whether a converted network differs from its original, as it does at this precision."""
    return float((network(X) - make().double()(X)).abs().max()) > 1e-4


class Pools(Net):
    """Of two activations at each value, and of three."""

    def forward(self, x):
        h = functional.max_pool1d(self.a(x)[:, None], 2)[:, 0]
        return nn.functional.gelu(h) + functional.relu6(3 * h)


class Branches(Net):
    """Joined values, a product of two activations, a clamp."""

    def forward(self, x):
        h = self.a(x)
        return torch.cat([h.clamp(min=0) * functional.silu(h), functional.leaky_relu(h - 1)], 1)


KINDS = pytest.mark.parametrize("make", [Net, Pools, Branches])


@KINDS
@pytest.mark.filterwarnings("ignore")
def test_the_older_onnx_exporter_writes_the_polynomial(make):
    onnxruntime, network = pytest.importorskip("onnxruntime"), converted(make).float()
    file = io.BytesIO()
    torch.onnx.export(network, (X[:2].float(),), file, dynamo=False)
    session = onnxruntime.InferenceSession(file.getvalue(), providers=["CPUExecutionProvider"])
    (entry,) = session.get_inputs()
    (got,) = session.run(None, {entry.name: X[5:7].float().numpy()})  # not the example
    with torch.no_grad():
        assert (torch.from_numpy(got) - network(X[5:7].float())).abs().max() < 1e-5
    assert replaced(network.double(), make)


@KINDS
def test_a_feature_extractor_computes_the_polynomials(make):
    torchvision()
    from torchvision.models.feature_extraction import create_feature_extractor, get_graph_node_names

    network = converted(make)
    last = get_graph_node_names(network)[1][-1]
    found = create_feature_extractor(network, {last: "value"})(X)["value"]
    assert (found - network(X)).abs().max() < 1e-12 and replaced(network, make)


def test_a_symbolic_trace_computes_the_polynomials_of_every_run_of_a_layer():
    network = converted()
    assert len({site.bound for site in network.report.sites}) == 3
    assert (torch.fx.symbolic_trace(network)(X) - network(X)).abs().max() < 1e-12
    assert replaced(network)


@pytest.mark.parametrize("call", ["features", "features_of_a_subclass"])
def test_a_method_called_in_place_of_the_network_is_refused(call):
    class Other(Net):
        def features_of_a_subclass(self, x):
            return torch.relu(self.a(x))

    with pytest.raises(ConversionError, match=f"Other.{call} (calls torch.relu itself|runs 'act')"):
        getattr(converted(Other), call)(X)


class Segments(Net):
    reentrant = False

    def forward(self, x):
        return self.c(checkpoint(lambda h: functional.relu(self.b(h)), self.a(x), use_reentrant=self.reentrant))


class Reentrant(Segments):
    reentrant = True


class Methods(Segments):
    def inner(self, h):
        return torch.relu(self.b(h))

    def forward(self, x):
        return self.c(checkpoint(self.inner, self.a(x), use_reentrant=False))


@pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad")  # while it is measured
@pytest.mark.parametrize("make", [Segments, Reentrant, Methods])
def test_checkpointing_has_the_gradients_of_the_polynomial(make):
    class Plain(Net):
        def forward(self, x):
            return self.c(functional.relu(self.b(self.a(x))))

    gradients = []
    for one in (converted(make), converted(Plain)):
        one(X).square().sum().backward()
        gradients.append(one.b.weight.grad.clone())
    assert torch.allclose(*gradients, rtol=1e-9)


@pytest.mark.parametrize(
    ("rest", "named"),
    [
        (lambda x: x.log_softmax(-1), "log_softmax"),
        (lambda x: 1 / (1 + x.square()), "truediv"),
        (lambda x: x.exp(), "exp"),
    ],
)
def test_check_without_an_example_names_what_is_left(rest, named):
    class Left(Net):
        def forward(self, x):
            return rest(super().forward(x))

    left = [str(item) for item in check(converted(Left))]
    assert any(named in item for item in left), left


def test_check_does_not_know_compiled_code():
    @torch.jit.script
    def swish(x):
        return x * torch.sigmoid(x)

    class Scripted(nn.Module):
        def forward(self, x):
            return swish(x)

    assert [item.known for item in check(Scripted())] == [False]
    inside = nn.Sequential(nn.Identity(), torch.jit.script(nn.Sequential(nn.Linear(2, 2), nn.SiLU())))
    assert {item.known for item in check(inside)} == {False}


class Wrapper(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return self.inner(x) + 0 * self.inner.c.bias.sum()


@pytest.mark.parametrize("wrap", [lambda net: nn.Sequential(nn.Identity(), net), Wrapper, nn.DataParallel])
def test_a_wrapped_network_counts_what_was_outside(wrap):
    found = evaluate(wrap(converted()), [(9 * X, torch.zeros(40))])
    assert found.outside > 0 and len(found.sites) == 3


def test_several_inputs_reach_the_network_while_it_is_measured():
    class Masked(nn.Module):
        def forward(self, x, mask=None):
            return torch.relu(x if mask is None else x * mask)

    ones = torch.ones(4, 2)
    assert calibrate(Masked(), [(ones, 130 * ones)]) == {"/relu1": 130.0}
    assert calibrate(Masked(), [{"x": ones, "mask": 130 * ones}]) == {"/relu1": 130.0}


def test_a_state_holds_the_intervals():
    one, other = converted(), converted(margin=3.0)
    assert not torch.equal(one(X), other(X))
    other.load_state_dict(one.state_dict())
    assert torch.equal(one(X), other(X))
    with pytest.raises(RuntimeError, match="Missing key"):
        other.load_state_dict(Net().double().state_dict())


class Skips(Net):
    skip = False

    def forward(self, x):
        x = self.a(x)
        if not self.skip:
            x = 50 * torch.relu(x)
        x = functional.relu(self.b(x)) if not self.skip else self.act(self.b(x))
        return self.c(x)


class Returns(Net):
    def __init__(self):
        super().__init__()
        self.settings = SimpleNamespace(early=False)

    def forward(self, x):
        h = functional.relu(self.a(x))
        return self.c(h) if self.settings.early else self.c(functional.relu(30 * self.b(h)))


class Keeps(Net):
    keep = (True, True)

    def step(self, x, index):
        return functional.relu((1, 40)[index] * self.b(x)) if self.keep[index] else x

    def forward(self, x):
        return self.c(self.step(self.step(self.a(x), 0), 1))


@pytest.mark.parametrize(
    ("make", "change", "said"),
    [
        (Skips, lambda net: setattr(net, "skip", True), r"Skips.skip was False .* is True now"),
        (Returns, lambda net: setattr(net.settings, "early", True), "Returns.settings.early was False"),
        (Keeps, lambda net: setattr(net, "keep", (False, True)), "Keeps.keep was"),
    ],
)  # fmt: skip
def test_a_layer_that_is_skipped_from_now_on_is_refused(make, change, said):
    network = converted(make)
    expected = network(X)
    twin = copy.deepcopy(network)
    change(network)
    with pytest.raises(ConversionError, match=said):
        network(X)
    assert torch.equal(twin(X), expected)
    exact, given = restore(network), make().double()
    change(given)
    assert torch.equal(exact(X), given(X))


@pytest.mark.parametrize("drawn", [random.random, lambda: float(torch.rand(())), np.random.random])
def test_layers_left_out_at_random_are_refused_where_they_could_be_confused(drawn):
    class Drops(Net):
        def forward(self, x):
            x = self.a(x)
            for size in (1, 40):
                if not self.training or drawn() > 0.5:
                    x = functional.relu(size * self.b(x))
            return self.c(x)

    with pytest.raises(ConversionError, match=r"Drops draws random numbers .* calls 2 activations itself"):
        converted(Drops)


class Branch(Net):
    """The data decide whether its first activation is called."""

    def forward(self, x):
        x = functional.relu(self.a(x)) if x.sum() > 0 else self.a(x)
        return self.c(functional.relu(40 * self.b(x)))


@pytest.mark.parametrize("wrap", [lambda net: net, lambda net: nn.Sequential(nn.Identity(), net)])
def test_a_pass_that_leaves_out_a_call_is_refused(wrap):
    network = convert(wrap(Branch().double()), precision=PRECISION, calibrate=[X.abs()])
    assert torch.isfinite(network(X.abs())).all()
    with pytest.raises(ConversionError, match="called relu 1 times in this pass, and 2 times before"):
        network(-X.abs())
    one = convert(wrap(Branch().double()), precision=PRECISION, interval=200.0)  # one interval for all of them
    assert torch.isfinite(one(-X.abs())).all()


def test_a_forward_that_holds_the_network_is_refused_before_it_is_copied():
    network = Net().double()
    forward = network.a.forward
    network.a.forward = lambda x: 2 * forward(x)
    with pytest.raises(ConversionError, match="a has a forward set on it that holds the network itself"):
        convert(network, precision=PRECISION, calibrate=[X])
    exact = network(X)
    assert (convert(network, precision=PRECISION, calibrate=[X], inplace=True)(X) - exact).abs().max() < 0.2


@pytest.mark.parametrize("place", ["network", "layer"])
def test_a_forward_that_is_set_anew_runs_the_polynomials_or_is_refused(place):
    network = converted()
    target = network if place == "network" else network.a
    forward = target.forward
    expected = network(X)
    target.forward = lambda *args, **kwargs: forward(*args, **kwargs)
    assert torch.equal(network(X), expected)
    assert all(site.bound > 0 for site in network.report.sites) and len(network.report.sites) == 3


@pytest.mark.parametrize("threshold", [0.1, 1.0])
def test_a_softplus_that_jumps_is_refused(threshold):
    layer = nn.Sequential(nn.Softplus(threshold=threshold))
    with pytest.raises(ConversionError, match="it jumps"):
        convert(layer, precision=PRECISION, interval=4.0)
    near = convert(nn.Sequential(nn.Softplus(threshold=20)), precision=PRECISION, interval=30.0)
    x = torch.linspace(-30, 30, 2001, dtype=torch.float64)
    off = float((near(x) - functional.softplus(x)).abs().max())
    assert off <= near.report.sites[0].error_bound


@pytest.mark.parametrize("layer", [nn.ReLU6(), nn.LeakyReLU(), nn.SiLU(), nn.GELU(), nn.ELU()])
def test_noise_reaches_every_activation(layer):
    network = nn.Sequential(nn.Linear(6, 8), layer, nn.Linear(8, 3)).double()
    exact = network(X)
    handle = sturdy(network, precision=4, calibrate=[X])
    network.train()
    one, other = network(X), network(X)
    assert not torch.equal(one, exact) and not torch.equal(one, other)
    network.eval()
    assert torch.equal(network(X), exact)
    handle.off()


@pytest.mark.parametrize("call", [functional.relu_, functional.elu_, functional.hardtanh_])
@pytest.mark.parametrize("training", [False, True])
def test_an_in_place_call_whose_value_is_ignored_counts(training, call):
    class Ignores(Net):
        def forward(self, x):
            h = self.a(x)
            call(h)
            k = self.b(h) + 0
            self.act(k)
            return self.c(k)

    network = converted(Ignores).train(training)
    exact = Ignores().double()
    with torch.no_grad():
        off = float((network(X) - exact(X)).abs().max())
    assert 1e-5 < off < 0.2


def test_inputs_outside_are_told():
    network = converted()
    network(X)
    with pytest.warns(RangeWarning, match="times its end"):
        network(5 * X)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
@KINDS
def test_a_jit_trace_takes_batches_of_another_size(make):
    network = converted(make)
    traced = torch.jit.trace(network, X[:1])
    assert (traced(X) - network(X)).abs().max() < 1e-12 and replaced(network, make)


def test_a_loader_given_to_fit_is_refused():
    with pytest.raises(ArgumentError, match="data is a DataLoader"):
        fit(Configuration("digits"), data=torch.utils.data.DataLoader([1]))


@pytest.mark.parametrize("make", [lambda: nn.Sequential(nn.Linear(6, 6), nn.ReLU6())])
def test_what_it_cannot_reach_changes_nothing(make):
    network = convert(make().double(), precision=PRECISION, calibrate=[X])
    assert math.isfinite(float(network(X).sum()))
    one = convert(nn.Sequential(nn.ReLU()), precision=PRECISION, interval=1.0).report
    assert network.report.multiplications == one.multiplications
