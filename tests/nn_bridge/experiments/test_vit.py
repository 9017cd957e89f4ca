"""The vision transformers of ``experiments/vit.py``: what is kept of them, their training, and their page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from statistics import mean

import numpy as np
import page_tables
import pytest
import torch
import transformers_tables
import vit

from nn_bridge import evaluate
from nn_bridge.images.sets import ImageSet
from nn_bridge.models.networks import find_network
from nn_bridge.training.loop import Training

RECORDS = page_tables.saved_lines(vit.RESULTS)
TINY = replace(vit.CIFAR, training=replace(vit.CIFAR.training, epochs=2))


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
    (record,) = (one for one in RECORDS if (one["network"], one["seed"]) == ("digits", seed))
    known = find_network("digits")
    found = evaluate(vit.trained("digits", seed, vit.WEIGHTS), known.batches(known.data("test")))
    assert found.accuracy == pytest.approx(record["exact"])


@pytest.mark.parametrize("network", ["digits"])
def test_the_page_says_what_the_records_say(network: str) -> None:
    assert transformers_tables.main(transformers_tables.PAGE, transformers_tables.TABLES, ["--check"]) == 0
    text = transformers_tables.PAGE.read_text(encoding="utf-8")
    name = {"digits": "transformers-vit", "cifar10": "transformers-vit-cifar"}[network]
    made = next(place[0] for place in page_tables.PLACE.finditer(text) if place[2] == name)
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in made.splitlines() if line.startswith("|")]
    found = [one for one in RECORDS if one["network"] == network]
    for power in vit.POWERS:
        said = next(row for row in rows if row[:2] == [f"2^-{power}", "mean"])
        assert said[2].split()[0] == f"{100 * mean(one['precisions'][str(power)]['accuracy'] for one in found):.2f}"
    products = [row[-1] for row in rows if row[:2] == ["2^-3", "2"]][1]
    blocks = found[1]["precisions"]["3"]["products"]
    assert products == str(max(sum(block.values()) for block in blocks))
