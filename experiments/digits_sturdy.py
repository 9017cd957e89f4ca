"""Digits from a random start: plain training against noise, little weight decay and Mixup.

    python experiments/digits_sturdy.py

trains baseline and sturdy (experiments/digits/*.toml) with five seeds and tests them on the 360 test
images; then every variant of `trials`, which is judged on the 437 training images that no training
sees. Each training is a line of digits-sturdy.jsonl; started again, it goes on where it was.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

import polyapprox
from nn_bridge import calibrate, convert, correct_means, evaluate
from nn_bridge.experiments.records import Records, key_of
from nn_bridge.files import git_commit, versions
from nn_bridge.models.networks import find_network
from nn_bridge.training import Configuration, Forward, Noise, Range, fit, read_configuration
from nn_bridge.training.configuration import as_mapping

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "results" / "digits-sturdy.jsonl"
MULTIPLICATIONS = (2, 3)
MARGIN = 1.25
SEEDS = (1, 2, 3, 4, 5)
NOISES = {
    "none": Noise(),
    "uniform 1": Noise("uniform", 1.0, precision=(4,)),
    "uniform 2": Noise("uniform", 2.0, precision=(4,)),
    "uniform 3": Noise("uniform", 3.0, precision=(4,)),
    "uniform 4": Noise("uniform", 4.0, precision=(4,)),
    "uniform 2, one number a channel": Noise("uniform", 2.0, each="channel", precision=(4,)),
    "uniform 1, before ReLU": Noise("uniform", 1.0, place="before", precision=(4,)),
    "uniform 2, before ReLU": Noise("uniform", 2.0, place="before", precision=(4,)),
    "uniform 3, before ReLU": Noise("uniform", 3.0, place="before", precision=(4,)),
    "uniform 4, before ReLU": Noise("uniform", 4.0, place="before", precision=(4,)),
    "uniform 6, before ReLU": Noise("uniform", 6.0, place="before", precision=(4,)),
    "uniform 8, before ReLU": Noise("uniform", 8.0, place="before", precision=(4,)),
    "uniform 2, rising": Noise("uniform", 2.0, anneal="rising", precision=(4,)),
    "uniform 2, falling": Noise("uniform", 2.0, anneal="falling", precision=(4,)),
    "uniform 2, k drawn from 3, 4, 5": Noise("uniform", 2.0, precision=(3, 4, 5)),
    "uniform, 0.5 deviations": Noise("uniform", 0.5, unit="deviation", precision=(4,)),
    "gaussian 1": Noise("gaussian", 1.0, precision=(4,)),
    "actual error": Noise("error", 1.0, precision=(4,)),
    "actual error 4": Noise("error", 4.0, precision=(4,)),
}
FORWARDS = {
    "circuit of three multiplications, its gradient": Forward((4,), "polynomial"),
    "circuit of three multiplications, ReLU's gradient": Forward((4,), "relu"),
}


def known(name: str) -> Configuration:
    """Of a file in experiments/digits."""
    return read_configuration(FOLDER / "digits" / f"{name}.toml")


def trials() -> dict[str, Configuration]:
    """What the search compares: baseline, its parts changed one at a time, and kinds of noise."""
    plain, ours = known("baseline"), known("sturdy")
    sgd, mixed = plain.optimisation, ours.optimisation
    found = {
        "baseline": plain,
        "little decay": replace(plain, optimisation=replace(sgd, decay=mixed.decay)),
        "Mixup": replace(plain, optimisation=replace(sgd, mixup=mixed.mixup)),
        "noise": replace(plain, noise=ours.noise, range=ours.range),
    }
    found |= {
        f"little decay, Mixup, noise: {name}": replace(ours, noise=noise)
        for name, noise in NOISES.items()
    }
    inside = Range(margin=MARGIN, penalty=1.0, renew=True)
    return found | {
        f"little decay, Mixup, {name}": replace(ours, noise=Noise(), forward=forward, range=inside)
        for name, forward in FORWARDS.items()
    } | {
        "little decay, Mixup, noise: uniform 2, penalty": replace(
            ours, noise=NOISES["uniform 2"], range=replace(ours.range, penalty=0.1)
        ),
        "little decay, Mixup, noise: uniform 2, ranges of the start": replace(
            ours, noise=NOISES["uniform 2"], range=replace(ours.range, renew=False)
        ),
    }  # fmt: skip


def accuracies(
    configuration: Configuration, split: str, trained: nn.Module | None = None
) -> dict[str, float]:
    """With ReLU itself and with circuits, each layer on its own interval; trained here if it is not.

    The circuits as they are, and with the mean error of each channel subtracted.
    """
    network = find_network(configuration.network)
    train = network.data("train")
    seen, rest = slice(configuration.images), slice(configuration.images, None)
    images = network.data("test")
    if split == "validation":
        images = replace(train, images=train.images[rest], labels=train.labels[rest])
    test = network.batches(images)
    known = replace(train, images=train.images[seen], labels=train.labels[seen])
    ranges = network.batches(known, 500)
    model = fit(configuration).network if trained is None else trained
    bounds = calibrate(model, ranges)
    found = {"relu": evaluate(model, test).accuracy}
    for count in MULTIPLICATIONS:
        circuit = polyapprox.circuit("relu", multiplications=count)
        converted = convert(model, approximation=circuit, calibrate=bounds, margin=MARGIN)
        found[f"{count}"] = evaluate(converted, test).accuracy
        correct_means(converted, ranges)
        found[f"{count}, means corrected"] = evaluate(converted, test).accuracy
    return found


def run(records: Records, name: str, split: str, configuration: Configuration) -> None:
    """Train and note one, unless it is there."""
    identity = {"name": name, "split": split, "margin": MARGIN,
                "configuration": as_mapping(configuration)}  # fmt: skip
    if records.get(key_of(identity)) is not None:
        return
    found = accuracies(configuration, split)
    records.add({"key": key_of(identity), **identity, "accuracy": found,
                 "environment": {"versions": versions(), "commit": git_commit()}})  # fmt: skip
    sys.stdout.write(f"{split} {name} {configuration.seed}: {found}\n")
    sys.stdout.flush()


def main() -> int:
    torch.set_num_threads(1)
    records = Records(RESULTS)
    for name in ("baseline", "sturdy"):
        for seed in SEEDS:
            run(records, name, "test", replace(known(name), seed=seed))
    for name, trial in trials().items():
        for seed in SEEDS:
            run(records, name, "validation", replace(trial, seed=seed))
    return 0


if __name__ == "__main__":
    sys.exit(main())
