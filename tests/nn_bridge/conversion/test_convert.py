"""`convert`: every way to call ReLU, in any network, against an evaluation by hand."""

import copy
import io
import pickle
from concurrent.futures import ThreadPoolExecutor
from types import MethodType

import mpmath
import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from relu_styles import (
    STYLES,
    WithFunctional,
    WithInplaceModule,
    WithMethod,
    WithModule,
    inputs,
    seeded,
)
from torch import nn
from torch.utils.checkpoint import checkpoint

import polyapprox
from nn_bridge import (
    ArgumentError,
    ConversionError,
    OutOfRangeError,
    calibrate,
    convert,
    evaluate,
)
from nn_bridge.activations.default import network_relu
from nn_bridge.models import DigitsNet

PRECISION = 2**-7


def exactly(approximation, bound, x):
    """B r(x/B) in mpmath, from the components, by the trigonometric form of T_n."""
    u = x / bound
    value = u
    for component in approximation.components:
        angle = mpmath.acos(value)
        value = mpmath.re(
            sum(c * mpmath.cos(k * angle) for k, c in enumerate(component.coefficients))
        )
    if approximation.structure == "composite":
        value = u * (1 + value) / 2 + approximation.offset
    return bound * value


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.__name__)
@pytest.mark.parametrize("structure", ["direct", "composite"])
def test_every_style_against_mpmath(style, structure):
    approximation = polyapprox.relu(precision=PRECISION, structure=structure)
    network = seeded(style).double()
    bound = 3.5
    converted = convert(network, approximation=approximation, interval=bound)
    x = inputs(4, 3).double()
    got = converted(x)
    (site,) = converted.report.sites
    assert (site.site, site.kind) == STYLES[style]
    with mpmath.workprec(200):
        first, last = (
            (layer.weight.tolist(), layer.bias.tolist()) for layer in (network.first, network.last)
        )
        for row, values in zip(x.tolist(), got.tolist(), strict=True):
            hidden = [
                exactly(approximation, bound, mpmath.fdot(weights, row) + bias)
                for weights, bias in zip(*first, strict=True)
            ]
            for weights, bias, value in zip(*last, values, strict=True):
                assert abs(mpmath.fdot(weights, hidden) + bias - value) < 1e-12
    assert (got - network(x)).abs().max() > 1e-6


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.__name__)
def test_the_original_does_not_change(style):
    network = seeded(style)
    x = inputs(6, 3)
    before, state = network(x), copy.deepcopy(network.state_dict())
    attributes = set(vars(network))
    calibrate(network, [x])
    converted = convert(network, precision=PRECISION, calibrate=[x])
    converted(x)
    assert torch.equal(network(x), before)
    assert set(vars(network)) == attributes
    assert all(torch.equal(network.state_dict()[name], state[name]) for name in state)
    assert not torch.equal(converted(x), before)
    for module in network.modules():
        assert not module._forward_hooks and not module._forward_pre_hooks


@pytest.mark.filterwarnings("ignore::nn_bridge.RangeWarning")  # inputs are outside on purpose
def test_converted_network_is_an_ordinary_network():
    network = seeded(WithFunctional)
    x = inputs(6, 3)
    converted = convert(network, precision=PRECISION, calibrate=[x])
    y = converted(x)
    assert isinstance(converted, type(network))
    assert {*network.state_dict()} < {*converted.state_dict()}
    file = io.BytesIO()
    torch.save(converted, file)
    file.seek(0)
    for twin in (
        copy.deepcopy(converted),
        pickle.loads(pickle.dumps(converted)),
        torch.load(file, weights_only=False),
    ):
        assert torch.equal(twin(x), y)
        twin.report.replacement.activations["/relu1"].reset()
        twin(x)
        assert twin.report.replacement.activations["/relu1"].seen.elements == 30
        twin.load_state_dict({k: v * 2 for k, v in network.state_dict().items()}, strict=False)
        assert not torch.equal(twin(x), y)
    assert torch.equal(converted(x), y)
    doubled = converted.to(torch.float64)
    assert doubled(x.double()).dtype == torch.float64
    assert torch.allclose(doubled(x.double()).float(), y, atol=1e-5)


def test_conversion_in_place():
    network = seeded(WithModule)
    assert convert(network, precision=PRECISION, interval=4.0, inplace=True) is network
    with pytest.raises(ConversionError, match="already converted: use the original"):
        convert(network, precision=PRECISION, interval=4.0)
    with pytest.raises(ConversionError, match="already converted"):
        calibrate(network, [inputs(2, 3)])


