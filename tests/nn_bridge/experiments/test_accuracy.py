"""The accuracy experiment: records, resuming, figure, command line; training of the digits."""

import json
import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import nn_bridge.experiments.accuracy as experiment
import polyapprox
from nn_bridge import (
    ArgumentError,
    DataError,
    calibrate,
    convert,
    correct_batch_norms,
    correct_means,
    evaluate,
)
from nn_bridge.choosing.makers import make, published_relu
from nn_bridge.cli import main
from nn_bridge.experiments.accuracy import AccuracyConfiguration, choose_network, run_accuracy
from nn_bridge.experiments.figure import accuracy_figure
from nn_bridge.experiments.records import Records
from nn_bridge.models.networks import DIGITS_WEIGHTS, find_network
from nn_bridge.training import TrainingConfiguration, train_digits
from polyapprox.published.composites import published_degrees

ROOT = os.environ.get("NN_BRIDGE_DATA", "")
SMALL = AccuracyConfiguration(
    first=6, last=7, intervals=("50", "per-layer"), approximations=("ours", "published"),
    limit=100, calibration_images=200,
)  # fmt: skip


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    path = tmp_path_factory.mktemp("accuracy") / "records.jsonl"
    return path, run_accuracy(SMALL, path)


def test_records(small):
    path, records = small
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert lines == records
    assert [r["approximation"] for r in records] == ["backbone", *["ours"] * 2, *["published"] * 2] + [
        *["ours"] * 2, *["published"] * 2,
    ]  # fmt: skip
    backbone = records[0]
    assert backbone["images"] == 100 and backbone["accuracy"] >= 0.97
    run = records[-1]
    assert (run["power"], run["interval"], run["degrees"]) == (7, "per-layer", [7, 7])
    assert run["counting_rule"] == "published" and run["depth"] == 7
    assert len(run["sites"]) == 6
    assert run["inputs"] == sum(site["elements"] for site in run["sites"])
    assert run["proven_error"] <= 2**-7
    assert run["environment"]["versions"]["torch"] == torch.__version__


def test_a_record_agrees_with_the_functions_it_stands_for(small):
    network = find_network("digits")
    model = network.load()
    ranges = calibrate(model, network.batches(network.data("train").first(200)))
    test = network.batches(network.data("test").first(100))
    result = evaluate(convert(model, precision=2**-7, calibrate=ranges, margin=1.25), test)
    (record,) = (
        r for r in small[1]
        if (r["approximation"], r.get("power"), r.get("interval")) == ("ours", 7, "per-layer")
    )  # fmt: skip
    assert (record["correct"], record["inputs_outside"]) == (result.correct, result.outside)
    wider = [1.25 * largest for largest in ranges.values()]
    assert [s["bound"] for s in record["sites"]] == pytest.approx(wider)


@pytest.mark.parametrize(
    ("name", "correct"), [("ours-corrected", correct_batch_norms), ("ours-means", correct_means)]
)
def test_corrected_records_are_of_corrected_networks(tmp_path, name, correct):
    chosen = replace(SMALL, first=3, last=3, intervals=("50",), approximations=("ours", name))
    plain, corrected = run_accuracy(chosen, tmp_path / "records.jsonl")[1:]
    network = find_network("digits")
    converted = convert(network.load(), precision=2**-3, interval=50.0)
    correct(converted, network.batches(network.data("train").first(200)))
    result = evaluate(converted, network.batches(network.data("test").first(100)))
    assert corrected["correct"] == result.correct != plain["correct"]
    assert plain["plan"] == corrected["plan"] and plain["key"] != corrected["key"]


def test_accuracy_rises_with_the_precision_and_the_narrower_interval(small):
    by = {(r["approximation"], r.get("power"), r.get("interval")): r["accuracy"] for r in small[1]}
    assert by["published", 6, "50"] < by["published", 7, "50"] < by["published", 7, "per-layer"]
    assert by["ours", 6, "50"] <= by["ours", 7, "50"] <= by["ours", 7, "per-layer"]
    for power in (6, 7):
        assert by["ours", power, "50"] > by["published", power, "50"]


def test_resuming_repeats_nothing(small, monkeypatch):
    path, records = small
    text = path.read_text()
    monkeypatch.setattr(experiment, "evaluate", None)
    monkeypatch.setattr(experiment, "calibrate", None)
    assert run_accuracy(SMALL, path) == records
    assert path.read_text() == text


def test_an_interrupted_experiment_goes_on(small, tmp_path, monkeypatch):
    _, records = small
    path = tmp_path / "records.jsonl"
    whole = "".join(json.dumps(record) + "\n" for record in records[:3])
    path.write_text(whole + json.dumps(records[3])[:100])
    steps = []

    def counted(*arguments):
        steps.append(arguments)
        return evaluate(*arguments)

    monkeypatch.setattr(experiment, "evaluate", counted)
    again = run_accuracy(SMALL, path)
    assert len(steps) == len(records) - 3
    assert [r["key"] for r in again] == [r["key"] for r in records]
    assert [r["correct"] for r in again] == [r["correct"] for r in records]
    assert path.read_text().startswith(whole)
    assert len(path.read_text().splitlines()) == len(records)


