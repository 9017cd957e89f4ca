"""Digits made sturdy in other loops than `fit`: a plain one, `fit` with a model given, Lightning, Trainer.

    python experiments/digits_loops.py [--loop NAME ...] [--seeds K]

Each training is that of experiments/digits/sturdy.toml, written for another loop, and is measured as
experiments/digits_sturdy.py measures those of `fit`. Each is a line of digits-loops.jsonl; started
again, it goes on where it was.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

import nn_bridge
from nn_bridge.experiments.records import Records, key_of
from nn_bridge.files import git_commit, versions
from nn_bridge.models.networks import find_network
from nn_bridge.training import Configuration, fit, read_configuration

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "results" / "digits-loops.jsonl"
STURDY = read_configuration(FOLDER / "digits" / "sturdy.toml")
SGD, NOISE = STURDY.optimisation, STURDY.noise
Step = Callable[[nn.Module, torch.Tensor, torch.Tensor], torch.Tensor]


@cache
def data() -> tuple[torch.Tensor, torch.Tensor]:
    """Images and labels to train on."""
    known = find_network("digits")
    batches = list(known.batches(known.data("train").first(STURDY.images)))
    return torch.cat([x for x, _ in batches]), torch.cat([y for _, y in batches])


def network(seed: int) -> nn.Module:
    """From a random start."""
    torch.manual_seed(seed)
    return find_network("digits").build()


def mixed(seed: int) -> DataLoader[Any]:
    """A loader whose batches are mixed: labels are shares of the classes."""
    generator = torch.Generator().manual_seed(seed)
    inputs, labels = data()
    classes = functional.one_hot(labels, 10).float()

    def mix(items: Any) -> tuple[torch.Tensor, torch.Tensor]:
        x, y = (torch.stack(part) for part in zip(*items, strict=True))
        first, second = torch._sample_dirichlet(torch.full((2,), SGD.mixup), generator)
        partner = torch.randperm(len(x), generator=generator)
        return first * x + second * x[partner], first * y + second * y[partner]

    return DataLoader(
        TensorDataset(inputs, classes), SGD.batch, shuffle=True, drop_last=True, collate_fn=mix,
        generator=generator,
    )  # fmt: skip


def optimiser_of(model: nn.Module) -> torch.optim.Optimizer:
    """As `fit` has it: decay of the weights of maps alone."""
    maps = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    groups = [{"params": maps, "weight_decay": SGD.decay}, {"params": others}]
    return torch.optim.SGD(groups, lr=SGD.learning_rate, momentum=SGD.momentum, nesterov=True)


def schedule_of(optimiser: torch.optim.Optimizer) -> Any:
    """A cosine over the whole training."""
    steps = SGD.epochs * (STURDY.images // SGD.batch)
    return torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)


def plain(seed: int) -> nn.Module:
    """A loop of torch alone."""
    model, loader = network(seed), mixed(seed)
    handle = nn_bridge.sturdy(model, noise=NOISE, calibrate=[data()[0]], margin=1.0, seed=seed)
    optimiser = optimiser_of(model)
    scheduler = schedule_of(optimiser)
    for epoch in range(SGD.epochs):
        if epoch:
            handle.renew()
        model.train()
        for x, y in loader:
            loss = functional.cross_entropy(model(x), y) + handle.penalty
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            scheduler.step()
    return handle.off().eval()


def own_model(seed: int) -> nn.Module:
    """`fit` with model, loader, loss, optimiser and schedule given."""
    model = network(seed)
    optimiser = optimiser_of(model)
    configuration = Configuration(
        "mine", seed=seed, optimisation=SGD, noise=NOISE, range=STURDY.range
    )
    given = {"optimiser": lambda _: optimiser, "scheduler": schedule_of, "loss": functional.cross_entropy}
    return fit(configuration, model=model, train=mixed(seed), **given).network.eval()


def lightning(seed: int, step: Step | None = None, epochs: int = SGD.epochs, **options: Any) -> nn.Module:
    """Lightning's Trainer with the callback; the training step calls the module itself."""
    import lightning.pytorch as library

    from nn_bridge.training.lightning import SturdyCallback

    class Digits(library.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.net = network(seed)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.net(x)

        def training_step(self, batch: Any, number: int) -> torch.Tensor:
            x, y = batch
            return functional.cross_entropy(self(x), y) if step is None else step(self, x, y)

        def configure_optimizers(self) -> Any:
            optimiser = optimiser_of(self)
            every = {"scheduler": schedule_of(optimiser), "interval": "step"}
            return {"optimizer": optimiser, "lr_scheduler": every}

    callback = SturdyCallback([data()[0]], noise=NOISE, seed=seed, **{"margin": 1.0, **options})
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    module = Digits()
    trainer = library.Trainer(
        max_epochs=epochs, accelerator="cpu", callbacks=[callback], enable_model_summary=False, **quiet
    )
    trainer.fit(module, mixed(seed))
    assert callback.handle is None, "the module has its own activations again"  # noqa: S101
    return module.net.eval()


def huggingface(seed: int) -> nn.Module:
    """HuggingFace's Trainer: ranges renewed by a callback, the penalty added to its loss."""
    import transformers

    class Digits(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = network(seed)

        def forward(self, x: torch.Tensor, labels: torch.Tensor | None = None) -> dict[str, Any]:
            scores = self.net(x)
            loss = None if labels is None else functional.cross_entropy(scores, labels)
            return {"loss": loss, "logits": scores}

    model, loader = Digits(), mixed(seed)
    handle = nn_bridge.sturdy(model.net, noise=NOISE, calibrate=[data()[0]], margin=1.0, seed=seed)

    class Renew(transformers.TrainerCallback):  # type: ignore[misc]
        def on_epoch_begin(self, *_: Any, **__: Any) -> None:
            handle.renew()

    class Words:
        def __len__(self) -> int:
            return len(loader)

        def __iter__(self) -> Any:
            return ({"x": x, "labels": y} for x, y in loader)

    class Trainer(transformers.Trainer):  # type: ignore[misc]
        def get_train_dataloader(self) -> Any:
            return Words()

        def compute_loss(
            self, model: nn.Module, inputs: dict[str, Any], return_outputs: bool = False, **_: Any
        ) -> Any:
            output = model(**inputs)
            loss = output["loss"] + handle.penalty
            return (loss, output) if return_outputs else loss

    with tempfile.TemporaryDirectory() as folder:
        arguments = transformers.TrainingArguments(
            folder, num_train_epochs=SGD.epochs, per_device_train_batch_size=SGD.batch, use_cpu=True,
            report_to=[], save_strategy="no", logging_strategy="no", disable_tqdm=True, max_grad_norm=0.0,
            seed=seed,
        )  # fmt: skip
        optimiser = optimiser_of(model)
        pair = optimiser, schedule_of(optimiser)
        dataset = [0] * (SGD.batch * len(loader))
        Trainer(model, arguments, train_dataset=dataset, optimizers=pair, callbacks=[Renew()]).train()
    handle.off()
    return model.net.eval()


LOOPS: dict[str, Callable[[int], nn.Module]] = {
    "a plain loop": plain,
    "fit, a model of one's own": own_model,
    "Lightning": lightning,
    "HuggingFace's Trainer": huggingface,
}


def main() -> int:
    from digits_sturdy import MARGIN, SEEDS, accuracies
    from exported_networks import library

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--loop", nargs="*", choices=LOOPS, default=list(LOOPS))
    parser.add_argument("--seeds", type=int, default=len(SEEDS))
    given = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    library("torchvision")  # Lightning and transformers import it
    records = Records(RESULTS)
    for seed in SEEDS[: given.seeds]:
        for name in given.loop:
            identity = {"loop": name, "seed": seed, "margin": MARGIN}
            if records.get(key_of(identity)) is not None:
                continue
            found = accuracies(STURDY, "test", LOOPS[name](seed))
            records.add({"key": key_of(identity), **identity, "accuracy": found,
                         "environment": {"versions": versions(), "commit": git_commit()}})  # fmt: skip
            sys.stdout.write(f"{name} {seed}: {found}\n")
            sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
