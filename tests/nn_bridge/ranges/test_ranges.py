"""Ranges: streamed statistics against numpy, files, choices of intervals, saved networks."""

import copy
import dataclasses
import itertools
import pickle

import numpy as np
import pytest
import ranges_tables as tables
import torch
from torch import nn

import polyapprox
from nn_bridge import (
    ArgumentError,
    ConversionError,
    DataError,
    OutOfRangeError,
    WeightsError,
    calibrate,
    convert,
    correct_means,
    evaluate,
    propagate,
)
from nn_bridge.calls.functions import Call
from nn_bridge.conversion.saving import load_converted, save_converted
from nn_bridge.experiments.accuracy import AccuracyConfiguration, run_accuracy
from nn_bridge.experiments.figure import accuracy_figure
from nn_bridge.experiments.records import key_of
from nn_bridge.models import DigitsNet
from nn_bridge.ranges.bounds import FLOOR
from nn_bridge.ranges.calibration import measure
from nn_bridge.ranges.ranges import Ranges, SiteRange

RELU = Call("relu", "nn.ReLU")


def generator(seed):
    return torch.Generator().manual_seed(seed)


def drawn(*shape, seed=0):
    return torch.randn(shape, generator=generator(seed), dtype=torch.float64)


def small(seed=0, inputs=4):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(inputs, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(),
            nn.Conv2d(6, 5, 3), nn.ReLU(), nn.Flatten(), nn.Linear(5 * 36, 3),
        ).eval()  # fmt: skip


def images(count=12, seed=1):
    return drawn(count, 4, 8, 8, seed=seed).float()


# --- streaming ----------------------------------------------------------------------------------


def scaled_channels(seed=0):
    """Channels of very different sizes, one of them zero."""
    sizes = torch.tensor([1e-6, 0.0, 3.0, 700.0], dtype=torch.float64)
    return drawn(50, 4, 5, 5, seed=seed) * sizes[:, None, None]


@pytest.mark.parametrize("by_channel", [False, True])
def test_the_result_depends_neither_on_the_order_nor_on_the_batches(by_channel):
    x = scaled_channels()
    whole = SiteRange.of(RELU, x, by_channel, 64)
    for cuts, seed in ((1, 1), (7, 2), (13, 3)):
        order = torch.randperm(50, generator=generator(seed))
        parts = [SiteRange.of(RELU, part, by_channel, 64) for part in x[order].split(cuts)]
        found = parts[0]
        for part in parts[1:]:
            found = found.merged(part)
        for field in dataclasses.fields(SiteRange):
            one, other = getattr(found, field.name), getattr(whole, field.name)
            equal = torch.equal(one, other) if isinstance(one, torch.Tensor) else one == other
            if field.name == "squares":  # a sum of numbers with a point, rounded
                equal = one == pytest.approx(other, rel=1e-14)
            assert equal, field.name


def test_histogram_against_numpy():
    x = scaled_channels()
    site = SiteRange.of(RELU, x, True, 128)
    assert site.counts.sum(1).tolist() == [1250] * 4 and site.count == 1250
    for channel in (0, 2, 3):
        values = x[:, channel].numpy().ravel()
        edge = 2.0 ** int(site.exponents[channel])
        assert edge / 2 <= np.abs(values).max() < edge
        expected, _ = np.histogram(values, bins=128, range=(-edge, edge))
        assert site.counts[channel].tolist() == expected.tolist()
    edges, counts = site.histogram()
    expected, _ = np.histogram(x.numpy().ravel(), bins=edges.numpy())
    assert counts.tolist() == expected.tolist() and len(edges) == 129


def test_histogram_of_float32_and_of_the_ends_of_bins():
    x = torch.tensor([-2.0, -1.0, 0.0, 1.0, 2.0, 3.999, -4.0])  # 4 does not fit into [−4, 4)
    site = SiteRange.of(RELU, x, False, 16)
    assert site.exponents.tolist() == [3]
    assert site.histogram()[1].tolist() == [0, 0, 0, 0, 1, 0, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0]
    assert SiteRange.of(RELU, x.bfloat16(), False, 16).elements == 7


