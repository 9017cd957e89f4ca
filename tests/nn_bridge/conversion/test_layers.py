"""A converted network is an ordinary network: what looks at it from outside sees the polynomial."""

import copy
import io
import pickle

import pytest
import torch
import torch.distributed as distributed
import torch.nn.functional as functional
from relu_styles import seeded
from torch import nn
from torch.utils.checkpoint import checkpoint

import polyapprox
from nn_bridge import (
    ConversionError,
    check,
    convert,
    evaluate,
    export,
    load_converted,
    restore,
    save_converted,
)
from nn_bridge.calls.answering import answering, remove
from nn_bridge.calls.site import CallSite, Switch

PRECISION = 2**-6
CIRCUIT = polyapprox.circuit("relu", multiplications=2)


def inputs(*shape, seed=1):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


class Block(nn.Module):
    """A block with a layer that runs twice and a function."""

    def __init__(self, channels=4):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm = nn.BatchNorm2d(channels)
        self.act = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x, scale=None):
        if scale is not None:
            x = x * scale
        y = self.conv2(self.act(self.norm(self.conv1(x))))
        y = functional.dropout(y, 0.25, training=self.training)
        return self.act(y + x)


class Net(nn.Module):
    """Functions, shared layers and a method of its own."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, padding=1)
        self.blocks = nn.ModuleList([Block(), Block()])
        self.head = nn.Linear(4, 3)

    def features(self, x):
        x = functional.relu(self.stem(x))
        for block in self.blocks:
            x = block(x)
        return x

    def pooled(self, x):
        return self.blocks[0](self.stem(x)).mean((2, 3))

    def forward(self, x):
        return self.head(torch.relu(self.features(x).mean((2, 3))))


class LayerDrop(nn.Module):
    """In training, layers are left out at random."""

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([Block(), Block(), Block()])
        self.skipped = 0.0

    def forward(self, x):
        for layer in self.layers:
            if self.training and self.skipped > 0.5:
                continue
            x = layer(x)
        return x


class Untraceable(nn.Module):
    def forward(self, x):
        return functional.relu(x) if x.sum() > 0 else functional.relu(-x)


def converted_net():
    network = seeded(Net)
    x = inputs(6, 3, 8, 8)
    return network, convert(network, precision=PRECISION, calibrate=[x], margin=4.0), x


def by_interception(network, x):
    """The converted network as a tracer cannot see it: its calls intercepted."""
    twin = seeded(type(network))
    twin.load_state_dict(network.state_dict())
    twin.forward = type(twin).forward.__get__(twin)  # of its own: no layers can stand
    made = convert(twin, precision=PRECISION, calibrate=[x], margin=4.0)
    assert not isinstance(answering(made), Switch)
    return made


def test_layers_stand_and_compute_what_interception_computes():
    network, converted, x = converted_net()
    assert isinstance(answering(converted), Switch)
    assert torch.equal(converted(x), by_interception(network, x)(x))
    names = [module.name for module in converted.modules() if isinstance(module, CallSite)]
    assert {*names} == {site.site for site in converted.report.sites}
    assert len(names) == 6


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("layers", [[nn.ReLU()], [nn.Linear(1, 4), nn.ReLU(), nn.Linear(4, 2)]])
def test_a_symbolic_trace_of_a_half_network_computes_polynomials_in_float32(dtype, layers):
    """In bfloat16 itself ReLU at 2^-9 was off by 0.04."""
    network = nn.Sequential(*layers).eval().to(dtype)
    converted = convert(network, precision=2**-9, interval=4.0)
    x = torch.linspace(-1, 1, 501)[:, None].to(dtype)
    away = (torch.fx.symbolic_trace(converted)(x) - converted(x)).abs().max()
    assert away <= 2 * torch.finfo(dtype).eps  # a rounding or two of the values themselves


def test_symbolic_tracing_sees_the_polynomials():
    _, converted, x = converted_net()
    traced = torch.fx.symbolic_trace(converted)
    calls = {str(node.target) for node in traced.graph.nodes if node.op == "call_function"}
    assert not any("relu" in call for call in calls) and any("mul" in call for call in calls)
    assert torch.allclose(traced(x), converted(x), atol=1e-5)
    other = inputs(2, 3, 8, 8, seed=3)
    assert torch.allclose(traced(other), converted(other), atol=1e-5)


def test_export_gives_additions_multiplications_and_linear_maps():
    _, converted, x = converted_net()
    batch = torch.export.Dim("batch", min=2, max=512)
    program = torch.export.export(converted.eval(), (x,), dynamic_shapes=({0: batch},))
    operations = {
        str(node.target).split(".")[1]
        for node in program.graph.nodes
        if node.op == "call_function" and "sym" not in str(node.target)
    }
    assert operations <= {
        "add", "add_", "sub", "mul", "conv2d", "linear", "batch_norm", "mean", "copy_", "dropout", "rsub",
        "neg",
    }  # fmt: skip
    for count in (3, 8):
        other = inputs(count, 3, 8, 8, seed=count)
        assert torch.allclose(program.module()(other), converted(other), atol=1e-5)


@pytest.mark.filterwarnings("ignore")
def test_jit_tracing_of_another_batch_size():
    _, converted, x = converted_net()
    traced = torch.jit.trace(converted.eval(), x)
    other = inputs(3, 3, 8, 8, seed=5)
    assert torch.allclose(traced(other), converted(other), atol=1e-5)


def test_transforms_see_the_derivative_of_the_polynomial():
    network = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)).double().eval()
    converted = convert(network, precision=PRECISION, interval=4.0)
    x = inputs(5, 3).double()
    whole = torch.func.vmap(torch.func.jacrev(converted))(x)
    for row, jacobian in zip(x, whole, strict=True):
        row = row.clone().requires_grad_()
        for index in range(2):
            (expected,) = torch.autograd.grad(converted(row[None])[0, index], row)
            assert torch.allclose(jacobian[index], expected, atol=1e-12)
    _, tangent = torch.func.jvp(converted, (x,), (torch.ones_like(x),))
    assert torch.allclose(tangent, whole.sum(-1), atol=1e-12)
    row = x[0].clone().requires_grad_()
    (first,) = torch.autograd.grad(converted(row[None]).sum(), row, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), row)
    step = 1e-6
    shifted = [(x[0] + sign * step).requires_grad_() for sign in (1, -1)]
    slopes = [torch.autograd.grad(converted(s[None]).sum(), s)[0].sum() for s in shifted]
    assert torch.allclose(second.sum(), (slopes[0] - slopes[1]) / (2 * step), rtol=1e-4)


def test_compilers_see_one_graph():
    """Some seconds: torch loads its compiler."""
    network = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Hardswish(), nn.Linear(4, 2)).double()
    converted = pickle.loads(pickle.dumps(convert(network, precision=PRECISION, interval=4.0)))
    x = inputs(5, 3).double()
    expected = converted(x)
    (gradient,) = torch.autograd.grad(expected.sum(), converted[0].weight)
    value = torch.compile(converted, fullgraph=True, backend="aot_eager")(x)
    assert torch.allclose(value, expected, atol=1e-12)
    (got,) = torch.autograd.grad(value.sum(), converted[0].weight)
    assert torch.allclose(got, gradient, atol=1e-12)


@pytest.mark.filterwarnings("ignore")
def test_wrappers_and_autocast_run_the_polynomials():
    network, converted, x = converted_net()
    converted.eval()
    distributed.init_process_group("gloo", store=distributed.HashStore(), rank=0, world_size=1)
    try:
        wrapped = nn.parallel.DistributedDataParallel(converted)
        value, expected = wrapped(x), converted(x)
        gradients = []
        for one in (value, expected):
            converted.zero_grad()
            one.square().sum().backward()
            gradients.append(converted.stem.weight.grad.clone())
        assert torch.equal(value, expected) and torch.equal(*gradients)
    finally:
        distributed.destroy_process_group()
    assert torch.equal(nn.DataParallel(converted)(x), expected)
    weights = dict(converted.named_parameters())
    assert torch.equal(torch.func.functional_call(converted, weights, (x,)), expected)
    with torch.autocast("cpu", torch.bfloat16):
        low, exact = converted(x).float(), network.eval()(x).float()
    assert (low - expected).abs().max() < 0.05 and not torch.equal(low, exact)


def test_checkpointing_has_the_same_gradients():
    _, converted, _ = converted_net()
    block = converted.blocks[1].eval().double()
    x = inputs(2, 4, 8, 8).double().requires_grad_()
    (expected,) = torch.autograd.grad(block(x).square().sum(), x)
    (got,) = torch.autograd.grad(checkpoint(block, x, use_reentrant=False).square().sum(), x)
    assert torch.equal(got, expected)
    x.grad = None
    checkpoint(block, x, use_reentrant=True).square().sum().backward()
    assert torch.equal(x.grad, expected)


def test_a_method_that_calls_functions_is_refused_and_one_that_does_not_is_converted():
    network, converted, x = converted_net()
    with pytest.raises(ConversionError, match=r"Net.features calls F.relu itself"):
        converted.features(x)
    assert 1e-5 < (converted.pooled(x) - network.pooled(x)).abs().max() < 1


def test_inside_another_network():
    _, converted, x = converted_net()
    outer = nn.Sequential(nn.Identity(), converted).eval()
    result = evaluate(outer, [(x, torch.zeros(6, dtype=torch.int64))])
    assert len(result.sites) == 6 and all(site.elements for site in result.sites)
    assert check(outer, x) == ()


def test_state_holds_intervals_and_the_plan():
    network, first, x = converted_net()
    second = convert(network, precision=PRECISION, calibrate=[3 * x], margin=4.0)
    assert not torch.equal(first(x), second(x))
    second.load_state_dict(first.state_dict())
    assert torch.equal(first(x), second(x))
    assert [s.bound for s in first.report.sites] == [s.bound for s in second.report.sites]
    other = convert(network, precision=2**-8, calibrate=[x], margin=4.0)
    with pytest.raises(RuntimeError, match="the state is of another polynomial: convert with the"):
        other.load_state_dict(first.state_dict())
    with pytest.raises(RuntimeError, match="Missing key"):
        first.load_state_dict(network.state_dict())


def test_a_layer_that_is_left_out_does_not_move_the_others():
    network = seeded(LayerDrop)
    x = inputs(4, 4, 6, 6)
    converted = convert(network, precision=PRECISION, calibrate=[x])
    expected = converted.layers[2](converted.layers[0](x))
    converted.layers[1] = nn.Identity()
    assert torch.equal(converted(x), expected)


def test_training_mode_keeps_its_dropout():
    x = 0.1 * inputs(3, 4, 6, 6)
    converted = convert(seeded(Block), precision=PRECISION, interval=50.0)
    converted.train()
    with torch.no_grad():
        assert not torch.equal(converted(x), converted(x))
    converted.eval()
    assert torch.equal(converted(x), converted(x))


def test_an_argument_that_was_not_seen_is_refused():
    converted = convert(seeded(Block), precision=PRECISION, calibrate=[inputs(3, 4, 6, 6)])
    with pytest.raises(ConversionError, match="argument 'scale' of a converted module was None"):
        converted(inputs(3, 4, 6, 6), scale=2.0)


@pytest.mark.parametrize("make", [Net, LayerDrop, Block, lambda: nn.Sequential(Block(), Block())])
def test_copies_files_and_the_way_back(make, tmp_path):
    network = seeded(make)
    channels = 3 if isinstance(network, Net) else 4
    x = inputs(4, channels, 8, 8)
    converted = convert(network, precision=PRECISION, calibrate=[x])
    expected = converted(x)
    file = io.BytesIO()
    torch.save(converted, file)
    file.seek(0)
    path = save_converted(converted, tmp_path / "net.safetensors")
    twins = [
        copy.deepcopy(converted), pickle.loads(pickle.dumps(converted)),
        torch.load(file, weights_only=False), load_converted(path, seeded(make)),
    ]  # fmt: skip
    for twin in twins:
        assert torch.equal(twin(x), expected)
        remove(twin)
        assert torch.equal(twin(x), network(x))
        assert list(twin.state_dict()) == list(network.state_dict())
        assert type(twin) is type(network)
    assert torch.equal(converted(x), expected)


def test_what_cannot_be_traced_is_intercepted_and_says_so():
    x = inputs(3, 4).abs()
    converted = convert(Untraceable(), precision=PRECISION, calibrate=[x])
    reason = answering(converted).reason
    assert reason and converted.report.capture.startswith("intercepted")
    assert torch.allclose(converted(x), x, atol=4 * PRECISION)
    with pytest.raises(ConversionError, match="cannot be traced"):
        torch.fx.symbolic_trace(converted)
    with pytest.raises(ConversionError, match="cannot be traced"):
        torch.jit.trace(converted, x)


def test_clamping_is_refused_where_only_polynomials_can_go():
    network = nn.Sequential(nn.Linear(3, 3), nn.ReLU())
    converted = convert(network, precision=PRECISION, interval=4.0, outside="clamp")
    with pytest.raises(ConversionError, match="which is not polynomial: convert with"):
        torch.fx.symbolic_trace(converted)


def test_a_shared_block_has_one_set_of_weights():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.block = Block()

        def forward(self, x):
            return self.block(3 * self.block(x))

    network = seeded(Twice)
    x = inputs(3, 4, 6, 6)
    converted = convert(network, precision=2**-10, calibrate=[x], margin=2.0)
    count = sum(p.numel() for p in network.parameters())
    assert sum(p.numel() for p in converted.parameters()) == count
    assert (converted(x) - network(x)).abs().max() < 0.1
    with torch.no_grad():
        converted.block.conv2.weight.mul_(0.5)
        network.block.conv2.weight.mul_(0.5)
    assert (converted(x) - network(x)).abs().max() < 0.1
    assert len({site.bound for site in converted.report.sites}) == 4


def test_the_default_relu_runs_in_float64_where_it_must():
    fine = polyapprox.relu(precision=2**-20)
    network = nn.Sequential(nn.Linear(3, 3), nn.ReLU()).eval()
    converted = convert(network, approximation=fine, interval=4.0)
    traced = torch.fx.symbolic_trace(converted)
    x = inputs(50, 3)
    assert torch.allclose(traced(x), converted(x), atol=1e-6)


def test_hooks_of_a_replaced_layer_go_on_running():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.MaxPool1d(2))
    seen = []
    network[1].register_forward_hook(lambda module, args, output: seen.append("after"))
    network[1].register_forward_pre_hook(lambda module, args: seen.append("before"))
    network[2].register_forward_hook(lambda module, args, kwargs, output: seen.append("pool"), with_kwargs=True)
    converted = convert(network, precision=2**-7, interval=4.0)
    seen.clear()
    x = torch.rand(2, 3)
    converted(x)
    assert seen == ["before", "after", "pool"]
    seen.clear()
    restore(converted)(x)
    assert seen == ["before", "after", "pool"]


def test_a_state_brings_the_interval_of_a_max_pool():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(3, 4), nn.MaxPool1d(2)).eval()
    narrow = convert(network, precision=2**-7, interval=4.0)
    wide = convert(network, precision=2**-7, interval=8.0)
    x = torch.rand(2, 3)
    expected = narrow(x)
    assert not torch.equal(wide(x), expected)
    wide.load_state_dict(narrow.state_dict())
    assert torch.equal(wide(x), expected) and wide.report.sites[0].bound == narrow.report.sites[0].bound


class Optional(nn.Module):
    """What the arguments say decides what it computes."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x, shortcut=None, scale=1.0, flip=False):
        shortcut = x if shortcut is None else shortcut
        h = functional.relu(self.a(x))
        return functional.relu(scale * self.b(-h if flip else h) + shortcut)


