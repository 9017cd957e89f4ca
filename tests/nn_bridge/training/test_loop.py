"""The training loop: what it computes, that it resumes, that processes share it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import training_run
from paths import TESTS
from torch import nn

import polyapprox
from nn_bridge.activations.evaluator import Evaluator
from nn_bridge.conversion.evaluation import evaluate
from nn_bridge.errors import ArgumentError, TrainingError
from nn_bridge.images.sets import Batches, load_digits
from nn_bridge.models.networks import find_network
from nn_bridge.models.weights import read_weights
from nn_bridge.training import (
    Configuration,
    Forward,
    Noise,
    Optimisation,
    Range,
    fit,
    from_mapping,
    read_configuration,
)
from nn_bridge.training.activations import TrainingActivations
from nn_bridge.training.batches import TrainingBatches, crop_and_mirror
from nn_bridge.training.checkpoint import load_checkpoint, save_checkpoint
from nn_bridge.training.configuration import as_mapping
from nn_bridge.training.noise import NoisePool, noisy_relu
from nn_bridge.training.optimisation import Average, optimiser_of, rate_at

RUN = TESTS / "support" / "training_run.py"
SHORT = {
    "network": "digits",
    "start": "random",
    "augment": True,
    "images": 512,
    "seed": 3,
    "optimisation": {
        "epochs": 3, "batch": 64, "learning_rate": 0.05, "mixup": 0.4, "average": 0.9,
        "label_smoothing": 0.1,
    },
    "validation": 16,
    "augmentation": {"crop": 1, "border": "reflection", "mirror": "alternating", "sides": [6, 8]},
    "noise": {"kind": "gaussian", "precision": [4, 5], "strength": 1.5, "side": "both", "mean": 0.5},
    "range": {"penalty": 0.1, "margin": 0.5, "renew": True},
}  # fmt: skip


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return read_weights(folder / "weights.safetensors")


OWN = {
    "network": "mine",
    "seed": 3,
    "optimisation": {"epochs": 3, "batch": 16, "mixup": 0.4, "average": 0.9},
    "noise": {"kind": "gaussian", "precision": [4, 5], "side": "both"},
    "range": {"penalty": 0.1, "margin": 0.5, "renew": True},
}


def run(
    folder: Path, *kill: int, launcher: tuple[str, ...] = (), base: dict = SHORT, **changes: object
) -> int:
    configuration = json.dumps({**base, **changes})
    command = [*(launcher or (sys.executable,)), str(RUN), configuration, str(folder)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    finished = subprocess.run(
        [*command, *map(str, kill)], env=environment, capture_output=True, text=True, timeout=300
    )
    if finished.returncode > 0:
        raise AssertionError(finished.stderr)
    return finished.returncode


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("unbroken")
    assert run(folder) == 0
    return folder


def test_a_killed_training_ends_with_the_weights_of_an_unbroken_one(unbroken, tmp_path):
    assert run(tmp_path, 2, 3) == -signal.SIGKILL
    assert not (tmp_path / "weights.safetensors").exists()
    assert run(tmp_path) == 0
    expected, found = weights(unbroken), weights(tmp_path)
    assert expected.keys() == found.keys()
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [entry["epoch"] for entry in log] == [1, 2, 3]


@pytest.fixture
def one_thread() -> Iterator[None]:
    """As many as the killed process has: sums of more are ordered otherwise."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("one_thread")
def test_a_killed_training_of_a_model_of_ones_own_too(tmp_path):
    mine = {"network": "mine, dropout"}
    assert run(tmp_path / "killed", 2, 3, base=OWN, **mine) == -signal.SIGKILL
    assert not (tmp_path / "killed" / "weights.safetensors").exists()
    callbacks = {}
    for name in ("killed", "unbroken"):
        given = training_run.own(dropout=True)
        fit(from_mapping({**OWN, **mine}), tmp_path / name, **given)
        callbacks[name] = given["callbacks"][0]
    expected, found = weights(tmp_path / "unbroken"), weights(tmp_path / "killed")
    assert expected.keys() == found.keys()
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    assert callbacks["killed"].losses == callbacks["unbroken"].losses
    assert len(callbacks["killed"].losses) == 3