@pytest.mark.parametrize("q", [0.001, 0.25, 0.5, 0.9, 0.999, 1.0])
def test_quantiles_hold_what_they_say(q):
    x = scaled_channels(3)
    site = SiteRange.of(RELU, x, True)
    sizes = x.abs().flatten()
    found = site.quantile(q)
    width = 2.0 ** int(site.exponents.max()) / 1024
    exact = float(np.quantile(sizes.numpy(), q, method="inverted_cdf"))
    assert exact <= found <= exact + width
    assert (sizes <= found).double().mean() >= q
    for channel, limit in enumerate(site.by_channel_quantile(q).tolist()):
        inside = x[:, channel].abs() <= limit
        assert inside.double().mean() >= q
        width = 2.0 ** int(site.exponents[channel]) / 1024
        exact = np.quantile(x[:, channel].abs().numpy(), q, method="inverted_cdf")
        assert exact <= limit <= exact + width
    if q == 1:
        assert found == site.largest and site.by_channel_quantile(q).tolist() == pytest.approx(
            x.abs().amax((0, 2, 3)).tolist(), rel=0
        )


def test_channels_of_measured_networks():
    network, data = small(), [images(5), images(7, 2)]
    ranges = measure(network, data, channels=True)
    inner = network[1](network[0](torch.cat(data))).detach()
    first = ranges.sites["2"]
    assert ranges.input_shape == (4, 8, 8) and first.count == 12 * 64
    assert first.elements == 12 * 64 * 6 and first.channels == 6
    assert torch.allclose(ranges.per_channel["2"].float(), inner.abs().amax((0, 2, 3)))
    assert first.lowest == pytest.approx(float(inner.min()))
    assert first.highest == pytest.approx(float(inner.max()))
    assert ranges.largest == calibrate(network, data)
    plain = measure(network, data)
    assert plain.largest == ranges.largest
    for one, other in zip(plain.histogram("2"), ranges.histogram("2"), strict=True):
        assert torch.equal(one, other)
    halves = [measure(network, [part], channels=True) for part in data]
    merged = halves[0].merged(halves[1])
    assert merged.quantile(0.9) == ranges.quantile(0.9)
    assert not network.training and torch.equal(network(data[0]), small()(data[0]))


def test_ranges_are_saved_and_loaded(tmp_path):
    ranges = measure(small(), [images()], channels=True, bins=256)
    path = ranges.save(tmp_path / "folder" / "ranges.safetensors")
    found = Ranges.load(path)
    assert found.input_shape == ranges.input_shape and found.calls == ranges.calls
    assert found.quantile(0.99) == ranges.quantile(0.99)
    assert list(found.sites) == list(ranges.sites)
    for site, value in ranges.per_channel_quantile(0.7).items():
        assert torch.equal(found.per_channel_quantile(0.7)[site], value)
    assert [p.name for p in path.parent.iterdir()] == ["ranges.safetensors"]
    again = found.save(tmp_path / "again.safetensors")
    assert Ranges.load(again).largest == ranges.largest


def test_files_that_hold_no_ranges(tmp_path):
    path = measure(small(), [images(2)]).save(tmp_path / "ranges.safetensors")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match="cannot be read as ranges: measure again"):
        Ranges.load(path)
    with pytest.raises(DataError, match="cannot be read as ranges"):
        Ranges.load(tmp_path / "none.safetensors")
    converted = convert(small(), precision=2**-6, interval=9.0)
    other = save_converted(converted, tmp_path / "network.safetensors")
    with pytest.raises(DataError, match="holds no ranges: give a file that"):
        Ranges.load(other)


def test_pools_are_measured_with_their_options(tmp_path):
    network = nn.Sequential(nn.ReLU(), nn.MaxPool2d((2, 1)))
    ranges = measure(network, [images(2)])
    found = Ranges.load(ranges.save(tmp_path / "r.safetensors"))
    assert found.calls["1"].option("kernel_size") == (2, 1)
    assert convert(network, precision=2**-6, calibrate=found)(images(2)).shape == (2, 4, 4, 8)


