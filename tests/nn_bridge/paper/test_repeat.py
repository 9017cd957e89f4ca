"""Runs on record trained again: the same ones, altered ones, those that are not there."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from page_tables import saved_lines
from paths import EXPERIMENTS

import nn_bridge.paper.train as training
from nn_bridge.cli import main
from nn_bridge.errors import ArgumentError, DataError
from nn_bridge.experiments.records import Records
from nn_bridge.paper.declared import runs
from nn_bridge.paper.repeat import REPEATED, Repeated, repeat
from nn_bridge.paper.train import RUNS, train_missing, weights_path

PAPER = EXPERIMENTS / "paper"
ARM = "decay 5e-4, NGNV"


def contents(folder: Path) -> dict[str, bytes]:
    """Every file but the one that repetitions are written to."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*") if path.is_file() and path.name != REPEATED
    }  # fmt: skip


def copied(folder: Path, to: Path, key: str, **change: object) -> Path:
    """A copy of records and of the weights of a run, whose record says something else."""
    lines = Records(folder / RUNS).lines
    lines[key] |= change
    for record in lines.values():
        Records(to / RUNS).add(record)
    weights_path(to, key).parent.mkdir()
    shutil.copy(weights_path(folder, key), weights_path(to, key))
    return to


def command(monkeypatch, *options: object) -> int:
    """Exit code of ``nn-bridge paper repeat``."""
    monkeypatch.setattr(sys, "argv", ["nn-bridge", "paper", "repeat", *map(str, options)])
    with pytest.raises(SystemExit) as left:
        sys.exit(main())
    return int(left.value.code or 0)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("paper")
    train_missing(runs("table1", [ARM], [0, 7, 8], "try"), folder / "records", folder / "scratch")
    return folder / "records"


def test_a_run_comes_back_to_the_bit_and_nothing_else_is_touched(trained, tmp_path, monkeypatch, capsys):
    before, lines = contents(trained), Records(trained / RUNS).lines
    options = ("--table", "table1", "--arm", ARM, "--seed", 7, "--recipe", "try")
    assert command(monkeypatch, *options, "--folder", trained, "--scratch", tmp_path) == 0
    assert "the same weights to the bit; 2 other seeds, spread " in capsys.readouterr().err
    assert contents(trained) == before
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]  # the next one begins from nothing
    (record,) = saved_lines(trained / REPEATED)
    first, second, third = (line["accuracy"] for line in lines.values())
    assert record["key"] == runs("table1", [ARM], [7], "try")[0].key
    assert record["accuracy"] == record["again"] == second
    assert record["same_weights"] and record["ok"] and record["other_seeds"] == 2
    assert record["spread"] == pytest.approx(abs(first - third) / 2**0.5)
    assert record["processor_seconds"] > 0 and "torch" in record["versions"] and "core" in record["machine"]


@pytest.mark.skipif(not (PAPER / RUNS).exists(), reason="nothing is trained yet")
@pytest.mark.parametrize("off", [0.0, -0.03, 0.03])
def test_a_run_of_the_repository_comes_back_and_an_altered_record_fails(off, tmp_path, monkeypatch, capsys):
    run = runs("table1", ["decay 5e-4"], [1], "D20")[0]
    true = Records(PAPER / RUNS).lines[run.key]["accuracy"]
    folder = copied(PAPER, tmp_path / "r", run.key, accuracy=true + off)
    assert command(monkeypatch, "--recipe", "D20", "--seed", 1, "--folder", folder, "--scratch", tmp_path / "s") == bool(off)
    assert ("DIFFERS" in capsys.readouterr().err) == bool(off)
    (record,) = saved_lines(folder / REPEATED)
    assert record["ok"] == (not off) and record["accuracy"] == true + off
    assert record["other_seeds"] >= 4 and record["spread"] < 0.005


def test_other_weights_of_the_same_accuracy_are_said(trained, tmp_path):
    run, other = runs("table1", [ARM], [0, 7], "try")
    sha = Records(trained / RUNS).lines[other.key]["weights_sha256"]
    folder = copied(trained, tmp_path / "r", run.key, weights_sha256=sha)
    with pytest.raises(DataError, match="is not the file that the records speak of: restore it"):
        repeat("table1", ARM, 0, "try", folder, tmp_path / "s")
    shutil.copy(weights_path(trained, other.key), weights_path(folder, run.key))
    found = repeat("table1", ARM, 0, "try", folder, tmp_path / "s")
    assert found.ok and not found.same_weights and found.now == found.before


def test_a_run_that_was_stopped_goes_on_only_by_the_same_code(trained, tmp_path, monkeypatch):
    def epochs(commit: str | None) -> int:
        """Epochs that a repetition trains after one that was stopped in its second."""

        def stop(line: str) -> None:
            if "epoch 2" in line:
                raise KeyboardInterrupt

        monkeypatch.setattr("nn_bridge.paper.repeat.git_commit", lambda: commit)
        options = ("table1", ARM, 0, "try", trained, tmp_path)
        with pytest.raises(KeyboardInterrupt):
            repeat(*options, say=stop)
        said: list[str] = []
        assert repeat(*options, say=said.append).same_weights
        return len(said)

    assert [epochs("abc"), epochs("abc+"), epochs(None)] == [1, 2, 2]


def test_what_is_not_on_record_is_refused_in_a_sentence(trained, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(training, "fit", None)
    with pytest.raises(ArgumentError, match="decay 5e-4, seed 0 of table1, recipe P25, is not on record in"):
        repeat("table1", None, 0, None, trained, tmp_path)
    assert command(monkeypatch, "--seed", 99, "--folder", trained) == 2
    assert "train it first by nn-bridge paper table1" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("others", "off", "ok"),
    [((), 0.01, True), ((), -0.011, False), ((0.8,), 0.011, False), ((0.9, 0.9), 0.01, True), ((0.88, 0.9, 0.92), 0.059, True),
     ((0.88, 0.9, 0.92), -0.06, True), ((0.88, 0.9, 0.92), 0.061, False), ((0.88, 0.9, 0.92), -0.061, False)],
)  # fmt: skip
def test_three_standard_deviations_of_other_seeds_are_allowed_and_a_point_in_any_case(others, off, ok):
    assert Repeated(runs("table1")[0], 0.9, 0.9 + off, False, others).ok == ok