@pytest.mark.parametrize("base", [{**SHORT, "images": 64}, OWN], ids=["by name", "one's own"])
def test_two_processes_train_as_one(base, tmp_path):
    torchrun = (sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2",
                "--master-port=29533")  # fmt: skip
    assert run(tmp_path / "one", base=base) == 0
    assert run(tmp_path / "two", base=base, launcher=torchrun) == 0
    record = json.loads((tmp_path / "two" / "record.json").read_text())
    assert record["processes"] == 2
    expected, found = weights(tmp_path / "one"), weights(tmp_path / "two")
    for name, value in expected.items():
        # sums in another order: 24-bit rounding, over three steps of the optimiser
        torch.testing.assert_close(found[name], value, rtol=1e-4, atol=5e-5)


def test_the_record_says_what_it_depends_on(unbroken):
    record = json.loads((unbroken / "record.json").read_text())
    done = replace(from_mapping(SHORT), numbers="float32")  # as chosen, for little work
    assert from_mapping(record["configuration"]) == done
    assert record["versions"]["torch"] == torch.__version__
    assert len(record["epochs"]) == 3 and record["epochs"][-1]["loss"] < record["epochs"][0]["loss"]
    assert len(record["bounds"]) == 6


def test_ranges_follow_a_network_that_grows():
    """From a random start: with the first ranges the polynomial ruins the network."""
    sgd = Optimisation(epochs=4, batch=64, learning_rate=0.05, decay=1e-5)
    found = {}
    for renew in (False, True):
        limits = Range(margin=1.25, penalty=1.0, renew=renew)
        forward = Forward((4,), "polynomial")
        configuration = Configuration(
            "digits", "random", augment=False, images=1000, seed=1, optimisation=sgd,
            forward=forward, range=limits,
        )  # fmt: skip
        found[renew] = fit(configuration).record
    assert max(found[True]["bounds"].values()) > 2 * max(found[False]["bounds"].values())
    assert found[True]["accuracy"] > found[False]["accuracy"] + 0.2


@pytest.mark.parametrize("average", [0.0, 0.5])
def test_the_accuracy_on_record_is_that_of_the_network_returned(average):
    sgd = Optimisation(epochs=2, batch=64, learning_rate=0.05, average=average)
    trained = fit(Configuration("digits", "random", images=256, optimisation=sgd))
    digits = find_network("digits")
    again = evaluate(trained.network, digits.batches(digits.data("test")))
    assert trained.record["accuracy"] == again.accuracy


# --- what is random is drawn from the seed and the epoch ---


def batches(**options) -> TrainingBatches:
    data = load_digits("train").first(100)
    return TrainingBatches(data, Batches(data, (3.0,), (2.0,), 10, 16.0), 20, **options)


def test_an_epoch_shows_every_image_once_and_differs_from_the_next():
    plain = batches(augment=False, seed=1)
    epochs = [torch.cat([b.inputs for b in plain.epoch(number)]) for number in (0, 0, 1)]
    assert torch.equal(epochs[0], epochs[1]) and not torch.equal(epochs[0], epochs[2])
    expected = (torch.from_numpy(load_digits("train").images[:100]).float() / 16 - 3) / 2
    shown = {tuple(image.flatten().tolist()) for image in epochs[0]}
    wanted = {tuple(np.round(image.flatten().numpy(), 6)) for image in expected}
    assert {tuple(np.round(image, 6)) for image in shown} == wanted


def test_mixup_mixes_pairs_of_images_and_keeps_both_labels():
    mixed = next(batches(mixup=1.0, augment=False).epoch(0))
    plain = next(batches(augment=False).epoch(0))
    assert torch.equal(mixed.labels, plain.labels) and 0 < mixed.share < 1
    for image, own, other in zip(mixed.inputs, plain.inputs, mixed.others, strict=True):
        rest = (image - mixed.share * own) / (1 - mixed.share)
        partners = [
            int(label)
            for candidate, label in zip(plain.inputs, plain.labels, strict=True)
            if torch.allclose(rest, candidate, atol=1e-4)
        ]
        assert partners == [int(other)]