# --- intervals ----------------------------------------------------------------------------------


def test_intervals_from_ranges():
    network, data = small(), [images(40)]
    ranges = measure(network, data, channels=True)

    def bounds(**arguments):
        converted = convert(network, precision=2**-6, calibrate=ranges, **arguments)
        return {site.site: site.bound for site in converted.report.sites}

    assert bounds() == {site: 1.25 * value for site, value in ranges.largest.items()}
    assert bounds(margin=1.0) == ranges.largest
    assert bounds(interval="global", margin=1.0) == dict.fromkeys(ranges.sites, max(ranges.largest.values()))
    low = ranges.quantile(0.9)
    assert bounds(quantile=0.9, margin=2.0) == {site: 2 * value for site, value in low.items()}
    assert low["2"] < 0.8 * ranges.largest["2"]
    converted = convert(network, precision=2**-6, calibrate=data, quantile=0.9, margin=1.0)
    assert [site.bound for site in converted.report.sites] == list(low.values())
    share = evaluate(converted, [(data[0], torch.zeros(40))]).sites[0].share_outside
    assert 0.05 < share <= 0.1


def test_per_channel_bounds_and_values():
    network, x = small().double(), images(40).double()
    ranges = measure(network, [x], channels=True)
    r = polyapprox.relu(precision=2**-7)
    converted = convert(
        network, approximation=r, calibrate=ranges, interval="per-channel", margin=1.2
    )
    first, second = converted.report.sites
    assert first.channels == pytest.approx((1.2 * ranges.per_channel["2"]).tolist())
    assert first.bound == max(first.channels) == pytest.approx(1.2 * ranges.largest["2"])
    assert first.folding == "folded into 1 and 3" and second.folding == "folded into 3 and 6"
    inner = network[1](network[0](x))
    scales = torch.tensor(first.channels, dtype=torch.float64)[:, None, None]
    value = scales * torch.from_numpy(r((inner / scales).detach().numpy()))
    inner = network[3](value)
    scales = torch.tensor(second.channels, dtype=torch.float64)[:, None, None]
    value = scales * torch.from_numpy(r((inner / scales).detach().numpy()))
    expected = network[6](network[5](value))
    assert (converted(x) - expected).abs().max() < 1e-12
    layer = convert(network, approximation=r, calibrate=ranges, margin=1.2)
    assert (converted(x) - network(x)).abs().mean() < (layer(x) - network(x)).abs().mean()


@pytest.mark.filterwarnings("ignore::nn_bridge.RangeWarning")  # inputs leave on purpose
def test_gradients_and_in_place_calls_with_bounds_by_channel():
    network = nn.Sequential(nn.Linear(3, 4), nn.ReLU(inplace=True), nn.Linear(4, 2)).double()
    bounds = {"1": [1.0, 2.0, 3.0, 4.0]}
    r = polyapprox.relu(precision=2**-6)
    converted = convert(network, approximation=r, interval=bounds)
    x = drawn(5, 3).requires_grad_()
    assert torch.autograd.gradcheck(converted, x)
    with torch.no_grad():
        graded = converted(x.detach())
    assert torch.allclose(converted(x), graded, atol=1e-13)
    twin = pickle.loads(pickle.dumps(copy.deepcopy(converted)))
    assert torch.equal(twin(x.detach()), converted(x.detach()))
    assert twin.report.sites[0].channels == (1.0, 2.0, 3.0, 4.0)
    with pytest.raises(ArgumentError, match=r"inputs of shape \(5, 3\): .* 4 channels on axis 1"):
        convert(nn.Sequential(nn.ReLU()), approximation=r, interval={"0": [1.0] * 4})(x)


