"""Runs of the paper's tables: declared alike, trained once, kept with their weights, measured."""

from __future__ import annotations

import hashlib
import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from killed import losing_a_worker
from page_tables import saved_lines as read
from paths import EXPERIMENTS, MADE
from torch import nn

import nn_bridge.paper.measuring as measuring
import nn_bridge.paper.train as training
from nn_bridge.activations.default import network_relu
from nn_bridge.cli import main
from nn_bridge.conversion.network import convert
from nn_bridge.errors import ArgumentError, DataError
from nn_bridge.experiments.accuracy import AccuracyConfiguration
from nn_bridge.experiments.records import Records
from nn_bridge.models.networks import find_network
from nn_bridge.models.weights import load_weights
from nn_bridge.paper.background import subjects
from nn_bridge.paper.cli import MEASURED
from nn_bridge.paper.cost import costs
from nn_bridge.paper.declared import TABLES, Run, runs
from nn_bridge.paper.explain import reference, rescale_all, scales
from nn_bridge.paper.law import measured, run_law
from nn_bridge.paper.measuring import cells_path, measure, measure_trained
from nn_bridge.paper.progress import Clock, work
from nn_bridge.paper.recipes import HELD_OUT, RECIPES, recipe
from nn_bridge.paper.train import RUNS, train_missing, weights_path
from nn_bridge.paper.verify import VERIFIED, Checked, verify
from nn_bridge.training.configuration import Forward, Range, as_mapping, from_mapping
from nn_bridge.training.optimisation import rate_at
from polyapprox.circuits.search.runner import runner_named

FOLDER = EXPERIMENTS / "paper"
ONE = runs("table1", ["decay 1e-5, Mixup, NGNV"], [0], "try")


# --- what is declared ---


@pytest.mark.parametrize("table", sorted({*TABLES} - {"backbone"}))
def test_runs_of_a_table_differ_in_what_is_compared_alone(table):
    declared = runs(table)
    assert len({run.key for run in declared}) == len(declared)
    common = {}
    for run in declared:
        plain = as_mapping(run.configuration)
        for name in ("seed", "start", "noise", "range"):
            plain.pop(name)
        for name in ("decay", "decay_others", "mixup"):
            plain["optimisation"].pop(name)
        if run.configuration.noise.kind == "error":  # of which polynomial
            plain["forward"]["approximation"] = "ours"
        common.setdefault(plain["network"], set()).add(json.dumps(plain))
        sgd = run.configuration.optimisation
        last = rate_at(sgd, sgd.epochs * 351 - 1, 351)
        assert last < 2 * sgd.learning_rate / (351 * (sgd.epochs - sgd.hold))  # to 0 in every arm
        assert run.configuration.validation == (1000 if "tiny" in plain["network"] else HELD_OUT)
    assert all(len(one) == 1 for one in common.values())


def test_more_epochs_of_a_backbone_start_from_it_with_a_circuit_in_place_of_relu():
    trunk, *more = runs("backbone", seeds=[2])
    assert trunk.key == runs("table1", ["decay 5e-4"], [2], "P60")[0].key
    for run in more:
        assert Path(run.configuration.start).stem == trunk.key
        assert run.configuration.renews != run.arm.endswith("distilled")
        (power,) = run.configuration.forward.polynomial
        assert run.arm.startswith(f"{network_relu(precision=2.0**-power).multiplications} multiplications")
        assert run.configuration.optimisation.decay == trunk.configuration.optimisation.decay


@pytest.mark.parametrize(("recipe_", "of_trunk", "seed"), [(None, None, 0), ("D5", "D20", 3)])
def test_branches_start_from_trunks_of_table_1(recipe_, of_trunk, seed):
    trunks = {run.key: run for run in runs("table1", seeds=[seed], base=of_trunk)}
    branches = runs("table3", seeds=[seed], base=recipe_)
    assert len(branches) == 24
    for run in branches:
        path = Path(run.configuration.start)
        assert path.parent == Path("experiments/paper/weights") and path.stem in trunks
        trunk = trunks[path.stem].configuration
        assert (trunk.network, trunk.seed) == (run.configuration.network, run.configuration.seed)
        assert trunk.optimisation.decay == run.configuration.optimisation.decay
    unchanged = [run for run in branches if run.arm.endswith("no change")]
    assert [run.configuration.noise.kind for run in unchanged] == ["none", "none"]


