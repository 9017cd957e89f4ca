"""Errors taken apart by where they are made, and what each part does to a network."""

from __future__ import annotations

import json
import sys

import pytest
import torch
from paths import EXPERIMENTS

from nn_bridge.cli import main
from nn_bridge.errors import ArgumentError
from nn_bridge.paper.background import changes, run_background, subjects
from nn_bridge.paper.declared import runs

FOLDER = EXPERIMENTS / "paper"
RUN = runs("table1", ["decay 5e-4"], [0], "D20")


@pytest.fixture
def parts():
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(6, 3, 4, 4, generator=generator)
    error = torch.rand(6, 3, 4, 4, generator=generator) + torch.arange(3.0).view(1, 3, 1, 1)
    relevant = {"site": torch.rand(6, 3, 4, 4, generator=generator)}
    return x, error, {name: f("site", x, error) for name, f in changes(relevant, 0).items()}


def test_parts_are_made_at_their_places_alone(parts):
    x, error, made = parts
    assert torch.equal(made["all"], error)
    assert torch.equal(made["negative"] + made["positive"], error)
    for name, error_made in made.items():
        if name.startswith("negative"):
            assert not error_made[x > 0].any()
        if name.startswith("positive"):
            assert not error_made[x <= 0].any()
    halves = made["positive, less relevant half"], made["positive, more relevant half"]
    assert torch.equal(halves[0] + halves[1], made["positive"])
    counts = [int((half != 0).sum()) for half in halves]
    assert abs(counts[0] - counts[1]) <= len(x)  # one of each image


def test_what_is_moved_has_the_same_values_at_other_places(parts):
    x, _, made = parts
    for name, places in (("negative", x <= 0), ("positive", x > 0)):
        before, after = made[name][places], made[f"{name}, moved"][places]
        assert torch.equal(before.sort().values, after.sort().values)
        assert (before != after).double().mean() > 0.9


def test_means_are_those_of_each_channel_where_errors_are_made(parts):
    x, error, made = parts
    for name, places in (("negative, mean removed", x <= 0), ("positive, mean removed", x > 0)):
        means = made[name].sum(dim=(0, 2, 3)) / places.sum(dim=(0, 2, 3))
        assert means.abs().max() < 1e-6
    assert torch.allclose(made["all, mean removed"] + made["mean alone"], error)
    assert made["mean alone"].std(dim=(0, 2, 3)).max() < 1e-6


def test_a_cell_is_measured_once_and_kept(tmp_path):
    path, lines = tmp_path / "found.jsonl", []
    cells = [("published", 8, "50")]
    chosen = subjects([], RUN, FOLDER)
    (first,) = run_background(chosen, path, cells=cells, images=60, say=lines.append)
    (again,) = run_background(chosen, path, cells=cells, images=60, say=lines.append)
    assert first == again == json.loads(path.read_text()) and len(lines) == 1
    deviation = first["deviation"]
    assert deviation["all, mean removed"] < deviation["all"]
    assert 0 < deviation["negative, mean removed"] < deviation["negative"]
    assert first["accuracy"]["exact"] > 0.9


def test_what_cannot_be_taken_apart_is_refused(tmp_path, capsys, monkeypatch):
    with pytest.raises(ArgumentError, match=r"has no weights in .*: train it first"):
        subjects([], RUN, tmp_path)
    monkeypatch.setattr(sys, "argv", ["nn-bridge", "paper", "background", "--images", "0"])
    with pytest.raises(SystemExit) as left:
        sys.exit(main())
    assert left.value.code == 2
    assert "images is 0: give at least 1" in capsys.readouterr().err