def test_policies_with_bounds_by_channel():
    x = torch.tensor([[0.5, 3.0], [-2.0, 1.0]])
    network = nn.Sequential(nn.ReLU())
    converted = convert(network, precision=2**-9, interval={"0": [1.0, 4.0]})
    counted = evaluate(converted, [(x, torch.tensor([1, 1]))])
    assert counted.outside == 1 and counted.largest_ratio == 2.0
    clamped = convert(network, precision=2**-9, interval={"0": [1.0, 4.0]}, outside="clamp")
    assert (clamped(x) - torch.tensor([[0.5, 3.0], [0.0, 1.0]])).abs().max() <= 4 * 2**-9
    refusing = convert(network, precision=2**-9, interval={"0": [1.0, 4.0]}, outside="raise")
    with pytest.raises(OutOfRangeError, match=r"1 of 4 inputs outside the intervals of their chan"):
        refusing(x)


def test_a_channel_that_stays_silent_gets_a_share_of_its_layers_bound():
    network = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2))
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([[1.0, 0.0], [0.0, 0.0]]))
        network[0].bias.zero_()
    converted = convert(
        network, precision=2**-6, calibrate=[torch.tensor([[8.0, 1.0]])], interval="per-channel"
    )
    assert converted.report.sites[0].channels == (10.0, 10.0 * FLOOR)


def test_a_network_that_cannot_be_traced_gets_bounds_by_layer():
    class Branching(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.last = nn.Linear(3, 4), nn.Linear(4, 2)

        def forward(self, x):
            x = self.first(x)
            return self.last(torch.relu(x) if x.sum() > -1e9 else x)

    x = drawn(9, 3).float()
    converted = convert(Branching(), precision=2**-6, calibrate=[x], interval="per-channel")
    (site,) = converted.report.sites
    assert site.channels == () and "torch.fx cannot trace the network" in site.folding
    assert "torch.fx cannot trace" in str(converted.report)


def test_other_parts_know_bounds_by_channel():
    network, x = small(), images(64)
    labels = network(x).argmax(1)
    ranges = measure(network, [x], channels=True)
    arguments = {"precision": 2**-6, "calibrate": ranges, "interval": "per-channel", "margin": 1.1}
    found = propagate(network, [(x, labels)], **arguments)
    assert all(layer.outside == 0 for layer in found.layers)
    narrow = propagate(network, [(x, labels)], **arguments | {"margin": 0.9})
    assert all(layer.outside > 0 for layer in narrow.layers) and narrow.certified == 0
    x = drawn(400, 3).clamp(-1, 1) * torch.tensor([1.0, 2.0, 4.0])
    converted = convert(nn.Sequential(nn.ReLU()), precision=2**-4, interval={"0": [1.0, 2.0, 4.0]})
    before = (converted(x) - x.clamp(min=0)).mean(0)
    means = correct_means(converted, [x, 9 * x])["0"]  # what is outside is taken at the ends
    assert before.abs().min() > 1e-4
    correct_means(converted, [x])
    assert (converted(x) - x.clamp(min=0)).mean(0).abs().max() < 1e-12
    assert (means.abs() < 4 * 2**-4).all()


# --- bad input ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"interval": "per-channel"}, "interval='per-channel' needs measured ranges: give calib"),
        ({"interval": "per-channel", "calibrate": {"2": 1.0, "4": 1.0}},
         "interval by channel needs more than the largest inputs: give calibrate=loader"),
        ({"quantile": 0.9, "calibrate": {"2": 1.0, "4": 1.0}}, "quantile needs more than"),
        ({"quantile": 1.5, "calibrate": [images(2)]}, r"quantile is 1.5: give a share in \(0, 1\]"),
        ({"calibrate": []}, "the loader gave no batch: give at least one"),
        ({"calibrate": [images(2)[:, :3]]},
         r"cannot take batch 1 of the loader, of shape \(2, 3, 8, 8\): "),
        ({"interval": {"2": [1.0, -1.0]}}, r"interval\['2'\] is \[1.0, -1.0\]: give a positive"),
        ({"interval": {"2": []}}, r"interval\['2'\] is \[\]"),
    ],
    ids=str,
)  # fmt: skip
def test_bad_arguments(arguments, message):
    with pytest.raises(ArgumentError, match=message) as caught:
        convert(small(), precision=2**-6, **arguments)
    assert "\n" not in str(caught.value)


