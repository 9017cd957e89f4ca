"""How errors travel: against networks whose answer is known, and against direct evaluation."""

from __future__ import annotations

import json
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import propagation_tables as tables
import pytest
import torch
from paths import EXPERIMENTS
from torch import nn

import polyapprox
from nn_bridge import ConversionError, convert, propagate
from nn_bridge.activations.evaluator import Evaluator
from nn_bridge.errors import ArgumentError
from nn_bridge.models import DigitsNet
from nn_bridge.models.networks import find_network
from nn_bridge.propagation import AccuracyCurve, accuracy_curve, majorant
from nn_bridge.propagation.report import findings
from nn_bridge.propagation.responses import responses


def circuit(m=5):
    return polyapprox.circuit("relu", multiplications=m)


@pytest.fixture(scope="module")
def digits():
    network = find_network("digits")
    return network.load(), list(network.batches(network.data("test").first(100), 50))


@pytest.fixture(scope="module")
def found(digits):
    return propagate(*digits, precision=2**-7, approximation=circuit(), margin=1.1)


def test_one_activation_between_linear_maps_is_predicted_exactly():
    generator = torch.Generator().manual_seed(5)
    network = nn.Sequential(nn.Linear(3, 6), nn.ReLU(), nn.Linear(6, 4)).double()
    x = torch.randn(500, 3, generator=generator, dtype=torch.float64)
    result = propagate(network, [x], precision=2**-7, approximation=circuit(), interval=8.0)
    (layer,) = result.layers
    hidden = network[0](x).detach()
    error = 8 * torch.as_tensor(circuit()((hidden / 8).numpy())) - hidden.clamp(min=0)
    deviation = error @ network[2].weight.detach().T
    rms = float(deviation.square().mean().sqrt())
    assert layer.observed == pytest.approx(rms, rel=1e-9)
    assert layer.predicted == pytest.approx(rms, rel=1e-9)
    assert result.deviation["all"] == pytest.approx(rms, rel=1e-9)
    assert layer.rms == pytest.approx(float(error.square().mean().sqrt()), rel=1e-9)
    negative = hidden < 0
    assert layer.bias_negative == pytest.approx(float(error[negative].mean()), rel=1e-9)
    assert layer.rms_positive == pytest.approx(float(error[~negative].square().mean().sqrt()))
    assert layer.negative == pytest.approx(float(negative.double().mean()))
    assert layer.dead == pytest.approx(float((hidden.abs() <= layer.proven).double().mean()))
    # J is the last weight: its Frobenius norm is known, the products estimate it
    norm = float(network[2].weight.detach().norm()) * layer.rms / 2  # rms over 4 logits
    assert layer.predicted_norm == pytest.approx(norm, rel=0.25)
    bound = result.bound
    largest = float(network[2].weight.detach().abs().sum(1).max()) * layer.proven
    assert bound == pytest.approx(largest, rel=1e-9) and float(deviation.abs().max()) <= bound


def test_the_deviation_is_that_of_the_converted_network(digits, found):
    model, data = digits
    converted = convert(
        model, approximation=circuit(), calibrate=[x for x, _ in data], margin=1.1
    )
    with torch.no_grad():
        deviations = torch.cat([converted(x) - model(x) for x, _ in data])
    assert found.deviation["all"] == pytest.approx(float(deviations.square().mean().sqrt()), rel=1e-4)
    assert [layer.site for layer in found.layers] == [s.site for s in converted.report.sites]
    assert found.images == 100 and found.accuracy["exact"] > 0.97


def test_predictions_meet_what_is_observed(found):
    ratios = [layer.predicted / layer.observed for layer in found.layers]
    assert all(2 / 3 < ratio < 3 / 2 for ratio in ratios)
    random = [layer.predicted_norm / layer.observed for layer in found.layers]
    assert sum(2 / 3 < ratio < 3 / 2 for ratio in random) > len(random) / 2
    assert found.deviation["linear"] == pytest.approx(found.deviation["all"], rel=0.5)
    parts = found.deviation["negative"] ** 2 + found.deviation["positive"] ** 2
    assert 0.3 < parts / found.deviation["all"] ** 2 < 3
    first = found.layers[0]
    assert first.carried == pytest.approx(first.rms, rel=1e-5) and first.amplification == 1.0


