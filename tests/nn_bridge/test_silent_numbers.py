"""Numbers that were printed or computed wrongly without a word: bounds, shares, windows, options, halves."""


import pytest
import torch
from torch import nn
from torch.nn import functional

from nn_bridge import ConversionError, convert, evaluate, export, predict_accuracy, propagate
from nn_bridge.activations.jumping import Hardshrink
from nn_bridge.errors import ArgumentError

PRECISION = 2**-5


def drawn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def classifier(classes=3):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, classes)).eval()


@pytest.mark.parametrize(("beta", "threshold"), [(-1.0, 1.0), (-2.0, 2.0), (1.0, -1000.0)])
def test_a_softplus_that_jumps_at_the_other_side_is_refused(beta, threshold):
    network = nn.Sequential(nn.Identity(), nn.Softplus(beta, threshold))
    with pytest.raises(ConversionError, match="it jumps by"):
        convert(network, precision=PRECISION, interval=4.0)


def test_a_softplus_of_negative_beta_is_within_its_bound():
    converted = convert(nn.Sequential(nn.Identity(), nn.Softplus(-1.0, 8.0)), precision=PRECISION, interval=10.0)
    x = torch.linspace(-10, 10, 40001, dtype=torch.float64)
    off = float((converted(x) - functional.softplus(x, -1.0, 8.0)).abs().max())
    assert off <= converted.report.sites[0].error_bound
    with pytest.raises(ConversionError, match="beta=0"):
        convert(nn.Sequential(nn.Identity(), nn.Softplus(0.0)), precision=PRECISION, interval=10.0)


@pytest.mark.parametrize("slope", [-4.0, 3.0, 0.25])
def test_a_steep_rrelu_does_not_claim_the_bound_of_its_relu(slope):
    network = nn.Sequential(nn.Identity(), nn.RReLU(slope, slope)).eval()
    converted = convert(network, precision=PRECISION, interval=2.0, improve=False)
    x = torch.linspace(-2, 2, 4001, dtype=torch.float64)
    off = float((converted(x) - network(x)).abs().max())
    (site,) = converted.report.sites
    exceeds = off > site.error_bound
    assert site.kind == ("relu in F.rrelu" if exceeds else "F.rrelu")


def test_gaps_of_a_hardshrink_that_overlap_are_in_its_bound():
    made = convert(nn.Sequential(nn.Identity(), nn.Hardshrink(1e-3)), precision=2**-4, interval=4.0)
    (layer,) = made.report.replacement.activations.values()
    assert isinstance(layer, Hardshrink) and layer.gap > layer.threshold
    assert layer.error_bound >= 2 * (layer.gap - layer.threshold)  # both signs may be 1 there, with either sign


@pytest.mark.parametrize("layer", [nn.LeakyReLU(-1e4), nn.ELU(1e4), nn.Hardswish()], ids=lambda one: type(one).__name__)
def test_the_estimated_rounding_grows_with_the_weights_of_the_parts(layer):
    network = nn.Sequential(nn.Identity(), layer)
    converted = convert(network, precision=2**-5, interval=40.0, improve=False)
    x = torch.linspace(-40, 40, 40001)
    (found,) = converted.report.replacement.activations.values()
    assert found.dtype == torch.float32
    seen = float((found(x).double() - found(x.double())).abs().max())
    output = float(network(x).abs().max()) * 2**-22  # of the arithmetic around the parts
    assert seen <= found.evaluation_error + output


@pytest.mark.parametrize("sides", [(8, 12), (12, 8)])
def test_an_adaptive_max_pool_has_windows_of_the_images_that_come(sides):
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.AdaptiveMaxPool2d(2)).eval()
    x, other = (drawn(2, 3, side, side) for side in sides)
    converted = convert(network, precision=PRECISION, calibrate=[x], margin=3.0, improve=False)
    for images in (x, other, x):
        with torch.no_grad():
            got, exact = converted(images), network(images)
        assert got.shape == exact.shape
        assert float((got - exact).abs().max()) <= converted.report.sites[0].error_bound
    assert converted.report.replacement.activations["1"].seen.elements == 2 * 4 * (2 * sides[0] ** 2 + sides[1] ** 2)


class Branching(nn.Module):
    """Its calls are intercepted, and an option of one of them changes."""

    def __init__(self, call):
        super().__init__()
        self.linear, self.call, self.option = nn.Linear(4, 4), call, 0.1

    def forward(self, x):
        h = self.linear(x)
        return self.call(h if float(x.sum()) < 1e9 else 2 * h, self.option)