def test_crops_shift_and_mirror_and_bring_in_zeros():
    generator = torch.Generator().manual_seed(0)
    image = torch.arange(1.0, 65).reshape(1, 1, 8, 8)
    found = crop_and_mirror(image.expand(200, 1, 8, 8), generator)
    padded = torch.nn.functional.pad(image[0, 0], (4,) * 4)
    possible = {
        tuple(window.flatten().tolist())
        for row in range(9)
        for column in range(9)
        for window in (
            padded[row : row + 8, column : column + 8],
            padded[row : row + 8, column : column + 8].flip(1),
        )
    }
    seen = {tuple(one.flatten().tolist()) for one in found}
    assert seen <= possible and len(seen) > 80


# --- NGNV ---


def activations(noise: Noise | None = None, forward: Forward | None = None, **range_) -> tuple:
    configuration = Configuration(
        "digits", noise=noise or Noise(), forward=forward or Forward(), range=Range(**range_)
    )
    evaluators = {5: Evaluator(polyapprox.relu(precision=2**-5))}
    made = TrainingActivations(configuration, {"a": 4.0}, evaluators)
    made.training = True
    made.start(7, 0.25)
    return made, torch.linspace(-4, 4, 4001, requires_grad=True)


@pytest.mark.parametrize("kind", ["uniform", "gaussian"])
def test_noise_touches_negative_inputs_alone_and_has_the_stated_size(kind):
    made, x = activations(Noise(kind, 2.0, precision=(5,)))
    y = made.relu("a", "F.relu", x, False)
    positive = x > 0
    assert torch.equal(y[positive], x[positive])
    size = 2.0 * 4.0 * 2.0**-5
    spread = float(y[~positive].detach().square().mean().sqrt()) / size
    assert spread == pytest.approx({"uniform": 3**-0.5, "gaussian": 1.0}[kind], rel=0.05)
    (slope,) = torch.autograd.grad(y.sum(), x)
    assert torch.equal(slope, positive.float())


def test_noise_in_units_of_the_deviation_and_annealed():
    made, x = activations(Noise("gaussian", 0.5, unit="deviation", anneal="falling"))
    y = made.relu("a", "F.relu", x, False).detach()
    expected = 0.5 * 0.75 * float(x.detach().std())
    assert float(y[x <= 0].square().mean().sqrt()) == pytest.approx(expected, rel=0.05)


def test_noise_of_a_channel_is_one_number():
    made, _ = activations(Noise("uniform", each="channel", precision=(5,)))
    y = made.relu("a", "F.relu", -torch.ones(2, 3, 4, 4), False)
    assert torch.equal(y, y[:, :, :1, :1].expand_as(y)) and len(y.unique()) == 6


def test_the_actual_error_is_the_approximations_value_at_negative_inputs():
    made, x = activations(Noise("error", precision=(5,)))
    y = made.relu("a", "F.relu", x, False).detach().double().numpy()
    points = x.detach().double().numpy()
    expected = np.where(points > 0, points, 4 * polyapprox.relu(precision=2**-5)(points / 4))
    np.testing.assert_allclose(y, expected, atol=1e-5)


def test_noise_before_relu_matters_where_it_lifts():
    x = torch.tensor([-1.0, -1.0, 2.0])
    found = noisy_relu(x, torch.tensor([1.5, -1.5, 1.5]), "before")
    assert found.tolist() == [0.5, 0.0, 2.0]


def test_nothing_is_added_in_evaluation():
    made, x = activations(Noise("uniform", 5.0))
    made.training = False
    assert torch.equal(made.relu("a", "F.relu", x, False), x.clamp(min=0))


def test_processes_cut_the_noise_of_one():
    pool = NoisePool("uniform", 1)
    shape = torch.Size([4, 5])
    whole = pool.cut(shape, torch.Generator().manual_seed(3))
    parts = [pool.cut(torch.Size([2, 5]), torch.Generator().manual_seed(3), rank, 2)
             for rank in (0, 1)]  # fmt: skip
    assert torch.equal(torch.cat(parts), whole)


