"""Small vision transformers, with every GELU, softmax and LayerNorm a polynomial.

    python experiments/vit.py [--only digits | cifar10] [--seed 1] [--weights FOLDER] [--output FILE]

Three seeds of each network, of three blocks: width 32 and 16 tokens on the digits (two minutes each to train), width 64
and 36 tokens on CIFAR-10 (ten). Each is converted at several precisions, then with its worst activation finer, and
trained on as a polynomial where that loses. The folder has their weights, of maps in float16; one that it lacks is trained,
and a training of CIFAR-10 goes on from its last epoch. Ranges are those of training images; of CIFAR-10, 5,000 of these
are held out, and accuracy is that on the test images, which nothing else sees. Each measurement is a line of the output;
started again, it goes on where it was. So another output makes all conversions again, and another folder all trainings too.
"""

from __future__ import annotations

import argparse
import math
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from nn_bridge import convert, evaluate, measure, predict_accuracy, propagate, restore
from nn_bridge.experiments.records import Records, key_of
from nn_bridge.files import git_commit, versions, write_atomically, write_json
from nn_bridge.images.sets import Batches, ImageSet
from nn_bridge.models.networks import find_network
from nn_bridge.models.weights import load_weights
from nn_bridge.paper.train import stored
from nn_bridge.training import Augmentation, Configuration, Optimisation, fit
from nn_bridge.training.batches import TrainingBatches

FOLDER = Path(__file__).parent
RESULTS, WEIGHTS = FOLDER / "results" / "vit.jsonl", FOLDER / "vit"
SEEDS, POWERS, MARGIN, TUNING_MARGIN = (1, 2, 3), (3, 4, 5, 6, 8), 1.5, 2.0
WORST_POWER, FINER, MORE = 6, (3, 5), 5
"""Precision 2^-k at which the worst activation is sought; those at which it then is finer, by so many bits; the first of these
is trained on."""
CALIBRATED, TUNED, FOLLOWED, MOVED, BATCH = 5000, 10_000, 200, 1000, 100
"""Training images that ranges are measured on, and those it is trained on with; images that errors are followed in, test
images whose deviation is measured, and how many go through a network at once."""
Shown = Iterator[tuple[torch.Tensor, torch.Tensor]]


