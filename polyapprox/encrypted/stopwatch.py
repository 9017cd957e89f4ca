"""Timing of evaluations: seconds on the clock, and of the processor."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple, TypeVar

Value = TypeVar("Value")


class Times(NamedTuple):
    """Seconds of each call, and seconds that this process spent on the processor in each."""

    seconds: tuple[float, ...]
    processor: tuple[float, ...]


def repeated(job: Callable[[], Value], repeats: int) -> tuple[Value, Times]:
    """The last result of a call that is repeated, and the times of all.

    Examples
    --------
    >>> result, times = repeated(lambda: 7, 3)
    >>> result, len(times.seconds), len(times.processor)
    (7, 3, 3)
    """
    seconds, processor = [], []
    for _ in range(max(1, repeats)):
        used, begun = time.process_time(), time.perf_counter()
        result = job()
        seconds.append(time.perf_counter() - begun)
        processor.append(time.process_time() - used)
    return result, Times(tuple(seconds), tuple(processor))
