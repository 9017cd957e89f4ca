"""Folding: which scales weights can take in, and that the folded network computes the same."""

import copy
import pickle
import re

import pytest
import torch
import torch.nn.functional as functional
from torch import nn

import polyapprox
from nn_bridge import ArgumentError, ConversionError, check, convert, correct_means
from nn_bridge.channels.foldable import foldings
from nn_bridge.conversion.folding import fold
from nn_bridge.models import DigitsNet, MobileNetV2, ResNet, ShuffleNetV2
from nn_bridge.ranges.calibration import measure

R = polyapprox.relu(precision=2**-7)
SHAPE = (4, 8, 8)


def drawn(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def awake(network, seed=0):
    """In float64 and evaluation mode, with statistics and weights that are not the usual ones."""
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and module.track_running_stats:
            for name, tensor in module.state_dict().items():
                if tensor.is_floating_point():
                    low = 0.0 if name.endswith(("mean", "bias")) else 1.0
                    tensor.copy_(low + torch.rand(tensor.shape, generator=generator))
    return network.double().eval()


class Wired(nn.Module):
    """Layers to wire in many ways."""

    def __init__(self):
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(1)
            self.a = nn.Conv2d(4, 6, 3, padding=1)
            self.norm = nn.BatchNorm2d(6)
            self.b = nn.Conv2d(6, 6, 3, padding=1, groups=3, bias=False)
            self.c = nn.Conv2d(6, 4, 1)
            self.wide = nn.Conv2d(12, 4, 1)
            self.half = nn.Conv2d(3, 4, 1)
            self.act = nn.ReLU()
            self.last = nn.Linear(4, 3)
            self.flat = nn.Linear(4 * 64, 3)
        awake(self)

    def head(self, x):
        return self.last(x.mean((2, 3)))


class Chain(Wired):
    def forward(self, x):
        x = self.act(self.norm(self.a(x)))
        return self.head(torch.relu(self.c(functional.relu(self.b(x)))))


class PreActivation(Wired):
    def forward(self, x):
        x = self.norm(torch.relu(self.a(x)))
        return self.head(self.c(x.relu()))


class Moved(Wired):
    """Channels shuffled, cut, joined, padded; pools; constants; a cast."""

    def forward(self, x):
        x = torch.relu(self.a(x))
        n, c, h, w = x.size()
        x = x.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)
        left, right = x.chunk(2, dim=1)
        x = torch.cat((right, -left * 0.5), 1)
        x = functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 3, 3))
        x = functional.avg_pool2d(functional.dropout(x, 0.5, False), 2).to(torch.float64)
        return self.head(self.wide(x.contiguous() / 3))


class Flattened(Wired):
    def forward(self, x):
        return self.flat(torch.flatten(torch.relu(self.c(self.norm(self.a(x)))), 1))


class Residual(Wired):
    def forward(self, x):
        first = torch.relu(self.a(x))
        return self.head(self.c(torch.relu(self.b(first) + first)))


class TwoConvolutions(Wired):
    """A shortcut with weights."""

    def forward(self, x):
        first = torch.relu(self.a(x))
        return self.head(torch.relu(self.c(first) + self.c(self.norm(self.b(first)))))


class Gated(Wired):
    """A product of two values needs both as they are."""

    def forward(self, x):
        x = self.a(x)
        return self.head(self.c(torch.relu(self.norm(x)) * torch.relu(self.b(x))))


class PlusInput(Wired):
    def forward(self, x):
        return self.head(torch.relu(self.c(torch.relu(self.a(x))) + x))


class PlusConstant(Wired):
    def forward(self, x):
        return self.head(self.c(torch.relu(self.a(x) + 0.25)))


class Given(Wired):
    """The network gives the activation itself."""

    def forward(self, x):
        return torch.relu(self.c(torch.relu(self.a(x))))


class MeanOfChannels(Wired):
    def forward(self, x):
        x = torch.relu(self.a(x))
        return self.head(self.c(x - x.mean(1, keepdim=True)))


class Twice(Wired):
    """A map that is used twice takes in one scale."""

    def forward(self, x):
        x = torch.relu(self.a(x))
        x = torch.relu(self.b(x))
        return self.head(self.c(torch.relu(self.b(x))))


