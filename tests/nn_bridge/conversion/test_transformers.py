"""Softmax, attention and norms through the bridge: found, measured, replaced, and what is refused."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
import torch.nn.functional as functional
from torch import nn

from nn_bridge import (
    ArgumentError,
    ConversionError,
    OutOfRangeError,
    allocate,
    calibrate,
    check,
    convert,
    export,
    load_converted,
    measure,
    propagate,
    renew,
    restore,
    save_converted,
    sturdy,
    weighted,
)  # fmt: skip
from nn_bridge.activations.vectors import Box, Norm, Softmax
from nn_bridge.calls.functions import Call
from nn_bridge.training import Noise

PRECISION = 2**-8


class Block(nn.Module):
    """A block of a transformer, with its own attention."""

    def __init__(self, width=16, heads=4, attention="sdpa"):
        super().__init__()
        self.heads, self.attention = heads, attention
        self.joint = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width)
        self.up, self.act, self.down = nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        self.last = nn.RMSNorm(width, eps=1e-6)

    def forward(self, x):
        q, k, v = self.joint(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4).unbind(0)
        if self.attention == "sdpa":
            y = functional.scaled_dot_product_attention(q, k, v)
        else:
            y = ((q @ k.transpose(-2, -1)) * 0.5).softmax(-1) @ v
        x = self.norm(x + self.out(y.transpose(1, 2).flatten(2)))
        return self.last(x + self.down(self.act(self.up(x))))


def network(attention="sdpa", seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(Block(attention=attention), Block(attention=attention), nn.Flatten(), nn.Linear(96, 3)).eval()


def data(count=48, seed=1):
    return torch.randn(count, 6, 16, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("attention", ["sdpa", "method"])
def test_a_transformer_becomes_additions_and_multiplications(attention):
    model, x = network(attention), data()
    converted = convert(model, precision=PRECISION, calibrate=[x], improve=False)
    assert converted.report.capture == "layers" and not converted.report.remaining
    names = [site.site.rpartition("/")[2] for site in converted.report.sites]
    assert names == ["softmax1", "layer_norm1", "0.act", "rms_norm1", "softmax1", "layer_norm1", "1.act", "rms_norm1"]
    exact, got = model(x), converted(x)
    assert 0 < (got - exact).abs().max() < 0.02 * exact.abs().max()
    assert converted.report.levels == sum(site.levels for site in converted.report.sites) > 30
    assert {site.split("/")[0] for site in converted.state_dict()} >= {"0.norm.weight", "1.last.weight"}
    restore(converted)
    assert torch.equal(converted(x), exact)


def test_every_whole_stays_within_its_bound():
    model, x = network(), data()
    converted = convert(model, precision=PRECISION, calibrate=[x], improve=False)
    generator = torch.Generator().manual_seed(3)
    for site, layer in converted.report.replacement.activations.items():
        if isinstance(layer, Norm):
            low, high = layer.low, layer.bound
            for mean_square in (low * 1.0001, (low * high) ** 0.5, high * 0.9999):
                z = torch.randn(200, 16, generator=generator, dtype=torch.float64)
                z = z - z.mean(-1, keepdim=True) if layer.call.name == "layer_norm" else z
                z = z / z.square().mean(-1, keepdim=True).sqrt() * (mean_square - layer.call.option("eps")) ** 0.5
                error = layer(z) - z / mean_square**0.5
                assert error.abs().max() <= layer.error_bound, site
        if isinstance(layer, Softmax):
            top = layer.shift.view(-1, 1, 1) * 2**layer.squarings
            s = top - layer.reach * torch.rand(50, 4, 6, 6, generator=generator, dtype=torch.float64)
            rows = torch.logsumexp(s / 2**layer.squarings, -1, keepdim=True) - layer.shift.view(-1, 1, 1)
            inside = (rows <= 0) & (rows >= -layer.width)
            error = (layer(s) - s.softmax(-1)).abs() * inside
            assert inside.sum() > 100 and error.max() <= layer.error_bound, site


class Masked(nn.Module):
    """Attention that a mask of keys, and the order of time, take scores out of."""

    def __init__(self, causal=False):
        super().__init__()
        self.causal = causal

    def forward(self, x, mask):
        k = x[:, None]
        if self.causal:
            return functional.scaled_dot_product_attention(k, k, k, is_causal=True)
        return functional.scaled_dot_product_attention(k[:, :, :1], k, k, attn_mask=mask[:, None, None, :])


@pytest.mark.parametrize("causal", [False, True])
def test_masked_keys_have_no_weight(causal):
    x = data()
    mask = torch.arange(6)[None] < torch.randint(1, 7, (48, 1), generator=torch.Generator().manual_seed(2))
    model = Masked(causal).eval()
    converted = convert(model, precision=PRECISION, calibrate=[(x, mask)], improve=False)
    exact, got = model(x, mask), converted(x, mask)
    assert torch.isfinite(got).all() and (got - exact).abs().max() < 8 * PRECISION * x.abs().max()
    if not causal:
        assert torch.equal(converted(torch.where(mask[..., None], x, 7.0), mask), got)
    site = converted.report.replacement.activations["/softmax1"]
    assert site.box.masked and site.seen.outside == 0


@pytest.mark.parametrize(
    "layer",
    [
        nn.Softmax(-1), nn.Softmin(1), nn.LayerNorm((6, 16)), nn.RMSNorm(16), nn.GroupNorm(2, 6),
        nn.InstanceNorm1d(6, affine=True), nn.GroupNorm(3, 6, affine=False),
    ],
    ids=lambda layer: type(layer).__name__,
)  # fmt: skip
def test_layers_of_torch(layer):
    for parameter in layer.parameters():
        nn.init.normal_(parameter, 1.0)
    model = nn.Sequential(nn.Identity(), layer).eval()
    converted = convert(model, precision=PRECISION, calibrate=[data()], improve=False)
    assert len(converted.report.sites) == 1 and converted.report.sites[0].precision <= PRECISION
    x = data(16, seed=1)
    assert 0 < (converted(x) - model(x)).abs().max() <= 4 * converted.report.sites[0].error_bound
    assert converted(x[:0]).shape == x[:0].shape  # of groups it was a traceback


class Functions(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: torch.softmax(x, 2), lambda x: functional.softmax(x, dim=1), lambda x: x.softmax(-1),
        lambda x: functional.normalize(x, dim=-1), lambda x: functional.normalize(x, dim=1),
        lambda x: torch.layer_norm(x, (16,)), lambda x: functional.group_norm(x, 3),
        lambda x: torch.nn.functional.instance_norm(x), lambda x: functional.rms_norm(x, (16,)),
    ],
)  # fmt: skip
def test_functions(function):
    model = Functions(function)
    x = data()
    converted = convert(model, precision=PRECISION, calibrate=[x], improve=False)
    error = (converted(x) - model(x)).abs().max()
    assert 0 < error <= 4 * converted.report.sites[0].error_bound


@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("padded", [True, False])
def test_multi_head_attention_of_torch(batch_first, padded):
    torch.manual_seed(4)
    attention = nn.MultiheadAttention(16, 4, batch_first=batch_first).eval()
    x = data()

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention = attention

        def forward(self, x):
            padding = torch.arange(x.shape[1 if batch_first else 0])[None].expand(x.shape[0 if batch_first else 1], -1) > 3
            y, weights = self.attention(x, x, x, key_padding_mask=padding if padded else None)
            return torch.cat([y.flatten(), weights.flatten()])[None]

    model = Network().eval()
    converted = convert(model, precision=PRECISION, calibrate=[x], improve=False)
    assert [site.site for site in converted.report.sites] == ["attention/softmax1"]
    assert 0 < (converted(x) - model(x)).abs().max() < 4 * PRECISION


def test_the_encoder_of_torch():
    torch.manual_seed(5)
    layer = nn.TransformerEncoderLayer(16, 4, 32, activation="gelu", batch_first=True, norm_first=True)
    model = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False).eval()
    x = data()
    converted = convert(model, precision=PRECISION, calibrate=[x], improve=False)
    assert len(converted.report.sites) == 8
    assert 0 < (converted(x) - model(x)).abs().max() < 0.02


def test_files_copies_and_states(tmp_path):
    model, x = network(), data()
    converted = convert(model, precision=PRECISION, calibrate=[x], improve=False)
    expected = converted(x)
    loaded = load_converted(save_converted(converted, tmp_path / "net.safetensors"), network(seed=6))
    assert torch.equal(loaded(x), expected)
    assert torch.equal(pickle.loads(pickle.dumps(converted))(x), expected)
    assert torch.equal(copy.deepcopy(converted)(x), expected)
    other = convert(network(seed=7), precision=PRECISION, calibrate=measure(model, [x]))
    with pytest.raises(RuntimeError, match="another polynomial"):
        key = next(key for key in converted.state_dict() if key.endswith("layer_norm1.plan"))
        other.load_state_dict({**converted.state_dict(), key: torch.zeros(64, dtype=torch.uint8)})
    other.load_state_dict(converted.state_dict())
    assert torch.equal(other(x), expected)
    ranges = measure(model, [x])
    ranges.save(tmp_path / "ranges.safetensors")
    again = convert(model, precision=PRECISION, calibrate=type(ranges).load(tmp_path / "ranges.safetensors"))
    assert torch.equal(again(x), expected)


def test_renewed_ranges_reach_further():
    model, x = network(), data()
    converted = convert(model, precision=PRECISION, calibrate=[x[:4]], improve=False)
    before = converted.report.replacement.activations["0/softmax1"].width
    renew(converted, [3 * x])
    after = converted.report.replacement.activations["0/softmax1"].width
    assert after > before
    assert (converted(3 * x) - model(3 * x)).abs().max() < 0.1 * model(3 * x).abs().max()


def test_an_exported_transformer_is_polynomial(tmp_path):
    model, x = network(), data(8)
    converted = convert(model, precision=PRECISION, calibrate=[data()], improve=False)
    path = export(converted, x, tmp_path / "net.pt2")
    program = torch.export.load(path)
    assert (program.module()(x) - converted(x)).abs().max() < 1e-5


def test_masks_are_not_exported(tmp_path):
    converted = convert(Functions(lambda x: functional.scaled_dot_product_attention(x, x, x, is_causal=True)),
                        precision=PRECISION, calibrate=[data()], improve=False)  # fmt: skip
    with pytest.raises(ConversionError, match="masks take out"):
        export(converted, data(4), tmp_path / "net.pt2")


def test_what_is_refused():
    x = data()
    with pytest.raises(ConversionError, match="equal numbers"):
        convert(nn.LayerNorm(16, eps=0.0), precision=PRECISION, calibrate=[torch.eye(16), torch.ones(2, 16)], improve=False)
    with pytest.raises(ConversionError, match="apart, too far"):
        convert(nn.Softmax(-1), precision=PRECISION, calibrate=[torch.cat([x, 400 + x])], improve=False)
    raising = convert(nn.LayerNorm(16), precision=PRECISION, calibrate=[x], improve=False, outside="raise")
    with pytest.raises(OutOfRangeError, match="values outside"):
        raising(100 * x)


def test_without_measured_ranges_they_remain():
    model = nn.Sequential(nn.Linear(16, 16), nn.ReLU(), nn.LayerNorm(16), nn.Softmax(-1)).eval()
    converted = convert(model, precision=PRECISION, interval=8.0)
    converted(data())
    assert {str(item).partition(":")[0] for item in converted.report.remaining} == {"2/layer_norm1", "3/softmax1"}
    assert [item.convertible for item in check(model)] == [True, True, True]


class Unpacking(nn.Module):
    """Attention whose code torch.fx cannot trace: it takes a shape apart."""

    def __init__(self):
        super().__init__()
        self.query, self.act = nn.Linear(16, 16), nn.GELU()

    def forward(self, x):
        shape = (*x.shape[:-1], 4, 4)
        q = self.query(x).view(*shape).transpose(1, 2)
        y = functional.scaled_dot_product_attention(q, q, q)
        return self.act(y.transpose(1, 2).reshape(x.shape))

    def elsewhere(self, x):
        return functional.softmax(x, -1)


class Asking(nn.Module):
    """It asks for a number, and runs another that cannot be traced."""

    def __init__(self):
        super().__init__()
        self.inner, self.norm = Unpacking(), nn.LayerNorm(16)

    def forward(self, x):
        x = self.norm(x + self.inner(x))
        return functional.relu(x) if float(x.detach().sum()) > -1e9 else x


@pytest.mark.parametrize("block", [Unpacking, Asking])
def test_a_block_that_cannot_be_traced_keeps_its_code_and_its_layers_hold_the_state(block, tmp_path):
    torch.manual_seed(0)
    model, x = nn.Sequential(nn.Linear(16, 16), block(), nn.Flatten(), nn.Linear(96, 3)).eval(), data()
    before = list(model.state_dict())
    converted = convert(model, precision=PRECISION, calibrate=[x], improve=False)
    got = converted(x)
    assert 1e-6 < (got - model(x)).abs().max() < 0.05 and "cannot be iterated" in converted.report.capture
    state = converted.state_dict()
    sites = {site.site.replace("/", ".") for site in converted.report.sites}
    assert sites == {key.removesuffix(".interval") for key in state if key.endswith(".interval")}
    assert sites >= {"1.act", "1.softmax1"} or sites >= {"1.inner.act", "1.inner.softmax1", "1.norm.layer_norm1", "1.relu1"}
    save_converted(converted, tmp_path / "net.safetensors")
    loaded = load_converted(tmp_path / "net.safetensors", copy.deepcopy(model))
    for twin in (copy.deepcopy(converted), pickle.loads(pickle.dumps(converted)), loaded):
        assert torch.equal(twin(x), got) and twin.report.capture == converted.report.capture
    again = convert(model, precision=PRECISION, calibrate=[x], improve=False)
    again.load_state_dict({key: value + 0.125 if key.endswith("softmax1.interval") else value for key, value in state.items()})
    assert not torch.equal(again(x), got)
    again.load_state_dict(state)
    assert torch.equal(again(x), got) and torch.equal(torch.compile(again, backend="eager")(x), got)
    if block is Unpacking:
        export(again, x[:4], tmp_path / "net.pt2")
        assert (torch.export.load(tmp_path / "net.pt2").module()(x) - got).abs().max() < 1e-5
        with pytest.raises(ConversionError, match=r"calls F\.softmax itself"):
            again[1].elsewhere(x)
    restore(again)
    assert torch.equal(again(x), model(x)) and list(again.state_dict()) == before and type(again[1]) is block


def test_precisions_of_kinds_and_sites(tmp_path):
    model, x = network(), data()
    wanted = {"softmax": 2**-5, "gelu": 2**-9, "1.act": 2**-4}
    converted = convert(model, precision=2**-7, precisions=wanted, calibrate=[x], improve=False)
    sites = {site.site: site for site in converted.report.sites}
    for name, site in sites.items():
        asked = wanted.get(name, 2**-5 if "softmax" in name else 2**-9 if name == "0.act" else 2**-7)
        assert asked / 16 < site.precision <= asked, name
    assert sites["1.act"].levels < sites["0.act"].levels
    save_converted(converted, tmp_path / "net.safetensors")
    loaded = load_converted(tmp_path / "net.safetensors", network())
    assert torch.equal(loaded(x), converted(x)) and [s.precision for s in loaded.report.sites] == [s.precision for s in sites.values()]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"silu": 2**-5}, r"'silu'.*it|'silu'\] is of no call site"),
        ({"relu": 2**-5}, r"'relu'\] is of no call site"),
        ({"softmax": 2}, r"precisions\['softmax'\] is 2"),
    ],
)
def test_precisions_that_nothing_has(given, words):
    with pytest.raises(ArgumentError, match=words):
        convert(network(), precision=2**-7, precisions=given, calibrate=[data()])


def test_precisions_need_measured_ranges():
    with pytest.raises(ArgumentError, match="needs measured ranges"):
        convert(network(), precision=2**-7, precisions={"gelu": 2**-5}, interval=4.0)


class Mixed(nn.Module):
    """A ReLU between functions of vectors."""

    def __init__(self):
        super().__init__()
        self.first, self.norm, self.act, self.last = nn.Linear(16, 16), nn.LayerNorm(16), nn.ReLU(), nn.Linear(16, 3)

    def forward(self, x):
        y = self.norm(self.first(x))
        return self.last(self.act(y.softmax(-1) * 8 + y - 1)).mean(1)


def mixed():
    torch.manual_seed(0)
    model = Mixed().eval()
    x = data(64)
    return model, x, [(x, model(x).argmax(1))]


def test_what_measures_and_chooses_knows_functions_of_vectors():
    model, x, loader = mixed()
    largest = calibrate(model, [x])
    spread = model.first(x).detach().var(-1, correction=0).max() + 1e-5
    assert largest["norm/layer_norm1"] == pytest.approx(float(spread), rel=1e-5) and "/softmax1" in largest
    found = propagate(model, loader, precision=2**-6)
    told = {layer.site: layer for layer in found.layers}
    assert set(told) == set(largest) and all(0 < layer.observed < 0.5 and layer.predicted > 0 for layer in told.values())
    assert found.deviation["linear"] == pytest.approx(found.deviation["all"], rel=0.3) and found.bound is None
    chosen = allocate(model, loader, loss=0.05)
    assert set(chosen.approximations) == {"act"} == set(weighted(measure(model, [x]), multiplications=3))
    converted = convert(model, approximation=chosen.approximations, calibrate=[x], improve=False)
    assert {str(item).partition(":")[0] for item in converted.report.remaining} <= {"norm/layer_norm1", "/softmax1"}
    with pytest.raises(ArgumentError, match="no ReLU"):
        allocate(network(), [(x, torch.zeros(64, dtype=torch.long))])


def test_training_keeps_functions_of_vectors_exact_or_refuses_by_name():
    model, x, _ = mixed()
    handle = sturdy(model, noise=Noise(kind="uniform", strength=0.0, precision=(4,)), calibrate=[x], penalty=0.1)
    assert torch.allclose(model.train()(x), model.eval()(x)) and float(handle.penalty) >= 0
    handle.off()
    handle = sturdy(model, calibrate=[x], precision=4)
    moved = model.train()(x) - model.eval()(x)
    assert moved.abs().max() > 1e-3
    moved.square().sum().backward()
    handle.off()
    for refused in ({"polynomial": 5}, {"noise": "error"}):
        with pytest.raises(ConversionError, match=r"'norm/layer_norm1' is a function of vectors"):
            sturdy(model, calibrate=[x], **refused)
        assert type(model.norm) is nn.LayerNorm
    converted = convert(model, precision=2**-6, calibrate=[x], improve=False)
    before = converted(x).detach()
    optimiser = torch.optim.SGD(converted.parameters(), lr=0.05)
    functional.cross_entropy(converted(x), torch.arange(64) % 3).backward()
    optimiser.step()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in converted.parameters())
    assert 1e-4 < (converted(x) - before).abs().max() < 1


def test_softmax_of_shorter_vectors_than_the_longest_measured():
    """Sentences are of many lengths: the sums of the shorter ones are within the same range."""
    call = Call("softmax", "nn.Softmax", (("dim", -1),))
    ends = torch.tensor([[-4.0, 3.0, 0.0, 4.0, 0.5, 3.0]]).double()
    layer = Softmax(call, Box(ends, 8), 2**-8, "report", "softmax")
    for n in (3, 5, 8):
        s = torch.linspace(-4, 2, n)[None]
        assert (layer(s) - s.softmax(-1)).abs().max() <= layer.error_bound
    assert not layer.seen.outside


def test_masks_take_scores_out_of_a_rough_first_sum_too():
    box = Box(torch.tensor([[-16.9, 3.0, 0.0, 3.0]], dtype=torch.float64), 128, True)
    layer = Softmax(Call("softmax", "nn.Softmax", (("dim", -1),)), box, 2**-10, "report", "softmax")
    assert "rough exp" in layer.whole.parts and len(layer.exponentials) == 2 and len(layer.totals) == 2
    random = torch.Generator().manual_seed(0)
    s = 19.9 * torch.rand(2000, 128, generator=random, dtype=torch.float64) ** 8 - 17
    s[:, 0] = 3 * torch.rand(2000, generator=random)
    s[:, 1:][torch.rand(2000, 127, generator=random) < 0.5] = -torch.inf
    total = s.logsumexp(-1)
    s = s[(total > 0) & (total < 3)]
    error = (layer(s) - s.softmax(-1)).abs().max()
    assert len(s) > 500 and error <= layer.error_bound