def test_one_seed_of_each_arm_comes_first_and_tables_share_runs():
    first = runs("table1")
    arms = [run.arm for run in first]
    assert len(set(arms[:5])) == 5 and arms[:5] == arms[5:10]
    shared = {run.key for run in first} & {run.key for run in runs("table2")}
    assert len(shared) == 2  # of the same decay, without anything else


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("table9",), "the table 'table9' is unknown: choose one of table1"),
        (("table1", ["decay"]), "table1 has no arm 'decay': choose one of 'decay 5e-4'"),
        (("table1", [], [], "P1"), "the recipe 'P1' is unknown: choose one of P25"),
    ],
)
def test_what_is_not_declared_is_refused(arguments, sentence):
    with pytest.raises(ArgumentError, match=sentence):
        runs(*arguments)


def test_time_left_counts_images_by_their_area():
    base = recipe("P25")
    assert [work(base, epoch) for epoch in (0, 5, 13, 24)] == [0.25, 0.5625, 1.0, 1.0]
    now = iter([0.0, 100.0, 300.0])
    clock, lines = Clock([base, base], lambda: next(now)), []
    watch = clock.watch(base, "a", lines.append)
    watch("epoch 24", 1, 2, 0.0)
    assert lines == []
    watch("epoch 24", 2, 2, 0.5)  # 23 were done by a training that was stopped
    whole = sum(work(base, epoch) for epoch in range(25))
    assert clock.rest == pytest.approx(1.0 + whole)
    assert lines == ["a: epoch 24 of 25, loss 0.500; " f"{round((1 + whole) * 100 / 60)} min left"]


# --- training ---


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("paper")
    lines = []
    train_missing(ONE, folder / "records", folder / "scratch", say=lines.append)
    return folder, lines


def test_a_run_on_all_training_images_has_no_accuracy_on_those_held_out(tmp_path):
    short = replace(ONE[0].configuration.optimisation, epochs=1, hold=0.0)
    of_all = replace(ONE[0].configuration, validation=0, optimisation=short)
    record = training.train(Run("all", of_all), tmp_path).record
    assert record["accuracy"] > 0.1 and not {name for name in record if "validation" in name}


def test_a_run_is_a_line_and_a_file_of_weights_that_make_its_network(trained):
    folder, lines = trained
    (line,) = (folder / "records" / RUNS).read_text().splitlines()
    record = json.loads(line)
    assert record["key"] == ONE[0].key
    assert from_mapping(record["configuration"]) == ONE[0].configuration
    weights = weights_path(folder / "records", record["key"])
    assert hashlib.sha256(weights.read_bytes()).hexdigest() == record["weights_sha256"]
    network = find_network("digits").build()
    load_weights(network, weights)
    found = training.judged(network.eval(), ONE[0].configuration, None)
    assert found == record["stored_validation_accuracy"]
    assert len(record["epochs"]) == 2
    assert lines[-1].endswith("% of the test images") and "epoch 1 of 2" in lines[0]


def test_what_is_on_record_is_not_trained_again(trained, monkeypatch):
    monkeypatch.setattr(training, "fit", None)
    folder = trained[0] / "records"
    before = (folder / RUNS).read_text()
    train_missing(ONE, folder, trained[0] / "scratch")
    assert (folder / RUNS).read_text() == before


def test_a_run_that_was_stopped_goes_on_and_ends_the_same(trained, tmp_path):
    def stop(name: str, step: int, steps: int, loss: float) -> None:
        if name == "epoch 2":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        training.train(ONE[0], tmp_path, progress=stop)
    finished = training.train(ONE[0], tmp_path)
    (line,) = (trained[0] / "records" / RUNS).read_text().splitlines()
    assert finished.record["weights_sha256"] == json.loads(line)["weights_sha256"]


def test_no_line_without_its_weights(trained, tmp_path, monkeypatch):
    def full(path, write):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(training, "write_atomically", full)
    with pytest.raises(OSError, match="No space"):
        train_missing(ONE, tmp_path, trained[0] / "scratch")
    assert not (tmp_path / RUNS).exists()


# --- on several processes ---


@pytest.fixture(scope="module")
def several():
    return runs("table1", ["decay 5e-4", "decay 1e-5", "decay 1e-5, Mixup"], [5], "try")


def table_of(folder: Path) -> dict[str, tuple[str, float]]:
    lines = Records(folder / RUNS).lines.values()
    return {line["key"]: (line["weights_sha256"], line["accuracy"]) for line in lines}