class Others(Wired):
    """Activations that are no ReLU, and a pool, need values as they are."""

    def forward(self, x):
        x = functional.max_pool2d(torch.relu(self.a(x)), 2)
        return self.head(self.c(torch.relu(self.b(functional.relu6(self.norm(x))))))


class Fillings(Wired):
    def forward(self, x):
        return self.head(self.c(functional.pad(torch.relu(self.a(x)), (1, 1), value=0.5)))


class Sequence(Wired):
    """Linear layers over the last axis."""

    def forward(self, x):
        x = x.flatten(2).transpose(1, 2)
        return self.last(torch.relu(self.last(x) @ torch.ones(3, 4, dtype=x.dtype)))


class Overwritten(Wired):
    """The scale after a ReLU is the one before it, so that it may be in place."""

    def forward(self, x):
        x = self.a(x)
        functional.relu_(x)
        return self.head(self.c(torch.relu(x)))


class Tied(Wired):
    """Two maps with one weight cannot take in different scales."""

    def __init__(self):
        super().__init__()
        self.other = copy.deepcopy(self.b)
        self.other.weight = self.b.weight

    def forward(self, x):
        x = torch.relu(self.other(torch.relu(self.b(self.a(x)))))
        return self.head(self.c(torch.relu(self.norm(x))))


class Reciprocal(Wired):
    def forward(self, x):
        return self.head(torch.relu(2 / self.c(torch.relu(self.a(x)))))


class Changing(Wired):
    """Does something else when it runs again."""

    runs = 0

    def forward(self, x):
        self.runs += 1
        x = torch.relu(self.a(x))
        return self.head(self.c(x + 0.5 if self.runs > 1 else x))


ALL = {
    Chain: ["act", "/relu1", "/relu2"],
    PreActivation: ["/relu1", "/relu2"],
    Moved: ["/relu1"],
    Flattened: ["/relu1"],
    Residual: ["/relu1", "/relu2"],
    TwoConvolutions: ["/relu1", "/relu2"],
    Gated: [],
    PlusInput: ["/relu1"],
    PlusConstant: [],
    Given: ["/relu1"],
    MeanOfChannels: [],
    Twice: ["/relu1", "/relu2", "/relu3"],
    Others: ["/relu2"],
    Overwritten: ["/relu1", "/relu2"],
    Tied: ["/relu3"],
    Fillings: [],
    Sequence: [],
}


def random_bounds(found, seed=3):
    return found.settle(
        {
            site: 2 + 30 * torch.rand(len(n), generator=torch.Generator().manual_seed(seed + i))
            for i, (site, n) in enumerate(found.scales.items())
        }
    )


def assert_same(one, other):
    assert (one - other).abs().max() <= 1e-10 * one.abs().max() > 0


@pytest.mark.filterwarnings("ignore::nn_bridge.RangeWarning")  # inputs are outside on purpose
@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_folded_networks_compute_the_same(kind):
    network = kind()
    x = drawn(5, *SHAPE)
    found = foldings(network, SHAPE)
    assert list(found.scales) == ALL[kind]
    assert [site for site, one in found.sites.items() if not one.reason] == ALL[kind]
    bounds = dict.fromkeys(measure(network, [x], bins=0).largest, 40.0) | random_bounds(found)
    converted = convert(network, precision=2**-5, interval=bounds)
    before = copy.deepcopy(network.state_dict())
    folded = fold(converted, shape=SHAPE)
    assert_same(converted(x), folded(x))
    assert all(torch.equal(v, network.state_dict()[k]) for k, v in before.items())
    changed = any(not torch.equal(v, folded.state_dict()[k]) for k, v in before.items())
    assert changed == bool(ALL[kind])
    report = {site.site: site for site in folded.report.sites}
    for site in ALL[kind]:
        assert report[site].bound == 1.0 and report[site].channels == ()
        assert report[site].folding.startswith("folded")
    for site in set(report) - set(ALL[kind]):
        assert report[site].bound == 40.0
    assert_same(folded(x), pickle.loads(pickle.dumps(folded))(x))
    assert check(folded) == check(converted)
    assert_same(folded(x), fold(folded, shape=SHAPE)(x))