def test_ranges_that_lack_what_is_asked():
    network = small()
    largest = measure(network, [images(2)], bins=0)
    with pytest.raises(ArgumentError, match="hold no histogram: measure with"):
        convert(network, precision=2**-6, calibrate=largest, quantile=0.9)
    with pytest.raises(ArgumentError, match="do not tell channels apart: measure with"):
        convert(network, precision=2**-6, calibrate=largest, interval="per-channel")
    with pytest.raises(ArgumentError, match="site is 'x': choose one of 2, 4"):
        largest.histogram("x")
    with pytest.raises(ArgumentError, match="bins is 100: give a power of two"):
        measure(network, [images(2)], bins=100)
    by_channel = measure(network, [images(2)], channels=True)
    with pytest.raises(ArgumentError, match="cannot be joined"):
        largest.merged(by_channel)
    with pytest.raises(ConversionError, match=r"4 channels, then 3: measure with channels=False"):
        measure(nn.Sequential(nn.ReLU()), [images(2), images(2)[:, :3]], channels=True)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_values_that_are_not_finite(value):
    data = [images(3), images(3)]
    data[1][2, 1, 4, 4] = value
    with pytest.raises(ConversionError, match="batch 2 of the loader is not finite") as caught:
        calibrate(small(), data)
    assert "\n" not in str(caught.value)
    for name in ("0.weight", "1.running_var", "6.bias"):
        network = small()
        network.state_dict()[name].view(-1)[0] = value
        with pytest.raises(ConversionError, match=f"{name!r} of the network is not finite"):
            measure(network, [images(3)])


def test_an_overflow_inside_names_the_call_site():
    network = small()
    with torch.no_grad():
        network[0].weight.fill_(3e38)
    with pytest.raises(ConversionError, match="2 got an input that is not finite"):
        calibrate(network, [images(3)])


# --- saved networks -----------------------------------------------------------------------------


@pytest.mark.parametrize("interval", ["per-layer", "per-channel"])
def test_converted_networks_are_saved_and_loaded(tmp_path, interval):
    network, x = small(), images(30)
    converted = convert(
        network, precision=2**-6, calibrate=measure(network, [x], channels=True),
        interval=interval, margin=1.3, outside="clamp",
    )  # fmt: skip
    correct_means(converted, [x])
    path = save_converted(converted, tmp_path / "net.safetensors")
    other = small(seed=5)
    loaded = load_converted(path, other)
    assert loaded is other and torch.equal(loaded(x), converted(x))
    assert loaded.report.as_dict() == converted.report.as_dict()
    assert loaded.report.ranges.largest == converted.report.ranges.largest
    assert loaded.report.ranges.input_shape == (4, 8, 8)
    activation = loaded.report.replacement.activations["2"]
    assert activation.outside == "clamp" and activation.correction is not None
    twin = pickle.loads(pickle.dumps(loaded))
    assert twin.report.ranges.quantile(0.5) == converted.report.ranges.quantile(0.5)


def test_every_kind_of_activation_is_saved(tmp_path):
    def build():
        with torch.random.fork_rng():
            torch.manual_seed(0)
            return nn.Sequential(
                nn.Conv2d(4, 6, 3), nn.GELU(), nn.MaxPool2d(2), nn.ReLU6(), nn.LeakyReLU(0.2),
                nn.ReLU(), nn.Flatten(), nn.Linear(54, 3), nn.Tanh(),
            ).eval()  # fmt: skip

    x = images(10)
    one = polyapprox.relu(precision=2**-9)
    converted = convert(
        build(), precision=2**-6, calibrate=[x], approximation={"5": one}, margin=2.0
    )
    expected = converted(x)
    loaded = load_converted(save_converted(converted, tmp_path / "n.safetensors"), build())
    assert torch.equal(loaded(x), expected)
    assert loaded.report.as_dict() == converted.report.as_dict()
    assert loaded.report.replacement.evaluators.of("5").approximation == one