@pytest.mark.parametrize(
    "call",
    [functional.leaky_relu, lambda h, a: functional.hardtanh(h, -a, 2 * a), lambda h, a: functional.elu(h, a)],
)
def test_an_option_that_changes_is_that_of_the_call(call):
    network, x = Branching(call).eval(), drawn(50, 4)
    converted = convert(network, precision=PRECISION, calibrate=[x], margin=2.0, improve=False)
    for option in (0.1, 0.7):
        network.option = converted.option = option
        off = float((converted(x) - network(x)).detach().abs().max())
        assert off <= converted.report.sites[0].error_bound
    assert converted.report.capture.startswith("intercepted")


@pytest.mark.parametrize(
    ("layer", "name", "value"),
    [(nn.LeakyReLU(0.1), "negative_slope", 0.7), (nn.Hardtanh(), "max_val", 2.0), (nn.MaxPool1d(2), "stride", 1)],
)
def test_an_option_of_a_layer_that_was_replaced_cannot_be_set(layer, name, value):
    converted = convert(nn.Sequential(nn.Linear(4, 4), layer), precision=PRECISION, calibrate=[drawn(9, 4)])
    with pytest.raises(ConversionError, match=f"with {name}="):
        setattr(converted[1], name, value)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_halves_are_computed_in_float32_where_something_traces_too(dtype):
    x = drawn(50, 4).to(dtype)
    converted = convert(classifier(), precision=2**-9, calibrate=[x.float()], improve=False).to(dtype)
    expected = converted(x).detach()
    close = {"atol": 2 * torch.finfo(dtype).eps * float(expected.abs().max()), "rtol": 0}
    assert torch.allclose(torch.jit.trace(converted, (x,), check_trace=False)(x), expected, **close)
    assert torch.allclose(torch.export.export(converted, (x,)).module()(x), expected, **close)
    assert torch.allclose(torch.func.vmap(converted)(x), expected, **close)


@pytest.mark.parametrize("label", [3, 255, 0.5])
@pytest.mark.parametrize("asked", [evaluate, predict_accuracy, propagate])
def test_labels_that_are_no_classes_are_refused(asked, label):
    network, x = classifier(), drawn(20, 4)
    labels = torch.full((20,), label)
    given = [network, convert(network, precision=PRECISION, calibrate=[x], improve=False)]
    arguments = {evaluate: given[:1], predict_accuracy: given, propagate: given[:1]}[asked]
    options = {"precision": PRECISION} if asked is propagate else {}
    with pytest.raises(ArgumentError, match="number the classes from 0"):
        asked(*arguments, [(x, labels)], **options)


def test_images_without_a_label_do_not_count():
    network, x = classifier(), drawn(60, 4)
    labels = network(x).argmax(1)
    converted = convert(network, precision=2**-9, calibrate=[x], improve=False)
    expected = predict_accuracy(network, converted, [(x[::2], labels[::2])])
    labels[1::2] = -1
    assert predict_accuracy(network, converted, [(x, labels)]) == expected
    assert propagate(network, [(x, labels)], precision=2**-9).accuracy["exact"] == 1.0
    with pytest.raises(ArgumentError, match="no image of the loader has a label"):
        predict_accuracy(network, converted, [(x, torch.full((60,), -1))])
    silent = propagate(network, [x], precision=2**-9)
    assert silent.accuracy == {} and "no labels" in str(silent) and "0.00%, 0.00%" not in str(silent)


@pytest.mark.filterwarnings("ignore::nn_bridge.RangeWarning")
def test_outputs_that_are_not_finite_are_wrong_and_change_the_prediction():
    network, x = classifier(), drawn(40, 4)
    labels = network(x).argmax(1)
    converted = convert(network, precision=2**-9, interval=1e-3, improve=False)
    assert not bool(torch.isfinite(converted(x)).any())
    predicted = predict_accuracy(network, converted, [(x, labels)])
    assert predicted.accuracy == 0.0 and predicted.exact == 1.0
    found = propagate(network, [(x, labels)], precision=2**-9, interval=1e-3)
    assert found.accuracy == {"exact": 1.0, "polynomial": 0.0} and found.flips["all"] == 1.0


def test_one_score_is_no_classifier():
    with pytest.raises(ArgumentError, match="gives 1 score"):
        evaluate(classifier(1), [(drawn(8, 4), torch.ones(8, dtype=torch.long))])


