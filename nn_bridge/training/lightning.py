# SPDX-License-Identifier: Apache-2.0
"""`SturdyCallback`: :func:`nn_bridge.sturdy` for Lightning's Trainer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from ..calls.inputs import Batch
from ..errors import ConversionError
from .own_loop import Sturdy, sturdy


class SturdyCallback(Callback):
    """Lets a LightningModule train for low precision; afterwards it has its own activations.

    Parameters
    ----------
    calibrate : iterable of batches
        To measure ranges on, anew before each epoch.
    network : str, optional
        Name of the submodule that the training step calls; by default the module itself.
    renew : bool
        Measure ranges before each epoch.
    **options
        Of :func:`nn_bridge.sturdy`: noise, precision, strength, polynomial, penalty, …

    Raises
    ------
    ConversionError
        In training, if the training step does not call the network; with a penalty in float16, whose
        scaling would reach the loss alone.

    Examples
    --------
    >>> from nn_bridge.training.lightning import SturdyCallback
    >>> callback = SturdyCallback([torch.ones(8, 4)], noise="uniform", precision=(4, 5, 6))
    >>> callback.options["precision"]
    (4, 5, 6)
    """

    def __init__(
        self, calibrate: Iterable[Batch], *, network: str = "", renew: bool = True, **options: Any
    ) -> None:
        self.calibrate, self.network, self.again, self.options = calibrate, network, renew, options
        self.handle: Sturdy | None = None
        self._steps = 0

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Put the layers in, before the module is wrapped."""
        if stage != "fit" or self.handle is not None:
            return
        if self.options.get("penalty") and str(trainer.precision).startswith("16"):
            raise ConversionError("penalty in float16: take precision='bf16-mixed', or penalty=0")
        model = pl_module.get_submodule(self.network)
        self.handle = sturdy(model, calibrate=self.calibrate, **self.options)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Measure the ranges again."""
        if self.handle is not None and self.again and trainer.current_epoch:
            self.handle.renew()

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, *rest: Any) -> None:
        """Note how often the network has run."""
        self._steps = self.handle.steps_done if self.handle is not None else 0

    def on_before_backward(self, trainer: Trainer, pl_module: LightningModule, loss: torch.Tensor) -> None:
        """The gradient of the penalty; the network must have run."""
        if self.handle is None:
            return
        if self.handle.steps_done == self._steps:
            name = self.network or type(pl_module).__name__
            raise ConversionError(
                f"the training step does not call {name!r}, where the noise is drawn: give network= the name of "
                "the module that it calls"
            )
        penalty = self.handle.penalty
        if isinstance(penalty, torch.Tensor):
            penalty.backward(retain_graph=True)

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Give the module its own activations back, also after an error."""
        if self.handle is not None:
            self.handle.off()
            self.handle = None