class Gives(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList([Optional(), Optional(), Optional()])

    def forward(self, x):
        first, second, third = self.blocks
        y = first(x)
        return third(second(y, x, flip=True), scale=0.5, shortcut=y)


class GivesAndCalls(Gives):
    def forward(self, x):
        return functional.relu(super().forward(x) - 0.1)


class GivesTwice(Gives):
    def forward(self, x):
        block, other, last = self.blocks
        return last(other(block(block(x), x), x, 2.0))


@pytest.mark.parametrize("make", [Gives, GivesAndCalls, GivesTwice])
def test_arguments_that_the_caller_gives_are_known(make):
    x = inputs(40, 4)
    network = seeded(make)
    converted = convert(network, approximation=CIRCUIT, calibrate=[x])
    assert converted.report.capture == "layers" and not check(converted)
    for mode in (False, True):
        with torch.no_grad():
            assert 1e-5 < (converted.train(mode)(x) - network.train(mode)(x)).abs().max() < 1
    assert (torch.fx.symbolic_trace(converted.eval())(x) - converted(x)).abs().max() < 1e-5
    assert torch.equal(pickle.loads(pickle.dumps(converted))(x), converted(x))


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (lambda blocks, x: blocks[0](x, x), "'shortcut' of a converted module was None"),
        (lambda blocks, x: blocks[1](x), "'shortcut' .* was a tensor .* and is left out now"),
        (lambda blocks, x: blocks[2](x, None, 0.5), "'shortcut' .* was a tensor .* and is None now"),
        (lambda blocks, x: blocks[1](x, x), "'flip' of a converted module was True"),
    ],
)
def test_arguments_that_were_given_otherwise_are_refused(run, said):
    x = inputs(40, 4)
    converted = convert(seeded(Gives), approximation=CIRCUIT, calibrate=[x])
    with pytest.raises(ConversionError, match=said):
        run(converted.blocks, x)


@torch.fx.wrap
def hidden(x):
    return functional.relu(x) if x.ndim else x


def test_a_function_that_traces_do_not_look_into_is_seen_running(tmp_path):
    class Hides(nn.Linear):
        def forward(self, x):
            return hidden(super().forward(x))

    x = inputs(16, 4)
    network = seeded(lambda: nn.Sequential(Hides(4, 4), nn.ReLU()))
    converted = convert(network, approximation=CIRCUIT, calibrate=[x])
    assert "first 0: Hides calls other activations when it runs" in converted.report.capture
    assert {site.site for site in converted.report.sites} == {"0/relu1", "1"}
    program = torch.export.load(export(converted, x, tmp_path / "net.pt2"))
    with torch.no_grad():
        assert (program.module()(x) - converted(x)).abs().max() < 1e-5
        assert (converted(x) - network(x)).abs().max() > 1e-4