@pytest.mark.parametrize(
    "change",
    [
        {"limit": 90}, {"margin": 1.1}, {"calibration": "test"}, {"calibration_images": 201},
        {"outside": "clamp"}, {"seed": 1},
    ],
    ids=str,
)  # fmt: skip
def test_another_configuration_is_another_run(small, change, tmp_path):
    path = tmp_path / "records.jsonl"
    path.write_text(small[0].read_text())
    other = replace(SMALL, first=7, approximations=("ours",), intervals=("per-layer",), **change)
    known = set(Records(small[0]).lines)
    assert run_accuracy(other, path)[-1]["key"] not in known


def test_a_file_that_holds_something_else_is_left_alone(tmp_path):
    path = tmp_path / "records.jsonl"
    path.write_text("{}\nnot json\n")
    with pytest.raises(DataError, match=r"line 1 of .* is not a record: move the file away"):
        run_accuracy(SMALL, path)
    assert path.read_text() == "{}\nnot json\n"


def test_figure(small, tmp_path):
    png, svg = accuracy_figure(small[1], tmp_path / "folder" / "accuracy.v1")
    assert png.name == "accuracy.v1.png" and png.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    text = svg.read_text()
    assert text.startswith("<?xml") and text.count("<path") > 10
    assert sorted(p.name for p in png.parent.iterdir()) == ["accuracy.v1.png", "accuracy.v1.svg"]


@pytest.mark.parametrize("power", range(4, 13))
def test_published_composites_reach_their_precision(power):
    made = make("published", power)
    assert made.degrees == published_degrees(power)
    x = np.linspace(-1, 1, 20_001)
    sampled = np.abs(made(x) - np.maximum(x, 0)).max()
    assert 0.4 * made.error_bound < sampled <= made.error_bound * (1 + 1e-9)
    # the published lists for 2^-4 and 2^-5 miss them: 2^-3.71 and 2^-4.86
    assert (made.error_bound > 2.0**-power) == (power in (4, 5))


def test_published_composite_on_another_interval():
    wide = published_relu(precision=2**-7, interval=(-50, 50))
    unit = published_relu(precision=2**-7)
    x = np.linspace(-1, 1, 101)
    assert np.abs(wide(50 * x) - 50 * unit(x)).max() < 1e-12
    for arguments in ({"precision": 2**-15}, {"precision": 0.01}, {"precision": 0}):
        with pytest.raises(ArgumentError, match="published composites exist for"):
            published_relu(**arguments)
    with pytest.raises(ArgumentError, match="give a symmetric one"):
        published_relu(precision=2**-7, interval=(-1, 2))


def test_ours_is_the_default_choice():
    ours = make("ours", 6)
    assert ours.error_bound <= 2**-6
    network = convert(torch.nn.Sequential(torch.nn.ReLU()), precision=2**-6, interval=1.0)
    x = torch.linspace(-1, 1, 101, dtype=torch.float64)
    assert np.abs(network(x).numpy() - ours(x.numpy())).max() < 1e-12
    assert abs(make("zero", 6)(0.0)) < 1e-15
    shifted = make("with-constant", 8)
    assert shifted.plan.digest == polyapprox.relu(precision=2**-8).plan.digest


@pytest.mark.parametrize("power", range(4, 14))
def test_ours_is_no_dearer_than_published_and_more_precise(power):
    theirs, ours = make("published", power), make("ours", power)
    assert ours.error_bound <= 2.0**-power
    assert ours.levels <= theirs.levels and ours.multiplications <= theirs.multiplications
    assert ours.bits > theirs.bits + 0.5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"network": "vgg"}, "'vgg' is unknown"),
        ({"first": 8, "last": 7}, "2\\^-8 to 2\\^-7 make no range"),
        ({"first": 3}, "published composites exist for 2\\^-4 to 2\\^-14"),
        (
            {"approximations": ("theirs",)},
            "'theirs' is unknown: choose one of ours, zero, with-constant, published",
        ),
        ({"intervals": ("narrow",)}, "interval is 'narrow': give 'per-layer', 'global'"),
        ({"intervals": ("0",)}, "interval is '0'"),
        ({"limit": 0}, "limit is 0: give at least 1"),
        ({"calibration_images": 0}, "calibration_images is 0"),
        ({"calibration": "validation"}, "calibration is 'validation'"),
        ({"margin": math.inf}, "margin is inf"),
        ({"outside": "ignore"}, "outside is 'ignore'"),
    ],
)
def test_bad_configurations(change, message, tmp_path):
    with pytest.raises(ArgumentError, match=message):
        run_accuracy(replace(SMALL, **change), tmp_path / "records.jsonl")
    assert not list(tmp_path.iterdir())