def test_a_worker_of_a_cluster_is_killed_and_nothing_is_lost(several, tmp_path):
    train_missing(several, tmp_path / "serial", tmp_path / "a")

    def begun() -> bool:
        """Whether a training has done its first epoch."""
        return bool(list((tmp_path / "b").glob("*/log.jsonl")))

    with losing_a_worker(begun) as (address, killed):
        runner = runner_named("dask", scheduler=address, ordered=False)
        train_missing(several, tmp_path / "dask", tmp_path / "b", runner=runner)
    assert killed and table_of(tmp_path / "dask") == table_of(tmp_path / "serial")
    assert len(table_of(tmp_path / "dask")) == 3


# --- measuring ---


def test_cells_are_measured_once_and_kept_short(trained, monkeypatch):
    cells = AccuracyConfiguration(first=5, last=5, intervals=("50",), approximations=("ours",))
    monkeypatch.setitem(measuring.STAGES, "first", (cells,))
    folder = trained[0] / "records"
    backbone, cell = measure(ONE[0], folder, stages=("first",), limit=50)
    assert backbone["approximation"] == "backbone" and cell["images"] == 50
    path = cells_path(folder, ONE[0].key)
    kept = read(path)
    assert [one["key"] for one in kept] == [backbone["key"], cell["key"]]
    assert all("sites" not in one and "commit" in one for one in kept)
    monkeypatch.setattr("nn_bridge.experiments.accuracy.evaluate", None)
    again = measure(ONE[0], folder, stages=("first",), limit=50)
    assert [one["correct"] for one in again] == [backbone["correct"], cell["correct"]]


def test_a_network_is_measured_with_the_circuits_it_was_trained_with(tmp_path):
    """Distilled from the network at the start, its circuits at its intervals: few multiplications lose little."""
    plain = recipe("D5")
    run = Run("few", replace(
        plain, forward=Forward((4,), "polynomial", "weighted"),
        range=Range(penalty=100.0, inside=0.8, renew=False),
        optimisation=replace(plain.optimisation, epochs=2, distillation=0.5, clip=2.0),
    ))  # fmt: skip
    train_missing([run], tmp_path, tmp_path / "scratch")
    (cell,) = measure_trained(run, tmp_path, limit=200)
    assert cell["multiplications"] == 3 and cell["correct"] > 190
    assert [one.correct for one in verify(tmp_path, 1.0)] == [cell["correct"]]
    assert measure_trained(run, tmp_path, limit=200) == [cell]
    assert measure_trained(ONE[0], tmp_path) == []


# --- the command ---


def test_the_command_trains_and_refuses_in_a_sentence(tmp_path, monkeypatch, capsys):
    options = ["--recipe", "try", "--arm", "decay 5e-4", "--seed", "3", "--part", "train",
               "--folder", str(tmp_path / "r"), "--scratch", str(tmp_path / "s")]  # fmt: skip
    monkeypatch.setattr(sys, "argv", ["nn-bridge", "paper", "table1", *options])
    with pytest.raises(SystemExit) as left:
        sys.exit(main())
    assert left.value.code in (0, None)
    assert len(Records(tmp_path / "r" / RUNS).lines) == 1
    monkeypatch.setattr(sys, "argv", ["nn-bridge", "paper", "table1", "--part", "all"])
    with pytest.raises(SystemExit) as left:
        sys.exit(main())
    assert left.value.code not in (0, None)
    assert "part is 'all': choose one of train, branches, first" in " ".join(capsys.readouterr().err.split())


# --- what is in the repository ---