def test_the_majorant_bounds_every_deviation_and_certifies_at_high_precision(digits):
    model, data = digits
    fine = polyapprox.relu(precision=2**-44, structure="composite")
    result = propagate(model.double(), [(x.double(), y) for x, y in data],
                       precision=2**-44, approximation=fine, margin=1.5)  # fmt: skip
    model.float()
    assert result.certified == 1.0 and result.flips["all"] == 0.0
    assert result.deviation["all"] < result.bound < 1e-3


def test_the_majorant_is_sharp_where_nothing_cancels():
    network = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1)).double()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.abs_()
    converted = convert(network, approximation=circuit(), interval=4.0)
    activations = converted.report.replacement.activations
    converted(torch.zeros(1, 2, dtype=torch.float64))
    bound = majorant(network, activations, torch.Size([2]))
    expected = float(network[2].weight.detach().sum()) * 4 * circuit().error_bound
    assert float(bound.logits[0]) == pytest.approx(expected, rel=1e-12)
    assert bound.sites == {"1": 0.0}


class Gated(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(3, 3)

    def forward(self, x):
        return torch.relu(self.first(x)) * x


def test_a_network_that_multiplies_has_no_rigorous_bound_and_says_why():
    result = propagate(Gated(), [torch.randn(10, 3)], precision=2**-7, approximation=circuit())
    assert result.bound is None and result.certified == 0.0
    assert "calls 'mul' between activations" in result.reason
    assert "none: " in str(result)


def test_max_pools_and_other_functions_travel_too():
    network = nn.Sequential(
        nn.Conv1d(1, 2, 3), nn.GELU(), nn.MaxPool1d(2), nn.Flatten(), nn.Linear(6, 2)
    )
    result = propagate(network, [torch.randn(40, 1, 8)], precision=2**-9)
    assert [layer.site for layer in result.layers] == ["1", "2"]
    assert all(0 < layer.observed < 0.1 for layer in result.layers)
    assert result.deviation["all"] <= result.bound


class Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.images, self.rows, self.links = 0, 0, []

    def handle_starttag(self, tag, attributes):
        self.images += tag == "img"
        self.rows += tag == "tr"
        self.links += [v for k, v in attributes if k in ("src", "href") and v[:5] != "data:"]


def test_the_page_holds_everything_itself(found, tmp_path):
    path = found.save(tmp_path / "report.html")
    reader = Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    assert reader.images == 2 and reader.links == []
    assert reader.rows > len(found.layers) + 10
    for layer in found.layers:
        assert layer.site in path.read_text(encoding="utf-8") and layer.site in str(found)
    assert list(tmp_path.iterdir()) == [path]


def test_the_network_is_left_as_it_was(digits):
    model, data = digits
    model.train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    propagate(model, data[:1], precision=2**-7, approximation=circuit())
    assert model.training and all(module.training for module in model.modules())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
    model.eval()


def test_the_critical_precision_is_the_first_from_which_on_accuracy_stays(digits):
    model, data = digits
    curve = accuracy_curve(model, data, powers=(2, 9, 13), interval=100.0)
    for k in (2, 9, 13):
        twin = convert(model, precision=2.0**-k, interval=100.0)
        with torch.no_grad():
            right = [int((twin(x).argmax(1) == y).sum()) for x, y in data]
        assert curve.accuracy[k] == sum(right) / 100
    assert curve.critical in (9, 13) and curve.accuracy[2] < 0.9 < curve.exact
    dented = AccuracyCurve(0.9, {5: 0.9, 6: 0.8, 7: 0.9, 8: 0.897}, 0.005)
    assert dented.critical == 7
    assert AccuracyCurve(0.9, {5: 0.9, 6: 0.8}, 0.005).critical is None
    with pytest.raises(ArgumentError, match=r"powers is \(0,\): give whole numbers"):
        accuracy_curve(model, data, powers=(0,))
    with pytest.raises(ArgumentError, match="loss is 2: give a share"):
        accuracy_curve(model, data, loss=2)


def test_bad_input():
    with pytest.raises(ArgumentError, match="samples is 0: give at least 1"):
        propagate(DigitsNet(), [torch.zeros(1, 1, 8, 8)], precision=2**-7, samples=0)
    with pytest.raises(ArgumentError, match="gave no batch"):
        propagate(DigitsNet(), [], precision=2**-7)
    with pytest.raises(ConversionError, match="no activation was called"):
        propagate(nn.Linear(2, 2), [torch.zeros(1, 2)], precision=2**-7)


def test_the_tables_of_the_page_are_those_of_the_results():
    assert tables.main(tables.PAGE, tables.TABLES, ["--check"]) == 0


def test_the_saved_results_support_what_the_page_says():
    text = (EXPERIMENTS / "results" / "propagation-resnet20-cifar10.json").read_text(encoding="utf-8")
    layers = json.loads(text)["layers"]
    assert len(layers) == 19
    assert all(2 / 3 < one["predicted"] / one["observed"] < 3 / 2 for one in layers)
    found = json.loads((EXPERIMENTS / "results" / "allocation-resnet20.json").read_text(encoding="utf-8"))
    test = found["test_images"]
    assert test["images"] == 10_000
    assert test["allocated"] >= test["exact"] - 0.005
    kept = [one for one in test["uniform"] if one["accuracy"] >= test["exact"] - 0.005]
    assert found["multiplications"] <= 0.8 * kept[0]["multiplications"]
    assert found["multiplications"] == sum(one["multiplications"] for one in found["sites"])


def test_the_report_names_the_worst_activation_and_a_remedy(found, digits):
    worst = max(found.layers, key=lambda layer: layer.observed)
    first, remedy, loose = findings(found)
    assert first.startswith(f"Most harm is done by {worst.site}:") and f"{worst.observed:.2g} (rms)" in first
    assert remedy.startswith("No prediction changes") and found.flips["all"] == 0
    assert f"{found.bound / found.deviation['all']:.1g} times" in loose
    assert all(one in str(found) for one in (first, remedy, loose))
    changed = replace(found, flips={**found.flips, "all": 0.1})
    even, odd = (replace(worst, predicted=times * worst.predicted_norm) for times in (1.0, 2.0))
    assert "more precise polynomial" in findings(replace(changed, layers=(even,)))[1]
    assert "correct_means" in findings(replace(changed, layers=(odd,)))[1]
    beyond = replace(odd, outside=0.25)
    assert findings(replace(changed, layers=(beyond,)))[1].startswith("0.2 of its inputs leave")
    assert len(findings(replace(found, bound=None))) == 2


def test_the_page_of_the_report_fits_a_phone(found, tmp_path):
    text = found.save(tmp_path / "report.html").read_text(encoding="utf-8")
    assert "name='viewport'" in text and text.count("<div><table>") == text.count("overflow-x:auto") == 1


@pytest.mark.parametrize("kind", [torch.int64, torch.int32])
def test_a_network_of_tokens_is_followed_and_has_no_rigorous_bound(kind):
    torch.manual_seed(1)
    network = nn.Sequential(nn.Embedding(20, 6), nn.Flatten(), nn.Linear(24, 9), nn.GELU(), nn.LayerNorm(9), nn.Linear(9, 3))
    tokens = torch.randint(20, (40, 4), generator=torch.Generator().manual_seed(2)).to(kind)
    found = propagate(network.eval(), [tokens], precision=2**-7)
    assert [layer.site for layer in found.layers] == ["3", "4/layer_norm1"]
    assert found.bound is None and "layer_norm" in found.reason  # tokens themselves do not deviate
    assert 2 / 3 < found.deviation["linear"] / found.deviation["all"] < 3 / 2


@pytest.mark.parametrize("middle", [nn.Identity(), nn.Softplus()])
def test_an_output_with_a_prediction_for_each_place_is_measured_over_all_of_them(middle):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), middle, nn.Conv2d(4, 3, 1)).eval()
    images = torch.randn(12, 1, 6, 6)
    found = propagate(network, [images[:8], images[8:]], precision=2**-5, calibrate=[images], margin=1.25)
    converted = convert(network, precision=2**-5, calibrate=[images], margin=1.25)
    with torch.no_grad():
        exact, got = network(images), converted(images)
    assert found.deviation["all"] == pytest.approx(float((got - exact).square().mean().sqrt()), rel=1e-5)
    assert found.flips["all"] == pytest.approx(float((got.argmax(1) != exact.argmax(1)).double().mean()))
    assert len(found.layers) == 2 or found.layers[0].observed == pytest.approx(found.deviation["all"])
    with pytest.raises(ArgumentError, match="an output of shape"):
        propagate(network, [(images, torch.zeros(12).long())], precision=2**-5)