@pytest.mark.parametrize("gradient", ["relu", "polynomial"])
def test_the_polynomial_itself_in_the_forward_pass(gradient):
    made, x = activations(forward=Forward((5,), gradient))
    y = made.relu("a", "F.relu", x, False)
    r = polyapprox.relu(precision=2**-5)
    points = x.detach().double().numpy()
    np.testing.assert_allclose(y.detach().numpy(), 4 * r(points / 4), atol=1e-4)
    (slope,) = torch.autograd.grad(y.sum(), x)
    if gradient == "relu":
        assert torch.equal(slope, (x > 0).float())
    else:
        step = 1e-6
        expected = (r(points / 4 + step) - r(points / 4 - step)) / (2 * step)
        np.testing.assert_allclose(slope.numpy()[1:-1], expected[1:-1], atol=1e-3)


def test_the_penalty_is_that_of_what_is_outside():
    made, _ = activations(Noise("uniform"), penalty=1.0)
    x = torch.tensor([-6.0, 1.0, 4.0, 5.0])
    made.relu("a", "F.relu", x, False)
    assert float(made.penalty) == pytest.approx((0.5**2 + 0.25**2) / 4)
    made.start(7, 0.0)
    made.relu("a", "F.relu", x.clamp(-4, 4), False)
    assert made.penalty is None


def test_the_penalty_begins_inside_if_so_wished():
    made, _ = activations(Noise("uniform"), penalty=1.0, inside=0.5)
    x = torch.tensor([-6.0, 1.0, 2.0, 3.0], requires_grad=True)
    made.relu("a", "F.relu", x, False)
    assert float(made.penalty.detach()) == pytest.approx((1.0**2 + 0.25**2) / 4)
    (slope,) = torch.autograd.grad(made.penalty, x)
    np.testing.assert_allclose(slope, [-2 * 1.0 / 16, 0, 0, 2 * 0.25 / 16])


def test_each_call_site_may_have_its_own_polynomial():
    made, x = activations(forward=Forward((5,)))
    near, far = polyapprox.relu(precision=2**-4), polyapprox.relu(precision=2**-6)
    made.evaluators = {5: {"a": Evaluator(near), "b": Evaluator(far)}}
    made.bounds = {"a": 4.0, "b": 4.0}
    points = x.detach().double().numpy()
    for site, r in (("a", near), ("b", far)):
        np.testing.assert_allclose(made.relu(site, "F.relu", x, False).detach(), 4 * r(points / 4), atol=1e-4)


# --- optimiser ---


def test_two_weight_decays_and_the_moving_average():
    layer = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    groups = optimiser_of(layer, Optimisation(decay=0.1, decay_others=0.01)).param_groups
    assert [(len(g["params"]), g["weight_decay"], g["nesterov"]) for g in groups] == [
        (1, 0.1, True), (3, 0.01, True),
    ]  # fmt: skip
    average = Average(layer, 0.75)
    before = layer[0].weight.detach().clone()
    with torch.no_grad():
        layer[0].weight.add_(1.0)
    average.update(layer)  # the first step: the start has no share
    torch.testing.assert_close(average.state["0.weight"], before + 1.0)
    with torch.no_grad():
        layer[0].weight.add_(1.0)
    average.update(layer)  # shares 0.75 and 1, divided by their sum
    torch.testing.assert_close(average.state["0.weight"], before + 1.0 + 1 / 1.75)


def test_schedules():
    cosine = Optimisation(epochs=4, learning_rate=2.0, warmup=1.0)
    assert rate_at(cosine, 0, 10) == pytest.approx(0.2)
    assert rate_at(cosine, 20, 10) == pytest.approx(1.0)
    step = Optimisation(epochs=4, learning_rate=2.0, schedule="step")
    assert [rate_at(step, s, 10) for s in (0, 20, 30)] == pytest.approx([2.0, 0.2, 0.02])


