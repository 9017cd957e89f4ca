# SPDX-License-Identifier: Apache-2.0
"""How long what is left will take, from what has been done."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from ..training.configuration import Configuration
from ..training.loop import Progress

_WHOLE = 32
"""Side of images where a configuration does not say."""


def work(configuration: Configuration, epoch: int) -> float:
    """Relative time of an epoch: images grow by their area."""
    side = configuration.augmentation.side(epoch) or _WHOLE
    return (side / _WHOLE) ** 2


class Clock:
    """Time left of several trainings.

    Parameters
    ----------
    configurations : sequence of Configuration
        To be trained one after the other.
    now : callable
        Seconds.

    Examples
    --------
    >>> from nn_bridge.paper.recipes import recipe
    >>> seconds = iter([0.0, 60.0])
    >>> clock = Clock([recipe("P25")], lambda: next(seconds))
    >>> clock.add(recipe("P25"), 0)
    >>> round(clock.left() / 60)
    70
    """

    def __init__(
        self, configurations: Sequence[Configuration], now: Callable[[], float] = time.monotonic
    ) -> None:
        self.now, self.start = now, now()
        self.done = 0.0
        self.rest = sum(
            work(one, epoch) for one in configurations for epoch in range(one.optimisation.epochs)
        )

    def add(self, configuration: Configuration, epoch: int) -> None:
        """An epoch is done."""
        self.done += work(configuration, epoch)
        self.rest -= work(configuration, epoch)

    def left(self) -> float:
        """Seconds left, at the speed so far."""
        return self.rest * (self.now() - self.start) / self.done

    def watch(
        self, configuration: Configuration, label: str, say: Callable[[str], None]
    ) -> Progress:
        """What a training calls: says a line after each epoch."""
        epochs = configuration.optimisation.epochs
        following = 0

        def progress(name: str, step: int, steps: int, loss: float) -> None:
            nonlocal following
            if step < steps:
                return
            epoch = int(name.removeprefix("epoch ")) - 1
            for passed in range(following, epoch):  # done before, by a training that was stopped
                self.rest -= work(configuration, passed)
            following = epoch + 1
            self.add(configuration, epoch)
            say(f"{label}: epoch {epoch + 1} of {epochs}, loss {loss:.3f}; {words(self.left())} left")

        return progress


def words(seconds: float) -> str:
    """Hours and minutes.

    Examples
    --------
    >>> words(3780.0), words(59.0)
    ('1 h 03 min', '1 min')
    """
    minutes = max(1, round(seconds / 60))
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min"