class Block(nn.Module):
    """Attention and two linear maps on normalised inputs, each added."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.joint, self.out = nn.LayerNorm(width), nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.norm2, self.act = nn.LayerNorm(width), nn.GELU()
        self.up, self.down = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = self.joint(self.norm1(x)).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4).unbind(0)
        y = functional.scaled_dot_product_attention(q, k, v)
        x = x + self.out(y.transpose(1, 2).flatten(2))
        return x + self.down(self.act(self.up(self.norm2(x))))


class Transformer(nn.Module):
    """The tokens that a stem makes of an image, to ten classes."""

    def __init__(self, stem: nn.Module, tokens: int, width: int, heads: int = 4, blocks: int = 3) -> None:
        super().__init__()
        self.patches = stem
        self.places = nn.Parameter(0.02 * torch.randn(tokens, width))
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(blocks)))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2) + self.places
        return self.head(self.norm(self.blocks(x)).mean(1))


def of_digits() -> Transformer:
    """Patches of 2 × 2 of an image of 8 × 8."""
    return Transformer(nn.Conv2d(1, 32, 2, 2), 16, 32)


def of_cifar() -> Transformer:
    """Two convolutions make 6 × 6 tokens of an image of 32 × 32."""
    return Transformer(nn.Sequential(nn.Conv2d(3, 32, 3, 2, 1), nn.GELU(), nn.Conv2d(32, 64, 3, 3, 1)), 36, 64)


@dataclass(frozen=True)
class Subject:
    """What is trained on which images, and what is measured of it."""

    like: str
    """A network by name that has the images."""
    build: Callable[[], Transformer]
    shown: Callable[[ImageSet, Batches], Any]
    training: Optimisation
    tuning: Optimisation
    law: dict[str, Any]
    """What `predict_accuracy` is given."""
    held: int = 0
    """How many of the last training images are held out; without any, it is trained without checkpoints."""

    def images(self) -> tuple[ImageSet, ImageSet]:
        """To train on, and held out."""
        return find_network(self.like).data("train").without_last(self.held)

    def batches(self, images: ImageSet, size: int = BATCH) -> Batches:
        """Normalised."""
        return find_network(self.like).batches(images, size)


class Moved:
    """Training images in another order each epoch, each batch moved by a pixel at most."""

    def __init__(self, images: ImageSet, like: Batches) -> None:
        (self.whole,) = Batches(images, like.mean, like.deviation, len(images), like.scale)
        self.batch_size, self.generator = DIGITS.training.batch, torch.Generator()

    def __len__(self) -> int:
        return len(self.whole[1]) // self.batch_size

    def __iter__(self) -> Shown:
        images, labels = self.whole
        order = torch.randperm(len(images), generator=self.generator)
        for chosen in order.split(self.batch_size)[: len(self)]:
            down, right = torch.randint(3, (2,), generator=self.generator).tolist()
            moved = functional.pad(images[chosen], (1, 1, 1, 1))[:, :, down : down + 8, right : right + 8]
            yield moved, labels[chosen]


class Cropped:
    """Training images in another order each epoch, cropped and mirrored."""

    def __init__(self, images: ImageSet, like: Batches) -> None:
        self.batch_size, self.generator = CIFAR.training.batch, torch.Generator()
        self.batches = TrainingBatches(images, like, self.batch_size, augmentation=Augmentation(border="reflection"))

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Shown:
        number = int(torch.randint(2**31, (), generator=self.generator))
        return ((one.inputs, one.labels) for one in self.batches.epoch(number))


DIGITS = Subject(
    "digits", of_digits, Moved, Optimisation(120, 64, learning_rate=3e-3, decay=0.05),
    Optimisation(3, 64, learning_rate=3e-4, decay=0.05), {"images": 60},
)  # fmt: skip
CIFAR = Subject(
    "resnet44-cifar10", of_cifar, Cropped,
    Optimisation(epochs=16, batch=64, learning_rate=2e-3, decay=0.05, label_smoothing=0.1),
    Optimisation(epochs=1, batch=64, learning_rate=3e-4, decay=0.05, label_smoothing=0.1), {"within": 0.02}, 5000,
)  # fmt: skip
SUBJECTS = {"digits": DIGITS, "cifar10": CIFAR}


def adam(how: Optimisation) -> Callable[[Any], torch.optim.Optimizer]:
    """AdamW of parameters."""
    return lambda parameters: torch.optim.AdamW(parameters, how.learning_rate, weight_decay=how.decay)


def cycle(how: Optimisation, steps: int) -> Callable[[torch.optim.Optimizer], torch.optim.lr_scheduler.OneCycleLR]:
    """One cycle of the learning rate, of so many steps an epoch."""
    return lambda made: torch.optim.lr_scheduler.OneCycleLR(made, how.learning_rate, how.epochs * steps)


def train(model: nn.Module, shown: Any, how: Optimisation, seed: int) -> None:
    """AdamW in one cycle, of a converted network too."""
    shown.generator.manual_seed(seed)
    optimiser = adam(how)(model.parameters())
    schedule = cycle(how, len(shown))(optimiser)
    model.train()
    for _ in range(how.epochs):
        for images, labels in shown:
            loss = functional.cross_entropy(model(images), labels, label_smoothing=how.label_smoothing)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    model.eval()


def fitted(model: nn.Module, subject: Subject, images: ImageSet, held: ImageSet, seed: int, folder: Path) -> dict[str, Any]:
    """The same by `fit`, judged by the images held out; it goes on from a checkpoint in the folder."""
    shown, how = subject.shown(images, subject.batches(images)), subject.training
    return fit(
        Configuration("vit-cifar10", "random", seed, channels_last=False, optimisation=how), folder, model=model,
        train=shown, test=subject.batches(held, 250), optimiser=adam(how), scheduler=cycle(how, len(shown)),
    ).record  # fmt: skip


def trained(name: str, seed: int, folder: Path) -> Transformer:
    """The network of a seed as the folder has it, after training where it has none."""
    subject, kept = SUBJECTS[name], folder / f"{name}-{seed}.safetensors"
    torch.manual_seed(seed)
    model = subject.build()
    if not kept.exists():
        images, held = subject.images()
        if subject.held:
            record = fitted(model, subject, images, held, seed, folder / f"{name}-{seed}")
            write_json(kept.with_suffix(".json"), {"optimiser": "AdamW, OneCycleLR", **record})
        else:
            train(model, subject.shown(images, subject.batches(images)), subject.training, seed)
        write_atomically(kept, lambda file: file.write_bytes(stored(model)))
    load_weights(model, kept)
    return model.eval()


class Study:
    """One network: each thing measured of it is a line of the records."""

    def __init__(self, name: str, seed: int, folder: Path, records: Records) -> None:
        self.subject, self.model, self.records = SUBJECTS[name], trained(name, seed, folder), records
        self.seed = seed
        self.identity = {"network": name, "seed": seed, "epochs": self.subject.training.epochs, "margin": MARGIN}
        self.images, self.held = self.subject.images()
        self.calibrated = [x for x, _ in self.subject.batches(self.images.first(CALIBRATED))]

    @cached_property
    def ranges(self) -> Any:
        """Of the network as it is."""
        return measure(self.model, self.calibrated)

    @cached_property
    def test(self) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """The test images."""
        return list(self.subject.batches(find_network(self.subject.like).data("test")))

    def run(self) -> None:
        """All that has no record yet."""
        for make, powers in (
            (self.exact, (0,)), (self.layers, (WORST_POWER,)), (self.alike, POWERS), (self.finer, FINER), (self.tuned, FINER[:1]),
        ):  # fmt: skip
            for power in powers:
                self.kept(make, power)

    def kept(self, make: Callable[[int], dict[str, Any]], power: int) -> dict[str, Any]:
        """The record of what is made at a precision, now or before."""
        identity = {**self.identity, "what": make.__name__, "power": power}
        key = key_of(identity)
        if self.records.get(key) is None:
            environment = {"versions": versions(), "commit": git_commit()}
            self.records.add({"key": key, **identity, **make(power), "environment": environment})
        return self.records.lines[key]

    def exact(self, power: int) -> dict[str, Any]:
        """Accuracy of the network itself."""
        return {"accuracy": evaluate(self.model, self.test).accuracy}

    def layers(self, power: int) -> dict[str, Any]:
        """Deviation of the logits by each activation alone, on images that are not the test's."""
        judges = (self.held if self.subject.held else self.images).first(FOLLOWED)
        told = propagate(self.model, self.subject.batches(judges), precision=2.0**-power, calibrate=self.ranges, margin=MARGIN)
        return {"layers": {one.site: one.observed for one in told.layers}, "deviation": told.deviation}

    def alike(self, power: int) -> dict[str, Any]:
        """All activations of one precision."""
        return self.judged(self.model, convert(self.model, precision=2.0**-power, calibrate=self.ranges, margin=MARGIN))

    def choice(self, power: int) -> dict[str, Any]:
        """That precision, and a finer one of the worst activation."""
        layers = self.kept(self.layers, WORST_POWER)["layers"]
        return {"precision": 2.0**-power, "precisions": {max(layers, key=layers.get): 2.0 ** -(power + MORE)}}

    def finer(self, power: int) -> dict[str, Any]:
        """The worst activation finer."""
        return self.judged(self.model, convert(self.model, **self.choice(power), calibrate=self.ranges, margin=MARGIN))

    def tuned(self, power: int) -> dict[str, Any]:
        """The same, trained on as a polynomial, on the ranges that it has then."""
        images = self.images.first(TUNED)
        chosen, shown = self.choice(power), self.subject.shown(images, self.subject.batches(images))
        converted = convert(self.model, **chosen, calibrate=self.ranges, margin=TUNING_MARGIN, outside="clamp")
        train(converted, shown, self.subject.tuning, self.seed)
        exact = restore(converted)
        return self.judged(exact, convert(exact, **chosen, calibrate=measure(exact, self.calibrated), margin=MARGIN))

    def judged(self, model: nn.Module, converted: Any) -> dict[str, Any]:
        """Accuracy, and what the law says of it from the first images; levels and products of the blocks."""
        said = predict_accuracy(model, converted, self.test, **self.subject.law)
        with torch.no_grad():
            squares = [(converted(x) - model(x)).double().square().mean(1) for x, _ in self.test[: MOVED // BATCH]]
        moved = float(torch.cat(squares).mean().sqrt())
        return {
            "accuracy": evaluate(converted, self.test).accuracy,
            "law": [said.low, said.accuracy, said.high], "seen": said.sample,
            "deviation": moved if math.isfinite(moved) else None,  # None: far outside of its ranges
            "outside": sum(a.seen.outside for a in converted.report.replacement.activations.values()),
            "levels": of_blocks(converted, "levels"), "products": of_blocks(converted, "multiplications"),
        }  # fmt: skip


def of_blocks(converted: Any, what: str) -> list[dict[str, int]]:
    """Levels or multiplications of each block by its activations, rule "published"."""
    found: dict[str, dict[str, int]] = {}
    for site in converted.report.sites:
        if named := re.match(r"(blocks\.\d+)[./]([a-z]+\d?)", site.site):
            found.setdefault(named[1], {})[named[2]] = getattr(site, what)
    return list(found.values())


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=SUBJECTS, help="one of the two networks")
    parser.add_argument("--seed", type=int, choices=SEEDS, help="one of the three seeds")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="folder of the weights")
    parser.add_argument("--output", type=Path, default=RESULTS, help="file of the records")
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    records = Records(given.output)
    for name in [given.only] if given.only else SUBJECTS:
        for seed in [given.seed] if given.seed else SEEDS:
            Study(name, seed, given.weights, records).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