def test_accumulated_parts_make_the_same_step_without_batch_normalisation(monkeypatch):
    from nn_bridge.models.networks import NETWORKS, Network, find_network

    def build() -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 10))

    digits = find_network("digits")
    monkeypatch.setitem(NETWORKS, "plain", Network(
        "plain", build, "digits", digits.weights, digits.mean, digits.deviation, "here", 16.0
    ))  # fmt: skip
    found = [
        fit(Configuration("plain", start="random", images=128, channels_last=False,
                          optimisation=Optimisation(epochs=2, batch=64, accumulate=parts,
                                                    learning_rate=0.1)))
        for parts in (1, 4)
    ]  # fmt: skip
    for one, other in zip(*(f.network.parameters() for f in found), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


# --- bad input ---


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"network": "digits", "optimisation": {"lerning_rate": 1}},
         r"unknown key optimisation.lerning_rate: the nearest is optimisation.learning_rate"),
        ({"netwrok": "digits"}, r"unknown key netwrok: the nearest is network"),
        ({}, r"lacks network"),
        ({"network": "digits", "noise": {"kind": "pink"}}, r"noise.kind is 'pink': choose one of"),
        ({"network": "digits", "noise": 3}, r"noise is 3: make it a section"),
        ({"network": "digits", "optimisation": {"epochs": 0}}, r"epochs is 0: give at least 1"),
        ({"network": "digits", "optimisation": {"batch": 1.5}}, r"batch is 1.5: give a whole"),
        ({"network": "digits", "optimisation": {"mixup": -1}}, r"mixup is -1: give a number"),
        ({"network": "digits", "optimisation": {"batch": 10, "accumulate": 3}}, r"must divide"),
        ({"network": "digits", "forward": {"polynomial": [0]}}, r"whole numbers from 1 to 30"),
        ({"network": "digits", "range": {"interval": "wide"}}, r"range.interval is 'wide'"),
        ({"network": "digits", "augment": 1}, r"augment is 1: give true or false"),
    ],
)  # fmt: skip
def test_configurations_that_cannot_be_used(content, sentence):
    with pytest.raises(ArgumentError, match=sentence):
        from_mapping(content)


def test_a_configuration_is_read_from_toml(tmp_path):
    file = tmp_path / "train.toml"
    file.write_text('network = "digits"\nseed = 4\n[noise]\nkind = "error"\nprecision = [5, 6]\n')
    read = read_configuration(file)
    assert read == Configuration("digits", seed=4, noise=Noise("error", precision=(5, 6)))
    assert from_mapping(json.loads(json.dumps(as_mapping(read)))) == read
    file.write_text("network = ")
    with pytest.raises(ArgumentError, match="cannot be read"):
        read_configuration(file)


def test_a_checkpoint_of_another_training_is_refused_and_a_damaged_one_too(tmp_path):
    file = tmp_path / "checkpoint.pt"
    save_checkpoint(file, {"expected": as_mapping(Configuration("digits"))})
    other = as_mapping(Configuration("digits", optimisation=Optimisation(momentum=0.5)))
    with pytest.raises(TrainingError, match=r"optimisation.momentum was 0.9 and is 0.5"):
        load_checkpoint(file, other)
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(TrainingError, match="cannot be read"):
        load_checkpoint(file, other)


def test_a_full_disk_keeps_the_last_good_checkpoint(tmp_path, monkeypatch):
    file = tmp_path / "checkpoint.pt"
    expected = as_mapping(Configuration("digits"))
    save_checkpoint(file, {"expected": expected, "epoch": 1})

    def full(content, path):
        Path(path).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(TrainingError, match=r"No space left on device.*make room.*epoch before"):
        save_checkpoint(file, {"expected": expected, "epoch": 2})
    monkeypatch.undo()
    assert load_checkpoint(file, expected)["epoch"] == 1
    assert list(tmp_path.iterdir()) == [file]


def test_a_loss_that_explodes_is_told(tmp_path):
    wild = Optimisation(epochs=2, batch=64, learning_rate=1e9)
    with pytest.raises(TrainingError, match=r"the loss is (nan|inf) in step"):
        fit(Configuration("digits", start="random", images=256, optimisation=wild), tmp_path)