class Scaled(nn.Module):
    """An activation, and something that its code computes of a buffer."""

    def __init__(self, scaled):
        super().__init__()
        torch.manual_seed(0)
        self.linear, self.scaled = nn.Linear(4, 4), scaled
        self.register_buffer("known", torch.ones(4))

    def forward(self, x):
        return self.scaled(self, torch.relu(self.linear(x)))


@pytest.mark.parametrize(
    "scaled",
    [
        lambda net, h: h * (net.known + 1).rsqrt(),
        lambda net, h: h * float(net.known.sum()),
        lambda net, h: h if bool(net.known.sum() > 0) else -h,
    ],
    ids=["computed", "a number", "a branch"],
)
def test_what_is_computed_of_a_buffer_follows_a_state_that_is_loaded(scaled):
    x = drawn(20, 4)
    converted = convert(Scaled(scaled).eval(), precision=2**-9, calibrate=[x], improve=False)
    converted(x)
    network, state = Scaled(scaled).eval(), converted.state_dict()
    state["known"] = network.known = torch.tensor([0.5, 0.2, -0.75, -0.9])
    converted.load_state_dict(state)
    with torch.no_grad():
        assert float((converted(x) - network(x)).abs().max()) < 0.1


def test_a_max_pool_of_one_value_costs_nothing():
    x = drawn(2, 3, 8)
    converted = convert(nn.Sequential(nn.Identity(), nn.MaxPool1d(1, 2)), precision=PRECISION, calibrate=[x])
    assert torch.equal(converted(x), x[..., ::2])
    (site,) = converted.report.sites
    assert (site.levels, site.multiplications, site.error_bound) == (0, 0, 0.0)


@pytest.mark.filterwarnings("ignore::nn_bridge.RangeWarning")
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("bound", [1.004, 5.3, 8.02, {"1": [1.004, 5.3, 8.02]}])
def test_an_end_that_a_half_rounds_up_is_outside(bound, dtype):
    network = nn.Sequential(nn.Identity(), nn.ReLU())
    ends = torch.tensor(bound["1"] if isinstance(bound, dict) else [bound] * 3, dtype=torch.float64)
    x = torch.stack([ends, -ends, 9 * ends]).to(dtype)
    clamped = convert(network, precision=2**-7, interval=bound, outside="clamp")
    allowed = ends * (2**-7 + 2 * torch.finfo(dtype).eps)
    assert bool(((clamped(x).double() - x.double().minimum(ends).clamp(min=0)).abs() <= allowed).all())
    counted = convert(network, precision=2**-7, interval=bound)
    counted(x)
    seen = counted.report.replacement.activations["1"].seen
    assert seen.outside == int((x.double().abs() > ends).sum()) >= 3


@pytest.mark.filterwarnings("ignore::nn_bridge.RangeWarning")
def test_a_score_that_is_not_a_number_is_no_mask():
    x = drawn(40, 5)
    network = nn.Sequential(nn.Identity(), nn.Softmax(1))
    converted = convert(network, precision=PRECISION, calibrate=[x], improve=False)
    broken = x.clone()
    broken[3, 2] = torch.nan
    assert bool(torch.isnan(converted(broken)[3]).all()) and bool(torch.isfinite(converted(broken)[:3]).all())
    (layer,) = converted.report.replacement.activations.values()
    assert layer.seen.outside > 0
    masked = x.masked_fill(torch.arange(5) == 2, -1e4)
    assert bool((convert(network, precision=PRECISION, calibrate=[masked], improve=False)(masked)[:, 2] == 0).all())


def test_scores_that_are_not_numbers_are_not_measured_as_masks():
    class Root(nn.Module):
        def forward(self, x):
            return x.sqrt().softmax(1)

    with pytest.raises(ConversionError, match="finite"):
        convert(Root(), precision=PRECISION, calibrate=[drawn(40, 5)])


@pytest.mark.parametrize("layer", [nn.CELU(0.3), nn.Softplus(2.0, 9.0), nn.GELU()], ids=lambda one: type(one).__name__)
def test_a_network_that_ends_with_a_plan_leaves_for_onnx(layer, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    x = drawn(5, 4).double()
    network = nn.Sequential(nn.Linear(4, 3), layer).double().eval()
    converted = convert(network, precision=PRECISION, calibrate=[x], improve=False)
    export(converted, x, tmp_path / "net.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "net.onnx")
    (got,) = session.run(None, {session.get_inputs()[0].name: x.numpy()})
    assert float((torch.from_numpy(got) - converted(x)).detach().abs().max()) < 1e-12