@pytest.mark.parametrize("kind", [k for k in ALL if ALL[k]], ids=lambda kind: kind.__name__)
def test_a_network_with_relu_itself_gets_inputs_within_one(kind):
    network, x = kind(), drawn(20, *SHAPE)
    ranges = measure(network, [x], channels=True)
    bounds = ranges.per_channel
    settled = foldings(network, SHAPE).settle({s: b.clamp(min=1e-3) for s, b in bounds.items()})
    folded = fold(network, settled, shape=SHAPE)
    assert_same(network(x), folded(x))
    largest = measure(folded, [x], channels=True).largest
    for site in ALL[kind]:
        assert largest[site] <= 1 + 1e-12
    assert any(largest[site] > 0.999 for site in ALL[kind])


@pytest.mark.parametrize(
    ("kind", "site", "reason"),
    [
        (Gated, "/relu1", "mul needs it as it is"),
        (PlusInput, "/relu2", "^the network's input is not scaled$"),
        (PlusConstant, "/relu1", "^what add gives is not scaled$"),
        (Tied, "/relu1", r"^what b gives is not scaled$"),
        (Given, "/relu2", "the network gives its value"),
        (MeanOfChannels, "/relu1", "mean needs it as it is"),
        (Others, "/relu1", r"/max_pool2d1 \(max_pool2d\) needs it as it is"),
        (Fillings, "/relu1", "pad needs it as it is"),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_reasons(kind, site, reason):
    found = foldings(kind(), SHAPE).sites[site]
    assert re.search(reason, found.reason), found.reason
    assert str(found).startswith("scales by itself: ")


def test_what_is_added_along_a_shortcut_needs_one_bound():
    network = Residual()
    alone = foldings(network, SHAPE, share=False)
    assert list(alone.scales) == []
    assert "a shortcut without weights adds its value" in alone.sites["/relu1"].reason
    assert "would need that of /relu2" in alone.sites["/relu1"].reason
    together = foldings(network, SHAPE)
    assert together.sites["/relu1"].shares == ("/relu2",)
    assert torch.equal(together.scales["/relu1"], together.scales["/relu2"])
    low, high = torch.full((6,), 2.0), torch.tensor([1.0, 1, 1, 5, 5, 5])
    settled = together.settle({"/relu1": low, "/relu2": high})
    assert settled["/relu1"].tolist() == settled["/relu2"].tolist() == [2, 2, 2, 5, 5, 5]
    x = drawn(4, *SHAPE)
    for bounds, ones in (
        ({"/relu1": 20.0, "/relu2": 30.0}, [20.0, 30.0]),
        ({"/relu1": 30.0, "/relu2": 30.0}, [1.0, 1.0]),
    ):
        converted = convert(network, approximation=R, interval=bounds)
        folded = fold(converted, shape=SHAPE)
        assert [site.bound for site in folded.report.sites] == ones
        assert_same(converted(x), folded(x))
    # weights on the shortcut leave both free
    assert foldings(TwoConvolutions(), SHAPE, share=False).sites["/relu1"].reason == ""


@pytest.mark.parametrize("shortcut", ["A", "B"])
@pytest.mark.parametrize(
    ("interval", "explicit"),
    [("global", 0), ("per-channel-shared", 0), ("per-layer", None), ("per-channel", None)],
)
@pytest.mark.filterwarnings("ignore::nn_bridge.RangeWarning")  # inputs are outside on purpose
def test_resnets(shortcut, interval, explicit):
    network = awake(ResNet(14, shortcut=shortcut))
    x = drawn(3, 3, 32, 32)
    converted = convert(
        network, approximation=R, interval=interval, margin=1.1,
        calibrate=measure(network, [x], channels=True, bins=0),
    )  # fmt: skip
    folded = fold(converted)
    assert_same(converted(x), folded(x))
    inner = [f"layer{i}.{j}/relu1" for i in (1, 2, 3) for j in (0, 1)]
    report = {site.site: site for site in folded.report.sites}
    assert all(report[site].bound == 1.0 for site in inner)
    ends = set(report) - set(inner)
    # option B has weights where the width changes: what is after the last such sum is alone
    kept = {site for site in ends if report[site].bound != 1.0 or report[site].channels}
    assert kept == (set() if explicit == 0 else ends)
    assert all(("shortcut" in report[site].folding) == (site in kept) for site in ends)
    apart = {site.site for site in converted.report.sites if site.channels}
    expected = {"per-channel": set(inner), "per-channel-shared": set(report)}
    assert apart == expected.get(interval, set())


@pytest.mark.parametrize(
    ("network", "shape"),
    [(ShuffleNetV2(0.5), (3, 32, 32)), (MobileNetV2(), (3, 32, 32)), (DigitsNet(), (1, 8, 8))],
    ids=["ShuffleNetV2", "MobileNetV2", "DigitsNet"],
)
def test_other_architectures(network, shape):
    network = awake(copy.deepcopy(network))
    x = drawn(2, *shape)
    ranges = measure(network, [x], channels=True, bins=0)
    for interval in ("per-channel", "per-channel-shared"):
        converted = convert(
            network, precision=2**-6, calibrate=ranges, interval=interval, margin=1.2
        )
        assert_same(converted(x), fold(converted)(x))
    found = foldings(network, shape)
    refused = [site.site for site in found.sites.values() if site.reason]
    assert not refused


def test_a_quotient_by_a_value_needs_it_as_it_is():
    found = foldings(Reciprocal(), SHAPE)
    assert list(found.scales) == ["/relu1"]
    assert found.sites["/relu2"].reason == "what truediv gives is not scaled"


def test_corrections_are_folded():
    network, x = Chain(), drawn(50, *SHAPE)
    converted = convert(network, approximation=R, calibrate=[x], interval="per-channel", margin=1.1)
    correct_means(converted, [x])
    folded = fold(converted)
    assert_same(converted(x), folded(x))
    activation = folded.report.replacement.activations["act"]
    assert activation.correction is not None and activation.error_bound < 0.1


def test_maps_whose_constants_cannot_take_in_scales():
    network = Chain()
    torch.nn.utils.parametrizations.weight_norm(network.b)
    found = foldings(network, SHAPE)
    assert found.sites["act"].reason == "b (ParametrizedConv2d) needs it as it is"
    network = Chain()
    network.norm = nn.BatchNorm2d(6, affine=False).double().eval()
    assert foldings(network, SHAPE).sites["act"].reason == "what norm gives is not scaled"


def test_a_trace_that_is_not_the_network_is_refused():
    with pytest.raises(ConversionError, match="does not compute what the network does"):
        foldings(Changing(), SHAPE)
    converted = convert(Changing(), precision=2**-6, interval=9.0)  # keeps the code that was traced
    x = drawn(3, *SHAPE)
    first = converted(x)
    assert torch.equal(converted(x), first)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "bounds are missing: give those of Ranges"),
        ({"bounds": {"/relu1": 2.0}}, "the shape of an input is not known: give shape="),
        (
            {"bounds": {"/relu1": 0.0}, "shape": SHAPE},
            r"bounds\['/relu1'\] is 0.0: give a positive",
        ),
        ({"bounds": {"/relu1": "x"}, "shape": SHAPE}, r"bounds\['/relu1'\] is 'x'"),
        ({"bounds": {"/relu1": [1.0, 2.0]}, "shape": SHAPE}, "/relu1 has 6 channels and 2 bounds"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        fold(Moved(), **arguments)


def test_bad_networks():
    converted = convert(Moved(), approximation=R, interval=30.0)
    with pytest.raises(ArgumentError, match="the shape of an input is not known"):
        fold(converted)
    with pytest.raises(ArgumentError, match="a converted network has its own, leave them out"):
        fold(converted, {"/relu1": 2.0})
    with pytest.raises(
        ConversionError, match=r"cannot take a batch of shape \(2, 3, 8, 8\)"
    ) as got:
        foldings(Moved(), (3, 8, 8))
    assert "\n" not in str(got.value)