def test_each_place_of_an_output_is_certified():
    network = nn.Sequential(nn.Conv2d(1, 2, 1), nn.ReLU(), nn.Conv2d(2, 2, 1)).eval()
    with torch.no_grad():
        for layer in (network[0], network[2]):
            layer.bias.zero_()
            layer.weight.copy_(torch.eye(2)[:, :1, None, None] * 2 if layer is network[0] else torch.eye(2)[:, :, None, None])
    sure, unsure = torch.ones(1, 1, 2, 2), torch.ones(1, 1, 2, 2)
    unsure[0, 0, 1, 1] = 0.01
    found = propagate(network, [torch.cat([sure, unsure])], precision=2**-5, margin=1.25)
    assert found.certified == 0.5


def test_a_network_with_one_output_is_followed():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 1)).eval()
    found = propagate(network, [torch.randn(20, 3)], precision=2**-5)
    assert found.flips["all"] == 0 and 0 < found.deviation["all"] <= found.bound


class Changed(nn.Module):
    """The value of ReLU is changed in place before it goes on: itself, by a view, or its argument."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how, self.first, self.last = how, nn.Linear(6, 6), nn.Linear(6, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        before = self.first(x)
        h = torch.relu(before)
        if self.how == "value":
            h.mul_(0.5)
        elif self.how == "view":
            h.flatten().mul_(0.5)
        elif self.how == "residual":
            h += x
        elif self.how == "argument":
            before.mul_(0.0)
        return self.last(h.detach() if self.how == "detached" else h)


@pytest.mark.parametrize("how", ["value", "view", "residual", "argument"])
def test_what_is_changed_in_place_later_is_recorded_as_it_was(how):
    """One layer whose value goes on linearly: to first order is exact. It was 23 times too large."""
    torch.manual_seed(3)
    network, x = Changed(how).eval().double(), torch.randn(20, 6, dtype=torch.float64)
    found = propagate(network, [x], precision=2**-6, calibrate=[x])
    assert found.deviation["linear"] == pytest.approx(found.deviation["all"], rel=1e-9)
    site = found.layers[0].site
    options = [Evaluator(polyapprox.circuit("relu", multiplications=4))]
    moved = responses(network, x, [site], {site: 4.0}, options)[0, 0]
    converted = convert(network, precision=2**-4, interval=4.0, approximation=options[0].approximation)
    with torch.no_grad():
        wanted = (converted(x) - network(x)).numpy()
    assert np.abs(moved - (wanted - wanted.mean(-1, keepdims=True))).max() < 1e-12


def test_influence_that_cannot_be_differentiated_is_refused():
    """It was 0 in the report, and a traceback where all of it is detached."""
    network, x = Changed("detached").eval(), torch.randn(20, 6)
    with pytest.raises(ConversionError, match=r"relu.* reaches the outputs, but not by .*detach"):
        propagate(network, [x], precision=2**-6, calibrate=[x])
    options = [Evaluator(polyapprox.circuit("relu", multiplications=4))]
    site = convert(network, precision=2**-4, interval=4.0).report.sites[0].site
    with pytest.raises(ConversionError, match=r"reaches the outputs, but not by"):
        responses(network, x, [site], {site: 4.0}, options)
