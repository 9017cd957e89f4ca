"""A small vision transformer on digits, with every GELU, softmax and LayerNorm a polynomial.

    python experiments/vit.py [--scratch FOLDER]

trains it with three seeds (two minutes each; three blocks of width 32 on 16 patches), converts it at several
precisions, and trains it on as a polynomial where that loses. Accuracy is that on the 360 test images; ranges
are those of the training images. Each network is a line of vit.jsonl; started again, it goes on where it was; the
scratch keeps what is trained for another run.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from nn_bridge import convert, evaluate, measure, predict_accuracy, propagate, renew
from nn_bridge.experiments.records import Records, key_of
from nn_bridge.files import git_commit, versions, write_atomically
from nn_bridge.models.networks import find_network

RESULTS = Path(__file__).parent / "results" / "vit.jsonl"
SEEDS, EPOCHS, BATCH, MARGIN = (1, 2, 3), 120, 64, 1.5
POWERS = (3, 4, 5, 6, 8)
TUNED, TUNING_EPOCHS, TUNING_MARGIN = (3,), 3, 2.0


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
    """Patches of 2 × 2 of an image of 8 × 8 to ten classes."""

    def __init__(self, width: int = 32, heads: int = 4, blocks: int = 3) -> None:
        super().__init__()
        self.patches = nn.Conv2d(1, width, 2, 2)
        self.places = nn.Parameter(0.02 * torch.randn(16, width))
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(blocks)))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2) + self.places
        return self.head(self.norm(self.blocks(x)).mean(1))


def train(model: nn.Module, images: torch.Tensor, labels: torch.Tensor, epochs: int, rate: float, seed: int) -> None:
    """AdamW with a falling rate; images move by one pixel."""
    generator = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.05)
    steps = epochs * (len(images) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, steps)
    model.train()
    for step in range(steps):
        if step % (len(images) // BATCH) == 0:
            order = torch.randperm(len(images), generator=generator)
        chosen = order[:BATCH]
        order = order.roll(-BATCH)
        down, right = torch.randint(3, (2,), generator=generator).tolist()
        moved = functional.pad(images[chosen], (1, 1, 1, 1))[:, :, down : down + 8, right : right + 8]
        loss = functional.cross_entropy(model(moved), labels[chosen])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    model.eval()


def whole(batches: Iterable[tuple[torch.Tensor, torch.Tensor]]) -> tuple[torch.Tensor, torch.Tensor]:
    """All images and labels."""
    images, labels = zip(*batches, strict=True)
    return torch.cat(images), torch.cat(labels)


def trained(seed: int, images: torch.Tensor, labels: torch.Tensor, scratch: Path | None) -> Transformer:
    """The network of a seed; read from the scratch if it is there."""
    torch.manual_seed(seed)
    model = Transformer()
    kept = None if scratch is None else scratch / f"vit-{seed}-{EPOCHS}.pt"
    if kept is not None and kept.exists():
        model.load_state_dict(torch.load(kept))
        return model.eval()
    train(model, images, labels, EPOCHS, 3e-3, seed)
    if kept is not None:
        write_atomically(kept, lambda temporary: torch.save(model.state_dict(), temporary))
    return model


def studied(seed: int, scratch: Path | None) -> dict[str, Any]:
    """Train one and convert it."""
    digits = find_network("digits")
    images, labels = whole(digits.batches(digits.data("train")))
    test = [whole(digits.batches(digits.data("test")))]
    model = trained(seed, images, labels, scratch)
    ranges = measure(model, [images])
    found: dict[str, Any] = {"exact": evaluate(model, test).accuracy, "precisions": {}, "tuned": {}}
    for power in POWERS:
        converted = convert(model, precision=2.0**-power, calibrate=ranges, margin=MARGIN)
        found["precisions"][power] = judged(model, converted, test)
    for power in TUNED:
        converted = convert(model, precision=2.0**-power, calibrate=ranges, margin=TUNING_MARGIN, outside="clamp")
        train(converted, images, labels, TUNING_EPOCHS, 3e-4, seed)
        renew(converted, [images], margin=MARGIN)
        found["tuned"][power] = evaluate(converted, test).accuracy
    told = propagate(model, test, precision=2.0**-6, calibrate=[images], margin=MARGIN)
    found["layers"] = {one.site: one.observed for one in told.layers}
    found["deviation"] = told.deviation
    return found


def judged(model: nn.Module, converted: Any, test: list[tuple[torch.Tensor, torch.Tensor]]) -> dict[str, Any]:
    """Accuracy, and what the law says of it from the first images; levels and products of a block."""
    law = predict_accuracy(model, converted, test, images=60)
    with torch.no_grad():
        moved = float((converted(test[0][0]) - model(test[0][0])).double().square().mean().sqrt())
    block = [site for site in converted.report.sites if site.site.startswith("blocks.0.")]
    return {
        "accuracy": evaluate(converted, test).accuracy, "law": [law.low, law.accuracy, law.high],
        "deviation": moved if math.isfinite(moved) else None,  # None: far outside of its ranges
        "outside": sum(a.seen.outside for a in converted.report.replacement.activations.values()),
        "levels": {site.kind: site.levels for site in block} | {"block": sum(site.levels for site in block)},
        "products": sum(site.multiplications for site in block),
    }  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scratch", type=Path, help="folder for what is trained")
    scratch = parser.parse_args().scratch
    torch.set_num_threads(1)
    records = Records(RESULTS)
    for seed in SEEDS:
        identity = {"seed": seed, "epochs": EPOCHS, "margin": MARGIN, "tuning": TUNING_EPOCHS}
        if records.get(key_of(identity)) is not None:
            continue
        found = studied(seed, scratch)
        environment = {"versions": versions(), "commit": git_commit()}
        records.add({"key": key_of(identity), **identity, **found, "environment": environment})
        sys.stdout.write(f"{seed}: {found}\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
