"""Logs for TensorBoard: what is in them, and that a resumed training shows no epoch twice."""

from __future__ import annotations

import errno
import sys
import time

import pytest

from nn_bridge.errors import TrainingError
from nn_bridge.training import Configuration, Optimisation, fit
from nn_bridge.training.events import Events


def entry(epoch: int, loss: float) -> dict:
    return {"epoch": epoch, "loss": loss, "accuracy": 1 - loss, "images_a_second": 100.0, "x": 1}


def shown(folder, tag: str) -> list[tuple[int, float]]:
    """Steps and values of a scalar, as TensorBoard shows them."""
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    found = accumulator.EventAccumulator(str(folder / "events"))
    found.Reload()
    return [(event.step, pytest.approx(event.value, abs=1e-6)) for event in found.Scalars(tag)]


def test_an_epoch_that_was_not_saved_is_shown_once(tmp_path):
    pytest.importorskip("tensorboard")
    with Events(tmp_path) as events:
        for epoch in (1, 2, 3):
            events.write(entry(epoch, 0.9 / epoch), 0.1)
    time.sleep(1.05)  # TensorBoard orders the files of one process by second
    with Events(tmp_path, done=2) as events:
        events.write(entry(3, 0.25), 0.05)
        events.write(entry(4, 0.125), 0.025)
    assert shown(tmp_path, "loss") == [(1, 0.9), (2, 0.45), (3, 0.25), (4, 0.125)]
    assert shown(tmp_path, "accuracy")[-1] == (4, 0.875)
    assert shown(tmp_path, "learning_rate") == [(1, 0.1), (2, 0.1), (3, 0.05), (4, 0.025)]
    assert len(shown(tmp_path, "images_a_second")) == 4


def test_a_training_writes_its_epochs(tmp_path):
    pytest.importorskip("tensorboard")
    sgd = Optimisation(epochs=2, batch=32, learning_rate=0.01, schedule="constant")
    trained = fit(Configuration("digits", images=64, optimisation=sgd), tmp_path)
    losses = [(e["epoch"], e["loss"]) for e in trained.record["epochs"]]
    assert losses == shown(tmp_path, "loss")
    assert shown(tmp_path, "learning_rate") == [(1, 0.01), (2, 0.01)]


def test_without_tensorboard_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with Events(tmp_path) as events:
        events.write(entry(1, 0.5), 0.1)
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_told(tmp_path, monkeypatch):
    pytest.importorskip("tensorboard")

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(TrainingError, match=r"No space left on device\): make room, or give"):  # noqa: SIM117
        with Events(tmp_path) as events:
            monkeypatch.setattr(events._writer, "flush", full)
            events.write(entry(1, 0.5), 0.1)