def test_an_interval_given_as_a_number_is_saved(tmp_path):
    network, x = DigitsNet().eval(), torch.rand((3, 1, 8, 8), generator=generator(0))
    converted = convert(network, precision=2**-6, interval=9.0)
    expected = converted(x)
    loaded = load_converted(
        save_converted(converted, tmp_path / "n.safetensors"), DigitsNet().eval()
    )
    assert torch.equal(loaded(x), expected)


def test_files_and_networks_that_do_not_fit(tmp_path):
    network, x = small(), images(5)
    with pytest.raises(ArgumentError, match="the network is not converted"):
        save_converted(network, tmp_path / "n.safetensors")
    converted = convert(network, precision=2**-6, calibrate=[x])
    path = save_converted(converted, tmp_path / "n.safetensors")
    other = small(inputs=3)
    before = copy.deepcopy(other.state_dict())
    with pytest.raises(WeightsError, match=r"'0\.weight' is missing or of another shape"):
        load_converted(path, other)
    assert all(torch.equal(before[name], value) for name, value in other.state_dict().items())
    with pytest.raises(ConversionError, match="already converted"):
        load_converted(path, convert(small(), precision=2**-6, calibrate=[x]))
    with pytest.raises(DataError, match="holds no converted network"):
        load_converted(measure(network, [x]).save(tmp_path / "r.safetensors"), small())
    with pytest.raises(DataError, match="cannot be read: give what save_converted wrote"):
        load_converted(tmp_path / "none.safetensors", small())
    whole = path.read_bytes()
    for cut in (10, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:cut])
        with pytest.raises(DataError, match="cannot be read"):
            load_converted(path, small())


def test_a_table_that_was_changed_is_refused(tmp_path):
    path = save_converted(
        convert(small(), precision=2**-6, interval=9.0), tmp_path / "n.safetensors"
    )
    whole = path.read_bytes()
    start = whole.index(b"sha256")
    digits = itertools.dropwhile(
        lambda i: chr(whole[i]) not in "0123456789", range(start + 6, start + 40)
    )
    place = next(digits)
    other = b"1" if whole[place : place + 1] != b"1" else b"2"
    path.write_bytes(whole[:place] + other + whole[place + 1 :])
    with pytest.raises(DataError, match="is damaged: save the network again"):
        load_converted(path, small())


def test_the_table_of_the_page_is_that_of_the_results():
    assert tables.main(tables.PAGE, tables.TABLES, ["--check"]) == 0


FIELDS = (
    "experiment", "network", "weights_sha256", "images", "seed", "approximation", "plan", "power",
    "interval", "outside",
)  # fmt: skip


def test_the_experiment_knows_intervals_by_channel(tmp_path):
    configuration = AccuracyConfiguration(
        first=5, last=5, intervals=("50", "per-layer", "per-channel", "per-channel-shared"),
        approximations=("ours",), limit=60, calibration_images=200, margin=1.5,
    )  # fmt: skip
    path = tmp_path / "records.jsonl"
    backbone, wide, *others = run_accuracy(configuration, path)
    measured = ("margin", "calibration", "calibration_images")
    for run, fields in ((wide, FIELDS), *((run, (*FIELDS, *measured)) for run in others)):
        assert run["key"] == key_of({field: run[field] for field in fields})
    assert "sites_by_channel" not in wide and "sites_by_channel" not in others[0]
    assert others[1]["sites_by_channel"] == ["block1/relu1", "block2/relu1"]
    assert len(others[2]["sites_by_channel"]) == 6
    assert all(run["accuracy"] > backbone["accuracy"] - 0.1 for run in others[:2])
    lines = path.read_text()
    assert run_accuracy(configuration, path)[1:] == [wide, *others] and path.read_text() == lines
    png, _ = accuracy_figure([backbone, wide, *others], tmp_path / "figure")
    assert png.stat().st_size > 1000
