"""The vision transformers of ``experiments/vit.py``: what is kept of them, their training, and their page."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import page_tables
import pytest
import torch
import transformers_tables
import vit

from nn_bridge import evaluate
from nn_bridge.experiments.records import Records
from nn_bridge.images.sets import ImageSet
from nn_bridge.models.networks import find_network
from nn_bridge.training.loop import Training

RECORDS = page_tables.saved_lines(vit.RESULTS)
TINY = replace(vit.CIFAR, training=replace(vit.CIFAR.training, epochs=2))


def measured(network: str, what: str, power: int, *seeds: int) -> list[dict[str, Any]]:
    wanted = (network, what, power)
    return [
        one for one in RECORDS
        if (one["network"], one["what"], one["power"]) == wanted and one["seed"] in (seeds or vit.SEEDS)
    ]  # fmt: skip


def images(count: int, seed: int) -> ImageSet:
    drawn = np.random.default_rng(seed)
    return ImageSet("cifar10", "train", drawn.integers(256, size=(count, 32, 32, 3), dtype=np.uint8), drawn.integers(10, size=count))


def tiny(folder: Path) -> dict[str, torch.Tensor]:
    """Weights after two epochs of two batches."""
    torch.manual_seed(1)
    model = TINY.build()
    vit.fitted(model, TINY, images(128, 2), images(64, 3), 1, folder)
    return model.state_dict()


def test_a_training_goes_on_from_its_last_epoch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the same images in the same order, and the rate where it was."""
    save = Training.save

    def killed(self: Training) -> None:
        save(self)
        raise KeyboardInterrupt

    whole = tiny(tmp_path / "whole")
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Training, "save", killed)
        tiny(tmp_path / "killed")
    assert len((tmp_path / "killed" / "log.jsonl").read_text().splitlines()) == 1
    resumed = tiny(tmp_path / "killed")
    assert all(torch.equal(value, resumed[name]) for name, value in whole.items())


def test_an_epoch_crops_and_mirrors_anew_and_the_same_by_its_seed() -> None:
    data = images(64, 4)
    shown = TINY.shown(data, TINY.batches(data))
    first, again, other = (shown.generator.manual_seed(seed) and next(iter(shown)) for seed in (1, 1, 2))
    assert torch.equal(first[0], again[0]) and not torch.equal(first[0], other[0])
    assert first[1].bincount().equal(other[1].bincount())


@pytest.mark.parametrize("seed", vit.SEEDS)
def test_weights_of_the_digits_are_those_of_the_record(seed: int) -> None:
    (record,) = measured("digits", "exact", 0, seed)
    known = find_network("digits")
    found = evaluate(vit.trained("digits", seed, vit.WEIGHTS), known.batches(known.data("test")))
    assert found.accuracy == pytest.approx(record["accuracy"])


@pytest.mark.parametrize("seed", vit.SEEDS)
def test_weights_of_cifar_are_whole_and_small(seed: int) -> None:
    """And judged as well as their training says of the images held out."""
    model = vit.trained("cifar10", seed, vit.WEIGHTS)
    assert model(torch.zeros(2, 3, 32, 32)).shape == (2, 10)
    file = vit.WEIGHTS / f"cifar10-{seed}.safetensors"
    assert file.stat().st_size < 10**6
    told = json.loads(file.with_suffix(".json").read_text())
    (record,) = measured("cifar10", "exact", 0, seed)
    assert told["configuration"]["seed"] == seed and len(told["epochs"]) == record["epochs"]
    assert record["accuracy"] == pytest.approx(told["accuracy"], abs=0.03)  # two standard deviations of 5,000 images and 10,000


@pytest.mark.parametrize("network", vit.SUBJECTS)
def test_the_page_says_what_the_records_say(network: str) -> None:
    assert transformers_tables.main(transformers_tables.PAGE, transformers_tables.TABLES, ["--check"]) == 0
    text = transformers_tables.PAGE.read_text(encoding="utf-8")
    name = {"digits": "transformers-vit", "cifar10": "transformers-vit-cifar"}[network]
    made = next(place[0] for place in page_tables.PLACE.finditer(text) if place[2] == name)
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in made.splitlines() if line.startswith("|")]
    for power in vit.POWERS:
        said = next(row for row in rows if row[:2] == [f"2^-{power}", "mean"])
        found = [one["accuracy"] for one in measured(network, "alike", power)]
        assert len(found) == 3 and said[2].split()[0] == f"{100 * mean(found):.2f}"
    products = [row[-1] for row in rows if row[:2] == ["2^-3", "2"]][1]
    (record,) = measured(network, "alike", 3, 2)
    assert products == str(max(sum(block.values()) for block in record["products"]))


def test_a_study_goes_on_from_its_last_record(tmp_path: Path) -> None:
    """What has a record is not measured again."""
    records = Records(tmp_path / "vit.jsonl")
    study = vit.Study("digits", 1, vit.WEIGHTS, records)
    found = study.kept(study.exact, 0)
    study.test.clear()
    assert study.kept(study.exact, 0) == found and found["accuracy"] == measured("digits", "exact", 0, 1)[0]["accuracy"]
    assert vit.Study("digits", 1, vit.WEIGHTS, Records(records.path)).records.lines == records.lines