def test_choice_of_the_network(tmp_path, monkeypatch):
    monkeypatch.delenv("NN_BRIDGE_DATA", raising=False)
    name, reason = choose_network()
    assert name == "digits" and "NN_BRIDGE_DATA" in reason
    name, reason = choose_network(tmp_path)
    assert name == "digits" and "akamaster-resnet20" in reason
    (tmp_path / "weights").mkdir()
    find_network("resnet20-cifar10").weights_path(tmp_path).touch()
    name, reason = choose_network(tmp_path)
    assert name == "digits" and "CIFAR-10 is not in" in reason
    (tmp_path / "cifar-10-python.tar.gz").touch()
    assert choose_network(tmp_path)[0] == "resnet20-cifar10"


def test_command(tmp_path):
    arguments = [
        "accuracy", "--from", "7", "--to", "7", "--limit", "50", "--interval", "per-layer",
        "--interval", "12", "--approximation", "ours", "--calibration-images", "100",
        "--out", str(tmp_path),
    ]  # fmt: skip
    code = "from nn_bridge.cli import main; main()"
    environment = {**os.environ, "NN_BRIDGE_DATA": "", "OMP_NUM_THREADS": "1"}
    result = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True, text=True, check=False, env=environment,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert "network digits: no folder with data is given" in result.stdout
    assert "2^-7" in result.stdout and "B = 12" in result.stdout
    names = {"accuracy-digits.jsonl", "accuracy-digits.png", "accuracy-digits.svg"}
    assert {path.name for path in tmp_path.iterdir()} == names
    assert len((tmp_path / "accuracy-digits.jsonl").read_text().splitlines()) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["accuracy", "--network", "resnet20-cifar10"], "no folder with data is given: name one"),
        (["accuracy", "--network", "vgg"], "the network 'vgg' is unknown: choose one of digits"),
        (["accuracy", "--from", "x"], "Invalid value for '--from'"),
        (["accuracy", "--colour", "red"], "No such option"),
        (["convert"], "there is no command 'convert'"),
        (["train-digits", "--out", "weights.npz"], "give a file that ends with .safetensors"),
        (["train-digits", "--epochs", "0"], "epochs is 0: give at least 1"),
    ],
)
def test_bad_commands(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NN_BRIDGE_DATA", "")
    monkeypatch.setattr(sys, "argv", ["nn-bridge", *arguments])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("nn-bridge: ") and message in line
    assert not list(tmp_path.iterdir())


def test_shipped_digits_are_what_their_record_says():
    record = json.loads(DIGITS_WEIGHTS.with_suffix(".json").read_text())
    network = find_network("digits")
    model = network.load()
    assert record["parameters"] == sum(p.numel() for p in model.parameters())
    for split, accuracy in record["accuracy"].items():
        result = evaluate(model, network.batches(network.data(split)))
        assert result.images == record["images"][split]
        assert result.accuracy == pytest.approx(accuracy, abs=1.5 / result.images)
    assert record["accuracy"]["test"] > 0.98
    assert DIGITS_WEIGHTS.stat().st_size < 200_000


def test_training_is_seeded(tmp_path):
    configuration = TrainingConfiguration(epochs=1, width=4, seed=3)
    epochs = []
    state = torch.random.get_rng_state()
    paths = [tmp_path / f"{name}.safetensors" for name in "ab"]
    for path in paths:
        record = train_digits(configuration, path, lambda epoch, loss: epochs.append(epoch))
        assert json.loads(path.with_suffix(".json").read_text()) == record
    first, second = (load_file(path) for path in paths)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert record["configuration"]["seed"] == 3 and epochs == [1, 1]
    assert 0.1 < record["accuracy"]["train"] <= 1
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.skipif(
    not ROOT or not (Path(ROOT) / "cifar10").is_dir(),
    reason="set NN_BRIDGE_DATA to a folder with cifar10 and weights",
)
def test_resnet20_at_nine_bits_is_as_good_as_with_relu(tmp_path):
    configuration = AccuracyConfiguration(
        network="resnet20-cifar10", first=9, last=9, intervals=("per-layer", "50"),
        approximations=("ours", "published"), limit=300, calibration="test",
    )  # fmt: skip
    backbone, own, wide, _, theirs = run_accuracy(configuration, tmp_path / "records.jsonl", ROOT)
    assert own["accuracy"] == pytest.approx(backbone["accuracy"], abs=0.015)
    assert wide["accuracy"] == pytest.approx(backbone["accuracy"], abs=0.015)
    assert theirs["accuracy"] < wide["accuracy"]
    assert len(own["sites"]) == 19
    assert own["inputs"] == 300 * (7 * 16 * 32**2 + 6 * 32 * 16**2 + 6 * 64 * 8**2)
