"""What short trainings from a random start need: schedules, growing images, held-out images, noise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

import nn_bridge.training.loop as loop
import nn_bridge.training.numbers as numbers
import polyapprox
from nn_bridge.activations.evaluator import Evaluator
from nn_bridge.conversion.evaluation import evaluate
from nn_bridge.errors import ArgumentError
from nn_bridge.images.sets import Batches, load_digits
from nn_bridge.models.networks import find_network
from nn_bridge.paper.declared import runs
from nn_bridge.training import (
    Augmentation,
    Configuration,
    Forward,
    Noise,
    Optimisation,
    Range,
    fit,
    from_mapping,
)
from nn_bridge.training.activations import TrainingActivations
from nn_bridge.training.batches import TrainingBatches, crop_and_mirror, resize
from nn_bridge.training.configuration import as_mapping
from nn_bridge.training.noise import noisy_relu
from nn_bridge.training.optimisation import Average, rate_at

SHORT = Optimisation(epochs=2, batch=64, learning_rate=0.05)


# --- schedules and the average ---


def test_the_linear_schedule_holds_and_falls_to_zero():
    sgd = Optimisation(epochs=25, learning_rate=0.1, schedule="linear", warmup=0.5, hold=10.0)
    rates = [rate_at(sgd, step, 100) for step in range(2500)]
    assert rates[:2] == pytest.approx([0.1 / 50, 0.2 / 50])
    assert set(np.round(rates[49:1001], 12)) == {0.1}
    assert rates[1000::750] == pytest.approx([0.1, 0.05])
    assert rates[-1] == pytest.approx(0.1 / 1500)


def test_one_cycle_is_a_linear_schedule_that_holds_as_long_as_it_warms_up():
    sgd = Optimisation(epochs=4, learning_rate=1.0, schedule="linear", warmup=1.0, hold=1.0)
    rates = [rate_at(sgd, step, 10) for step in range(40)]
    assert max(rates) == 1.0 and np.argmax(rates) in (9, 10)
    assert np.all(np.diff(rates[:10]) > 0) and np.all(np.diff(rates[10:]) < 0)


def test_the_average_forgets_its_start_and_weighs_steps_alike_at_first():
    layer = nn.Linear(1, 1, bias=False)
    average = Average(layer, 0.999)
    for value in (1.0, 2.0, 6.0):
        with torch.no_grad():
            layer.weight.fill_(value)
        average.update(layer)
    shares = 0.999 ** np.array([2, 1, 0])
    expected = float(shares @ [1.0, 2.0, 6.0] / shares.sum())
    assert float(average.state["weight"]) == pytest.approx(expected, rel=1e-5)


# --- images ---


def test_reflected_crops_are_windows_of_the_mirrored_border():
    image = torch.arange(64, dtype=torch.uint8).reshape(1, 1, 8, 8)
    padded = np.pad(image[0, 0].numpy(), 2, mode="reflect")
    windows = [padded[r : r + 8, c : c + 8] for r in range(5) for c in range(5)]
    possible = {w.tobytes() for w in windows} | {w[:, ::-1].tobytes() for w in windows}
    generator = torch.Generator().manual_seed(0)
    found = crop_and_mirror(image.expand(300, 1, 8, 8), generator, 2, "reflection")
    seen = {one.numpy().tobytes() for one in found}
    assert seen <= possible and len(seen) > 45


def batches(augmentation: Augmentation, size: int = 20) -> TrainingBatches:
    data = load_digits("train").first(100)
    like = Batches(data, (3.0,), (2.0,), 10, 16.0)
    return TrainingBatches(data, like, size, 0.0, True, 5, "cpu", augmentation)


def test_alternating_mirrors_show_each_image_once_each_way_in_two_epochs():
    made = batches(Augmentation(crop=0, mirror="alternating"))
    plain = (torch.from_numpy(load_digits("train").images[:100]).float() / 16 - 3) / 2
    shown = [
        {tuple(np.round(x.flatten().tolist(), 5)) for b in made.epoch(e) for x in b.inputs}
        for e in (0, 1, 2)
    ]
    assert shown[0] == shown[2]
    mirrored = 0
    for image in plain[..., 0]:
        ways = [tuple(np.round(way.flatten().tolist(), 5)) for way in (image, image.flip(1))]
        assert ways[0] != ways[1]
        assert {ways[0] in shown[0], ways[0] in shown[1]} == {True, False}
        assert (ways[1] in shown[0]) == (ways[0] in shown[1])
        mirrored += ways[1] in shown[0]
    assert 30 < mirrored < 70


def test_images_grow_and_are_smoothed_as_they_shrink():
    made = batches(Augmentation(sides=(4, 6)))
    assert [next(made.epoch(e)).inputs.shape[-1] for e in range(3)] == [4, 6, 6]
    images = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    weights = np.array([1, 3, 3, 1]) / 8  # the triangle of width 4 at half the side
    inner = images.numpy()[:, :, 1:15, 1:15]
    rows = sum(w * inner[:, :, i : i + 11 : 2] for i, w in enumerate(weights))
    expected = sum(w * rows[..., i : i + 11 : 2] for i, w in enumerate(weights))
    np.testing.assert_allclose(resize(images, 8).numpy()[:, :, 1:7, 1:7], expected, atol=1e-6)


def test_a_side_that_the_network_does_not_take_is_refused():
    shown = Augmentation(sides=(16,))
    with pytest.raises(ArgumentError, match=r"sides has 16: shufflenetv2-cifar10 does not take"):
        loop.check_sides(
            find_network("shufflenetv2-cifar10").build(),
            Configuration("shufflenetv2-cifar10", "random", augmentation=shown),
            TrainingBatches(
                load_digits("train").first(4), Batches(load_digits("test"), (0.0,) * 3, (1.0,) * 3),
                2,
            ),
        )  # fmt: skip


# --- images held out ---


def test_the_test_images_are_read_once_and_each_epoch_is_judged_on_those_held_out(monkeypatch):
    judged = []

    def noted(model, loader):
        judged.append((loader.data.split, len(loader)))
        return evaluate(model, loader)

    monkeypatch.setattr(loop, "evaluate", noted)
    trained = fit(Configuration("digits", "random", images=300, validation=50, optimisation=SHORT))
    assert judged == [("train", 1), ("train", 1), ("test", 2)]
    digits = find_network("digits")
    last = digits.data("train").first(300).without_last(50)[1]
    assert (last.labels == digits.data("train").labels[250:300]).all()
    record = trained.record
    again = evaluate(trained.network, digits.batches(last)).accuracy
    assert record["validation_accuracy"] == record["epochs"][-1]["accuracy"] == again
    assert record["accuracy"] == evaluate(trained.network, digits.batches(digits.data("test"))).accuracy


def test_images_held_out_are_not_trained_on():
    sgd = Optimisation(epochs=1, batch=64, learning_rate=0.05)
    held = fit(Configuration("digits", "random", images=300, validation=50, optimisation=sgd))
    without = fit(Configuration("digits", "random", images=250, optimisation=sgd))
    pairs = zip(held.network.parameters(), without.network.parameters(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


def test_accuracy_is_measured_where_it_is_asked_for_and_at_the_end():
    sgd = Optimisation(epochs=4, batch=64, learning_rate=0.05)
    configuration = Configuration("digits", "random", images=128, measure=3, optimisation=sgd)
    record = fit(configuration).record
    assert [epoch["epoch"] for epoch in record["epochs"] if "accuracy" in epoch] == [3, 4]


# --- noise ---


def activations(noise: Noise) -> TrainingActivations:
    evaluators = {5: Evaluator(polyapprox.relu(precision=2**-5))}
    made = TrainingActivations(Configuration("digits", noise=noise), {"a": 4.0}, evaluators)
    made.training = True
    made.start(7, 0.0)
    return made


@pytest.mark.parametrize("side", ["negative", "positive", "both"])
@pytest.mark.parametrize("place", ["after", "before"])
def test_noise_is_on_its_side_and_the_derivative_is_that_of_relu(side, place):
    generator = torch.Generator().manual_seed(2)
    x = torch.randn(2, 3, 8, 8, generator=generator, requires_grad=True)
    noise = torch.randn(2, 3, 8, 8, generator=generator)
    mask = {"negative": x <= 0, "positive": x > 0, "both": x == x}[side]
    added = torch.where(mask, 0.5 * noise, 0.0).detach()
    expected = torch.relu(x + added) if place == "before" else torch.relu(x) + added
    found = noisy_relu(x, noise, place, 0.5, side)
    torch.testing.assert_close(found, expected)
    weights = torch.randn(x.shape, generator=generator)
    (slope,) = torch.autograd.grad((found * weights).sum(), x)
    (wanted,) = torch.autograd.grad((expected * weights).sum(), x)
    torch.testing.assert_close(slope, wanted)


def test_noise_with_a_mean_of_its_own_in_each_channel():
    made = activations(Noise("uniform", precision=(5,), mean=3.0))
    y = made.relu("a", "F.relu", -torch.ones(50, 4, 16, 16), False) / (4 * 2**-5)
    means = y.mean(dim=(0, 2, 3))
    by_image = y.mean(dim=(2, 3))
    assert float(means.abs().max()) > 0.5 and float(means.abs().max()) <= 3.1
    assert float((by_image - means).abs().max()) < 0.2  # one for all images
    assert float((y - means[:, None, None]).std()) == pytest.approx(3**-0.5, rel=0.02)
    made.start(8, 0.0)
    other = made.relu("a", "F.relu", -torch.ones(50, 4, 16, 16), False) / (4 * 2**-5)
    assert float((other.mean(dim=(0, 2, 3)) - means).abs().max()) > 0.5  # each step its own


@pytest.mark.parametrize("side", ["positive", "both"])
def test_the_actual_error_on_other_sides(side):
    made = activations(Noise("error", precision=(5,), side=side))
    x = torch.linspace(-4, 4, 2001)
    points = x.double().numpy()
    relu = np.maximum(points, 0)
    erring = 4 * polyapprox.relu(precision=2**-5)(points / 4)
    expected = erring if side == "both" else np.where(points > 0, erring, relu)
    np.testing.assert_allclose(made.relu("a", "F.relu", x, False).numpy(), expected, atol=1e-5)


def test_noise_works_on_bfloat16_and_channels_last():
    x = torch.randn(2, 3, 8, 8).to(torch.bfloat16).contiguous(memory_format=torch.channels_last)
    for noise in (
        Noise("uniform", precision=(5,), mean=1.0),
        Noise("uniform", precision=(5,), place="before", side="both"),
        Noise("error", precision=(5,), side="positive"),
    ):
        y = activations(noise).relu("a", "F.relu", x, False)
        assert y.dtype == torch.bfloat16 and not torch.equal(y, x.clamp(min=0))


# --- configurations ---


def test_what_came_later_is_left_out_where_it_changes_nothing():
    plain = as_mapping(Configuration("digits"))
    assert "validation" not in plain and "augmentation" not in plain
    assert "hold" not in plain["optimisation"] and "side" not in plain["noise"]
    new = Configuration(
        "digits", validation=100, augmentation=Augmentation(crop=2, sides=(6, 8)),
        noise=Noise("uniform", side="both", mean=0.5),
        optimisation=Optimisation(schedule="linear", hold=2.0),
    )  # fmt: skip
    assert from_mapping(as_mapping(new)) == new
    assert as_mapping(new)["augmentation"]["sides"] == [6, 8]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"optimisation": {"hold": 2}}, r"optimisation.hold is 2, the schedule 'cosine'"),
        ({"optimisation": {"schedule": "linear", "hold": 10, "epochs": 10}}, r"hold less than"),
        ({"augmentation": {"crop": "wide"}}, r"augmentation.crop is 'wide': give 'auto'"),
        ({"augmentation": {"crop": True}}, r"augmentation.crop is True"),
        ({"augmentation": {"border": "grey"}}, r"augmentation.border is 'grey': choose one of"),
        ({"augmentation": {"sides": [0]}}, r"augmentation.sides is \[0\]"),
        ({"augmentation": {"sides": [8] * 11}}, r"sides has 11 entries for 10 epochs"),
        ({"augmentation": {"side": 3}}, r"unknown key augmentation.side: the nearest is"),
        ({"noise": {"side": "left"}}, r"noise.side is 'left': choose one of negative"),
        ({"noise": {"kind": "error", "mean": 1.0}}, r"noise.mean is 1.0: noise of the kind 'error'"),
        ({"noise": {"mean": 1.0}}, r"noise of the kind 'none' has none"),
        ({"noise": {"kind": "uniform"}, "forward": {"polynomial": [5]}}, r"noise.kind is 'uniform' beside forward"),
        ({"measure": 0}, r"measure is 0: give at least 1"),
        ({"validation": -1}, r"validation is -1: give a number that is not negative"),
    ],
)  # fmt: skip
def test_configurations_that_cannot_be_used(content, sentence):
    with pytest.raises(ArgumentError, match=sentence):
        from_mapping({"network": "digits", **content})


def test_all_images_cannot_be_held_out():
    with pytest.raises(ArgumentError, match="validation is 100 of 100 training images"):
        fit(Configuration("digits", "random", images=100, validation=100))


# --- what is chosen where nothing is said ---

NOISE = Noise("uniform", precision=(5,))


@pytest.mark.parametrize(
    ("start", "parts", "renewed"),
    [
        ("random", {"noise": NOISE}, True),
        ("random", {"forward": Forward((5,))}, True),
        ("random", {"range": Range("global", penalty=0.1)}, True),
        ("random", {}, False),
        ("random", {"noise": Noise("uniform", unit="deviation")}, False),
        ("random", {"noise": NOISE, "range": Range(50.0)}, False),
        ("random", {"noise": NOISE, "range": Range(renew=False)}, False),
        ("pretrained", {"noise": NOISE}, False),
        ("pretrained", {"noise": NOISE, "range": Range(renew=True)}, True),
    ],
)
def test_ranges_are_renewed_by_themselves_from_a_random_start_alone(start, parts, renewed):
    configuration = Configuration("digits", start, **parts)
    assert configuration.renews is renewed
    kept = as_mapping(configuration)
    assert from_mapping(kept).renews is renewed and as_mapping(from_mapping(kept)) == kept
    assert renewed or kept["range"]["renew"] is False  # as in records from before


def test_a_part_changed_later_still_has_its_ranges_renewed():
    plain = from_mapping(as_mapping(Configuration("digits", "random")))
    assert not plain.renews and replace(plain, noise=NOISE).renews


def test_ranges_renewed_by_themselves_are_those_of_renewal_asked_for():
    sgd = Optimisation(epochs=2, batch=64, learning_rate=0.05)
    found = [
        fit(Configuration("digits", "random", images=192, optimisation=sgd, noise=NOISE, range=limits))
        for limits in (Range(), Range(renew=True), Range(renew=False))
    ]
    bounds = [one.record["bounds"] for one in found]
    assert bounds[0] == bounds[1] != bounds[2]


@pytest.mark.parametrize("value", ["always", 2, None])
def test_renewal_of_another_word_is_refused(value):
    with pytest.raises(ArgumentError, match=r"range.renew is .*: give true, false or 'auto'"):
        Configuration("digits", range=Range(renew=value))


@pytest.mark.parametrize(
    ("name", "native", "chosen"),
    [
        ("resnet20-cifar10", True, "bfloat16"),
        ("dla34-cifar10", True, "bfloat16"),
        ("resnet20-cifar10", False, "float32"),
        ("mobilenetv2-cifar10", True, "float32"),  # convolutions by groups
        ("digits", True, "float32"),  # little work
    ],
)
def test_bfloat16_where_it_is_faster(monkeypatch, name, native, chosen):
    monkeypatch.setattr(numbers, "computes_bfloat16", lambda device: native)
    network = find_network(name)
    shape = (1, 8, 8) if name == "digits" else (3, 32, 32)
    assert numbers.faster(network.build(), shape, torch.device("cpu")) == chosen


def test_the_record_says_which_numbers_were_chosen(monkeypatch):
    monkeypatch.setattr(loop, "faster", lambda *arguments: "bfloat16")
    short = Configuration("digits", images=64, optimisation=SHORT)
    assert fit(short).record["configuration"]["numbers"] == "bfloat16"
    asked = fit(replace(short, numbers="float32"))
    assert asked.record["configuration"]["numbers"] == "float32"


def test_a_model_of_ones_own_keeps_float32(monkeypatch):
    monkeypatch.setattr(loop, "faster", lambda *arguments: "bfloat16")
    data = TensorDataset(torch.randn(16, 4), torch.arange(16) % 2)
    configuration = Configuration("mine", optimisation=Optimisation(epochs=1, batch=8))
    record = fit(configuration, model=nn.Linear(4, 2), train=data).record
    assert record["configuration"]["numbers"] == "float32"


def test_keys_of_what_is_on_record_stay():
    first, _, _, noise = (run.key for run in runs("table1", seeds=[0])[:4])
    assert first == "ed37135bfb7de7ec" and noise == "2f2d40972a2fbe7b"