class Residual(nn.Module):
    """The input of the in-place ReLU is read again afterwards: its new value must be seen."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 4, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(4)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(4, 4, 3, padding=1)
        self.head = nn.Linear(4, 3)

    def forward(self, x):
        x = self.bn1(self.conv1(x))
        shortcut = x
        y = self.conv2(self.relu(x))
        y = self.relu(y + shortcut)
        return self.head(functional.relu(y.mean((2, 3)) - 0.1))


def by_hand(network, x, act):
    x = network.bn1(network.conv1(x))
    x = act(x, 0)
    y = act(network.conv2(x) + x, 1)
    return network.head(act(y.mean((2, 3)) - 0.1, 2))


def test_residual_network_with_a_shared_module():
    network = seeded(Residual).double()
    x = inputs(5, 1, 6, 6).double()
    seen = {}

    def measure(value, index):
        seen[index] = value.abs().max().item()
        return torch.relu(value)

    assert torch.allclose(by_hand(network, x, measure), network(x), rtol=0, atol=1e-12)
    ranges = calibrate(network, [x])
    assert list(ranges) == ["relu", "relu@2", "/relu1"]
    assert list(ranges.values()) == pytest.approx([seen[0], seen[1], seen[2]], rel=1e-12)
    approximation = polyapprox.relu(precision=PRECISION)
    converted = convert(network, approximation=approximation, calibrate=ranges, margin=1.25)

    def polynomial(value, index):
        bound = 1.25 * seen[index]
        return bound * torch.as_tensor(approximation.plan.run(value / bound))

    expected = by_hand(network, x, polynomial)
    assert torch.allclose(converted(x), expected, rtol=0, atol=1e-12)
    assert [site.bound for site in converted.report.sites] == pytest.approx(
        [1.25 * value for value in ranges.values()]
    )


class Sharing(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = nn.Sequential(nn.Linear(4, 4), nn.ReLU())

    def forward(self, x):
        return self.block(self.block(x)).relu() + torch.relu(-x).relu()


def test_a_block_that_runs_twice_has_two_ranges():
    network = seeded(Sharing)
    x = inputs(8, 4) * 5
    ranges = calibrate(network, [x[:4], x[4:]])
    assert list(ranges) == ["block.1", "block.1@2", "/relu1", "/relu2", "/relu3"]
    first = network.block[0](x)
    assert ranges["block.1"] == pytest.approx(first.abs().max().item(), rel=1e-6)
    second = network.block[0](first.relu())
    assert ranges["block.1@2"] == pytest.approx(second.abs().max().item(), rel=1e-6)
    converted = convert(network, precision=2**-12, calibrate=[x])
    assert (converted(x) - network(x)).abs().max() < 0.05
    assert len(converted.report.sites) == 5


def test_a_module_of_a_converted_network_called_alone():
    network = nn.Sequential(nn.Sequential(nn.Linear(2, 2), nn.ReLU()), nn.Linear(2, 2)).eval()
    converted = convert(network, precision=PRECISION, interval=4.0)
    x = inputs(5, 2)
    part = converted[0](x)
    assert not torch.equal(part, network[0](x))
    assert torch.allclose(part, network[0](x), atol=4 * PRECISION)
    assert torch.equal(converted[1](part), converted(x))


class Branches(nn.Module):
    """Its second ReLU runs only for inputs with a large sum."""

    def forward(self, x):
        x = functional.relu(x)
        return torch.relu(x - 1) if x.sum() > 10 else x


def test_a_call_that_calibration_did_not_reach_is_refused():
    small, large = torch.full((1, 4), 0.5), torch.full((1, 4), 5.0)
    converted = convert(Branches(), precision=PRECISION, calibrate=[small], margin=20.0)
    converted(small)
    with pytest.raises(ConversionError, match=r"'/relu2' that has no range: calibrate with"):
        converted(large)
    assert torch.equal(torch.relu(-large), torch.zeros(1, 4))
    converted = convert(Branches(), precision=PRECISION, calibrate=[small, large], margin=1.1)
    assert torch.allclose(converted(large), large - 1, atol=9 * PRECISION)
    anywhere = convert(Branches(), precision=PRECISION, interval=8.0)
    assert torch.allclose(anywhere(large), large - 1, atol=16 * PRECISION)
    assert [site.site for site in anywhere.report.sites] == ["/relu1", "/relu2"]


class Failing(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Sequential(nn.ReLU(), WithFunctional())

    def forward(self, x, stop=False):
        x = self.inner(x)
        if stop:
            raise KeyboardInterrupt
        return x


def test_nothing_stays_behind_after_an_error():
    converted = convert(seeded(Failing), precision=PRECISION, interval=9.0)
    x = inputs(2, 3)
    expected = converted(x)
    with pytest.raises(KeyboardInterrupt):
        converted(x, stop=True)
    with pytest.raises(RuntimeError):
        converted(inputs(2, 7))
    assert torch.equal(torch.relu(x), x.clamp(min=0))
    assert torch.equal(converted(x), expected)
    assert len(converted.report.sites) == 2


def test_torch_layers_with_relu_inside():
    layer = seeded(lambda: nn.TransformerEncoderLayer(4, 2, 8, batch_first=True))
    x = inputs(2, 3, 4)
    converted = convert(layer, precision=2**-12, calibrate=[x])
    assert [(site.site, site.kind) for site in converted.report.sites] == [
        ("self_attn/softmax1", "F.multi_head_attention_forward"), ("norm1/layer_norm1", "F.layer_norm"),
        ("/relu1", "F.relu"), ("norm2/layer_norm1", "F.layer_norm"),
    ]
    difference = (converted(x) - layer(x)).abs().max()
    assert 1e-6 < difference < 1e-2
    assert not converted.report.remaining


@pytest.mark.filterwarnings("ignore::nn_bridge.RangeWarning")  # inputs are outside on purpose
def test_traced_networks_and_their_copies():
    network = seeded(Residual)
    x = inputs(5, 1, 6, 6)
    traced = torch.fx.symbolic_trace(network)
    expected = convert(network, precision=PRECISION, calibrate=[x])(x)
    converted = convert(traced, precision=PRECISION, calibrate=[x])
    assert torch.equal(converted(x), expected)
    assert torch.equal(traced(x), network(x))
    data = [(x, torch.zeros(5, dtype=torch.int64))]
    for twin in (copy.deepcopy(converted), copy.deepcopy(copy.deepcopy(converted))):
        assert torch.equal(twin(x), expected)
        assert [site.elements for site in evaluate(twin, data).sites] == [720, 720, 20]
        assert twin.report.sites == converted.report.sites
        twin.report.replacement.activations["/relu1"].bound = 1e-3
        assert not torch.equal(twin(x), expected)
    assert torch.equal(converted(x), expected)
    inside = convert(nn.Sequential(traced), precision=PRECISION, calibrate=[x])
    assert torch.equal(copy.deepcopy(inside)(x), expected)
    assert [site.site for site in inside.report.sites] == ["0.relu", "0.relu@2", "0/relu1"]
    assert torch.equal(pickle.loads(pickle.dumps(inside))(x), expected)


def test_calls_below_the_python_interface():
    class Low(nn.Module):
        def forward(self, x):
            return torch.ops.aten.relu(x) + torch.ops.aten.relu.default(2 * x)

    x = torch.linspace(-2, 2, 21)
    converted = convert(Low(), precision=2**-9, calibrate=[x])
    assert [site.kind for site in converted.report.sites] == ["aten.relu", "aten.relu"]
    assert 0 < (converted(x) - Low()(x)).abs().max() < 6 * 2**-9


@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")
def test_compiled_functions_are_noticed():
    scripted = torch.jit.trace(lambda x: torch.relu(x) + 1, torch.ones(3))

    class Mixed(nn.Module):
        def forward(self, x):
            return scripted(x) + torch.relu(x)

    with pytest.raises(ConversionError, match=r"computes a ReLU in compiled code"):
        convert(Mixed(), precision=PRECISION, calibrate=[torch.ones(3)])


def test_forward_that_is_set_on_the_instance():
    network = seeded(WithFunctional)
    network.forward = MethodType(lambda self, x: torch.relu(self.first(x)), network)
    network.last.forward = MethodType(lambda self, x: x.relu(), network.last)
    x = inputs(4, 3)
    own = network.forward
    assert list(calibrate(network, [x])) == ["/relu1"]
    assert network.forward is own
    converted = convert(network, precision=2**-9, calibrate=[x])
    for twin in (converted, copy.deepcopy(converted)):
        assert 0 < (twin(x) - network(x)).abs().max() < 2**-9 * 10
        assert twin.report.sites[0].kind == "torch.relu"
    outer = convert(nn.Sequential(network.last), precision=2**-9, interval=4.0)
    outer(x)
    assert [site.site for site in outer.report.sites] == ["0/relu1"]


def test_checkpointed_blocks():
    class Checkpointed(Sharing):
        def forward(self, x):
            return checkpoint(self.block, x, use_reentrant=False).relu()

    network = seeded(Checkpointed).double()
    x = inputs(3, 4).double().requires_grad_()
    converted = convert(network, precision=PRECISION, interval=9.0)
    converted(x).sum().backward()
    gradient = x.grad.clone()
    x.grad = None
    plain = convert(seeded(Plainly).double(), precision=PRECISION, interval=9.0)
    plain(x).sum().backward()
    assert torch.equal(gradient, x.grad)


class Plainly(Sharing):
    def forward(self, x):
        return self.block(x).relu()


def test_threads_do_not_disturb_each_other():
    converted = convert(seeded(Sharing), precision=PRECISION, interval=9.0)
    x = inputs(8, 4)
    expected = converted(x)
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: converted(x), range(40)))
    assert all(torch.equal(result, expected) for result in results)


def test_gradients_flow_through_a_converted_network():
    network = seeded(WithInplaceModule).double()
    approximation = polyapprox.relu(precision=PRECISION)
    converted = convert(network, approximation=approximation, interval=4.0)
    x = inputs(3, 3).double()
    converted(x).square().sum().backward()
    by_plan = copy.deepcopy(network)
    hidden = 4 * approximation.plan.run(by_plan.first(x) / 4)
    by_plan.last(hidden).square().sum().backward()
    assert network.first.weight.grad is None
    assert torch.allclose(
        converted.first.weight.grad, by_plan.first.weight.grad, rtol=0, atol=1e-11
    )


@pytest.mark.filterwarnings("ignore::nn_bridge.RangeWarning")  # inputs are outside on purpose
def test_intervals():
    network = seeded(DigitsNet)
    data = [inputs(8, 1, 8, 8) * 3]
    ranges = calibrate(network, data)
    assert len(ranges) == 6 and len(set(ranges.values())) == 6

    def bounds(**arguments):
        converted = convert(network, precision=PRECISION, **arguments)
        converted(data[0])
        return {site.site: site.bound for site in converted.report.sites}

    assert bounds(calibrate=data) == {k: 1.25 * v for k, v in ranges.items()}
    assert bounds(calibrate=data, margin=1.0) == ranges
    assert bounds(calibrate=ranges, margin=1.0) == ranges
    assert bounds(calibrate=data, margin=2.0) == {k: 2 * v for k, v in ranges.items()}
    largest = max(ranges.values())
    assert bounds(calibrate=data, interval="global", margin=1.0) == dict.fromkeys(ranges, largest)
    assert bounds(interval=50) == dict.fromkeys(ranges, 50.0)
    by_name = {name: 10.0 + k for k, name in enumerate(ranges)}
    assert bounds(interval=by_name) == by_name


def test_report():
    network = seeded(WithMethod)
    converted = convert(network, precision=PRECISION, calibrate=[inputs(9, 3)], margin=1.5)
    (site,) = converted.report.sites
    made = network_relu(precision=PRECISION)
    assert site.degrees == made.degrees
    assert (site.levels, site.multiplications) == (made.levels, made.multiplications)
    assert site.error_bound == pytest.approx(made.error_bound * site.bound)
    assert site.precision == pytest.approx(made.error_bound)
    assert site.error_bound <= PRECISION * site.bound
    assert site.dtype == "float32" and 0 < site.evaluation_error < site.error_bound / 16
    assert converted.report.levels == site.levels
    text = str(converted.report)
    assert "/relu1" in text and "Tensor.relu" in text and "rule 'published'" in text
    assert converted.report.as_dict()["sites"][0]["bound"] == site.bound


def test_own_attribute_named_report_is_kept():
    network = seeded(WithModule)
    network.report = "mine"
    assert convert(network, precision=PRECISION, interval=1.0).report == "mine"


def test_evaluation_counts_inputs_outside():
    network = nn.Sequential(nn.ReLU())
    batches = [
        (torch.tensor([[3.0, 1.0], [-5.0, 2.0]]), torch.tensor([0, 1])),
        (torch.tensor([[0.5, 1.0]]), torch.tensor([0])),
    ]
    plain = evaluate(network, batches)
    assert (plain.correct, plain.images, plain.sites) == (2, 3, ())
    converted = convert(network, precision=PRECISION, interval=2.5)
    result = evaluate(converted, batches)
    (site,) = result.sites
    assert (site.elements, site.outside, site.largest_ratio) == (6, 2, 2.0)
    assert site.share_outside == pytest.approx(1 / 3)
    assert (result.outside, result.largest_ratio) == (2, 2.0)
    again = evaluate(converted, batches[1:])
    assert (again.sites[0].elements, again.outside, again.images) == (2, 0, 1)
    refusing = convert(network, precision=PRECISION, interval=2.5, outside="raise")
    with pytest.raises(OutOfRangeError, match=r"^0 got 2 of 4 inputs outside \[-2\.5, 2\.5\]"):
        evaluate(refusing, batches)
    clamping = convert(network, precision=PRECISION, interval=2.5, outside="clamp")
    assert clamping(batches[0][0]).max() < 2.5 * (1 + PRECISION)


def test_training_flags_are_restored():
    network = nn.Sequential(nn.BatchNorm1d(2), nn.ReLU()).train()
    network[1].eval()
    mean = network[0].running_mean.clone()
    data = [(inputs(8, 2) + 3, torch.zeros(8, dtype=torch.int64))]
    calibrate(network, data)
    evaluate(network, data)
    evaluate(convert(network, precision=PRECISION, interval=9.0), data)
    assert network[0].training and not network[1].training
    assert torch.equal(network[0].running_mean, mean)


def test_a_layer_without_input_gets_the_smallest_range():
    class Dead(nn.Module):
        def forward(self, x):
            return functional.relu(x) + functional.relu(0 * x) + functional.relu(x / 4)

    converted = convert(Dead(), precision=PRECISION, calibrate=[torch.tensor([[4.0]])])
    assert [site.bound for site in converted.report.sites] == [5.0, 1.25, 1.25]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"precision": 0}, "precision is 0: give a number in"),
        ({"interval": 3.0}, "precision is None: give a number in"),
        ({"precision": PRECISION}, "needs measured ranges: give calibrate=loader"),
        ({"precision": PRECISION, "interval": "global"}, "needs measured ranges"),
        ({"precision": PRECISION, "interval": "per layer"}, "'per-layer', 'global' or a dict"),
        ({"precision": PRECISION, "interval": -1}, "bound of interval is -1: give a positive"),
        ({"precision": PRECISION, "interval": {"relu": 0}}, r"interval\['relu'\] is 0"),
        ({"precision": PRECISION, "interval": 1.0, "margin": 0}, "margin is 0: give a positive"),
        ({"precision": PRECISION, "interval": 1.0, "outside": "no"}, "outside is 'no'"),
        ({"precision": PRECISION, "interval": 1.0, "approximation": 3}, "approximation is a int"),
        ({"precision": PRECISION, "calibrate": []}, "the loader gave no batch"),
        ({"precision": PRECISION, "calibrate": [3]}, "a batch of int: give tensors"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        convert(seeded(WithModule), **arguments)


def test_networks_that_cannot_be_converted():
    x = inputs(2, 3)
    with pytest.raises(ConversionError, match=r"no activation was called in this Linear"):
        convert(nn.Linear(3, 3), precision=PRECISION, calibrate=[x])
    with pytest.raises(ConversionError, match=r"not finite while calibrating"):
        convert(nn.ReLU(), precision=PRECISION, calibrate=[x / 0])
    compiled = nn.Sequential(torch.jit.trace(seeded(WithModule), x))
    with pytest.raises(ConversionError, match=r"'0' is compiled code: convert the network before"):
        convert(compiled, precision=PRECISION, interval=2.0)
    with pytest.raises(ArgumentError, match="no labels: give pairs"):
        evaluate(nn.ReLU(), [x])


def test_callable_approximation():
    calls = []

    def make(*, precision, interval):
        calls.append((precision, interval))
        return polyapprox.relu(precision=precision, interval=interval, structure="composite")

    converted = convert(nn.ReLU(), precision=PRECISION, interval=4.0, approximation=make)
    assert calls == [(PRECISION, (-1.0, 1.0))]
    x = torch.linspace(-4, 4, 101)
    assert converted(x).numpy() == pytest.approx(np.maximum(x.numpy(), 0), abs=4 * PRECISION)
    assert converted.report.sites[0].site == "/relu1"