@pytest.mark.skipif(not (FOLDER / RUNS).exists(), reason="nothing is trained yet")
def test_records_in_the_repository_are_of_declared_runs_and_have_their_weights():
    declared = {
        run.key: run
        for table in TABLES for name in (None, *RECIPES) for run in runs(table, seeds=range(5), base=name)
    }  # fmt: skip
    for record in Records(FOLDER / RUNS).lines.values():
        assert from_mapping(record["configuration"]) == declared[record["key"]].configuration
        content = weights_path(FOLDER, record["key"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == record["weights_sha256"]
        assert len(content) < 1_000_000
        assert len(record["epochs"]) == record["configuration"]["optimisation"]["epochs"]
        assert all(math.isfinite(epoch["loss"]) for epoch in record["epochs"])


def test_a_changed_configuration_has_another_key():
    (run,) = ONE
    other = replace(run, configuration=replace(run.configuration, seed=1))
    assert other.key != run.key and replace(run, arm="x").key == run.key


# --- scale ---


def test_a_network_on_a_wider_interval_is_the_network_whose_inputs_are_smaller():
    """What rescaling rests on: gains before ReLU by a factor, weights after it by its inverse."""

    class Two(nn.Module):
        def __init__(self, factor: float) -> None:
            super().__init__()
            self.first, self.relu, self.last = nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 2)
            generator = torch.Generator().manual_seed(1)
            with torch.no_grad():
                for parameter in self.parameters():
                    parameter.copy_(torch.randn(parameter.shape, generator=generator))
                for parameter in self.first.parameters():
                    parameter.mul_(factor)
                self.last.weight.div_(factor)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.last(self.relu(self.first(x)))

    x = torch.randn(50, 3, generator=torch.Generator().manual_seed(2))
    wide = convert(Two(1.0).eval(), precision=2**-4, interval=30.0)
    shrunk = convert(Two(0.25).eval(), precision=2**-4, interval=7.5)
    torch.testing.assert_close(wide(x), shrunk(x), rtol=1e-4, atol=1e-4)
    assert not torch.allclose(wide(x), Two(1.0).eval()(x), atol=0.01)


def test_networks_are_rescaled_to_that_of_little_decay(several, tmp_path):
    folder = tmp_path / "records"
    usual, little, mixed = several
    train_missing([usual], folder, tmp_path / "scratch")
    with pytest.raises(ArgumentError, match="which is not trained: train that arm first"):
        rescale_all([usual], folder)
    train_missing([little, mixed], folder, tmp_path / "scratch")
    assert reference(mixed, Records(folder / RUNS).lines).key == little.key
    rescale_all([usual, little], folder)
    lines = {run.key: scales(run, folder) for run in (usual, little)}
    cells = {
        run.key: read(cells_path(folder, run.key))
        for run in (usual, little)
    }
    for key, found in cells.items():
        wanted = 50 * lines[key]["rms"] / lines[little.key]["rms"]
        intervals = {float(cell["interval"]) for cell in found if "interval" in cell}
        assert len(intervals) == 1 and intervals.pop() == pytest.approx(wanted, rel=1e-3)


# --- verifying ---


def test_cells_are_measured_again_and_a_false_one_is_found(trained, monkeypatch, tmp_path):
    cells = AccuracyConfiguration(first=5, last=6, intervals=("50",), approximations=("ours",))
    monkeypatch.setitem(measuring.STAGES, "first", (cells,))
    folder = trained[0] / "records"
    measure(ONE[0], folder, stages=("first",), limit=60)
    path, said = cells_path(folder, ONE[0].key), []
    count = len(read(path))
    assert {one.ok for one in verify(folder, 1.0, say=said.append)} == {True}
    assert [line.split(":")[0] for line in said] == [f"{n} of {count}" for n in range(1, count + 1)]
    before = path.read_text()
    lines = [json.loads(line) for line in before.splitlines()]
    lines[-1] |= {"correct": lines[-1]["correct"] - 5, "plan": "another", "key": "made before"}
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    try:
        found = verify(folder, 1.0)
        (differing,) = (one for one in found if not one.ok)
        true, false = read(folder / VERIFIED)
        counts = ("cells", "measured", "same", "rounding", "differing", "other_plan")
        assert [true[name] for name in counts] == [count, count, count, 0, 0, 0]
        assert [false[name] for name in counts] == [count, count, count - 1, 0, 1, 1] and false["key"] != true["key"]
        assert (true["share"], true["seed"]) == (1.0, 0) and true["processor_seconds"] > 0
        assert "torch" in true["versions"] and "core" in true["machine"] and "commit" in true
        monkeypatch.setattr(sys, "argv", ["nn-bridge", "paper", "verify", "--share", "1", "--folder", str(folder)])
        with pytest.raises(SystemExit) as left:
            sys.exit(main())
        assert left.value.code == 1 and read(folder / VERIFIED)[-1]["differing"] == 1
        assert differing.cell == lines[-1] and differing.other_plan
        assert str(differing).endswith("DIFFERS, by another plan")
        weights = weights_path(folder, ONE[0].key)
        content = weights.read_bytes()
        weights.write_bytes(content[:-1])
        with pytest.raises(DataError, match="is not the file that the records speak of: restore it"):
            verify(folder, 1.0)
        weights.write_bytes(content)
        assert len(read(folder / VERIFIED)) == 3  # nothing of the one that was refused
    finally:
        path.write_text(before)
    with pytest.raises(DataError, match="has no cells to verify"):
        verify(tmp_path)


@pytest.mark.parametrize(("off", "same", "ok"), [(0, True, True), (-1, False, True), (6, False, False)])
def test_a_cell_may_differ_by_rounding(off, same, ok):
    one = Checked("a", {"correct": 9000, "images": 10_000}, 9000 + off)
    assert (one.same, one.ok) == (same, ok)


@pytest.mark.parametrize("page", ["paper", "background", "all_precisions", "law", "beyond_images"])
def test_the_pages_are_made_of_the_records(page):
    command = [sys.executable, str(MADE / f"{page}_tables.py"), "--check"]
    assert subprocess.run(command, check=False, capture_output=True).returncode == 0


# --- the law ---


def test_cells_are_predicted_once_and_those_of_other_kinds_left_out(tmp_path, monkeypatch):
    cell = {"network": "digits", "weights_sha256": "w", "approximation": "ours", "power": 5,
            "interval": "per-layer", "margin": 1.25, "images": 360, "correct": 355}  # fmt: skip
    path = tmp_path / "law.jsonl"
    (record,) = run_law([cell], path)
    said = record["predicted"]
    assert (said["images"], said["sample"], record["correct"]) == (360, 24, 355)
    assert abs(said["accuracy"] - 355 / 360) < 0.03
    counts = [one["sample"] for one in record["from_more"]]
    assert counts == [96, 360][: len(counts)] and counts
    assert said["low"] <= 355 / 360 <= said["high"]
    with monkeypatch.context() as another:  # a cell predicted by another law is predicted again
        another.setattr("nn_bridge.paper.law.FORM", 0)
        (again,) = run_law([cell], path)
    assert again["key"] != record["key"] and again["predicted"] == said
    monkeypatch.setattr("nn_bridge.paper.law._Network", None)
    assert run_law([cell], path) == [record]
    others = [{**cell, "images": 10_000, **change} for change in (
        {}, {"margin": 1.1}, {"approximation": "ours-means"}, {"power": 11}, {"interval": "global"},
    )]  # fmt: skip
    file = tmp_path / "cells.jsonl"
    file.write_text("".join(json.dumps(one) + "\n" for one in [cell, *others]))
    assert measured([file]) == others[:1]
    file.write_text("{")
    with pytest.raises(DataError, match="cannot be read as records of accuracy"):
        measured([file])


# --- costs ---


def test_costs_are_of_the_records_and_missing_ones_are_named(tmp_path, capsys, monkeypatch):
    results = EXPERIMENTS / "results"
    ours, other = costs(results)
    record = json.loads((results / "encrypted-resnet20.json").read_text())
    assert ours.seconds == record["processor_seconds_per_image"]["all"] and ours.levels == 4
    assert ours.relu == "circuit of 4, fitted to inputs, corrected, per-layer"
    assert other.multiplications == 24 and abs(ours.accuracy - other.accuracy) < 0.002
    monkeypatch.chdir(EXPERIMENTS.parent)
    monkeypatch.setattr(sys, "argv", ["nn-bridge", "paper", "cost"])
    with pytest.raises(SystemExit) as left:
        sys.exit(main())
    assert left.value.code in (0, None)
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith(f"ratio {ours.seconds / other.seconds:.2f}") and last.endswith("0.54")
    with pytest.raises(DataError, match=r"resnet20-cifar10\.jsonl cannot be read: give the folder"):
        costs(tmp_path)
    for name in results.glob("encrypted-*.json*"):
        (tmp_path / name.name).write_text(name.read_text())
    (tmp_path / "resnet20-cifar10.jsonl").write_text("")
    with pytest.raises(DataError, match="no record of accuracy is of the network encrypted at"):
        costs(tmp_path)


def test_files_that_the_law_speaks_of_by_default_are_there():
    assert all((EXPERIMENTS.parent / path).is_file() for path in MEASURED)


def test_cells_of_a_trained_network_are_predicted_with_its_weights(trained, tmp_path):
    folder = trained[0] / "records"
    cell = {"network": "digits", "weights_sha256": "w", "approximation": "ours", "power": 6,
            "interval": "50", "images": 360, "correct": 300, "calibration_images": 100}  # fmt: skip
    (subject,) = subjects([], ONE, folder)
    (mine,) = run_law([cell], tmp_path / "mine.jsonl", subject=subject)
    (published,) = run_law([cell], tmp_path / "published.jsonl")
    assert (mine["subject"], published["subject"]) == (ONE[0].label, "digits")
    assert mine["predicted"]["exact"] != published["predicted"]["exact"]  # two epochs, many
