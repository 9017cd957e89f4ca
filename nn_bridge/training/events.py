# SPDX-License-Identifier: Apache-2.0
"""Scalars of each epoch for TensorBoard, where it is installed (``pip install polyapprox[logs]``)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from ..errors import TrainingError

FOLDER = "events"
SCALARS = ("loss", "accuracy", "images_a_second")
"""Entries of an epoch that are written; the learning rate is one more."""


class Events:
    """Writes one value of each scalar an epoch; without TensorBoard it does nothing.

    A training that goes on after a break begins a new file in the same folder, which tells
    TensorBoard to forget what came after the epoch that it goes on from: no epoch is shown twice.

    Parameters
    ----------
    folder : path or None
        Of the training; the files are in its folder ``events``. None writes nothing.
    done : int
        Epochs that are done already.

    Examples
    --------
    >>> with Events(None) as events:
    ...     events.write({"epoch": 1, "loss": 0.5}, learning_rate=0.1)
    """

    def __init__(self, folder: str | Path | None, done: int = 0) -> None:
        self.folder = None if folder is None else Path(folder) / FOLDER
        self.done = done
        self._writer: Any = None

    def __enter__(self) -> Events:
        if self.folder is None:
            return self
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            return self
        try:
            self._writer = SummaryWriter(str(self.folder), purge_step=self.done + 1)
        except OSError as error:
            raise self._failed(error) from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._writer is None:
            return
        try:
            self._writer.close()
        except OSError as failure:
            if error is None:
                raise self._failed(failure) from failure

    def write(self, epoch: Mapping[str, Any], learning_rate: float) -> None:
        """Write an epoch.

        Parameters
        ----------
        epoch : mapping
            As in the record of a training: its number "epoch", counted from 1, and scalars.
        learning_rate : float
            Of its last step.

        Raises
        ------
        TrainingError
            If that fails, for example because the disk is full.
        """
        if self._writer is None:
            return
        number = int(epoch["epoch"])
        found = {name: epoch[name] for name in SCALARS if name in epoch}
        try:
            for name, value in {**found, "learning_rate": learning_rate}.items():
                self._writer.add_scalar(name, float(value), number)
            self._writer.flush()
        except OSError as error:
            raise self._failed(error) from error

    def _failed(self, error: OSError) -> TrainingError:
        return TrainingError(
            f"the logs in {self.folder} cannot be written ({error.strerror or error}): make room, "
            "or give a folder that can be written, and start again"
        )
