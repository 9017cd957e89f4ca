# SPDX-License-Identifier: Apache-2.0
"""Working precision of the ball-arithmetic library: the only file that touches its context.

The context belongs to the process, not to a thread. So calls that need it run one at a time: each
holds one lock, which a thread that has it may take again.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec, TypeVar

import flint

P = ParamSpec("P")
R = TypeVar("R")
STANDARD = 53  # bits outside every block
_lock = threading.RLock()


@contextmanager
def undisturbed() -> Iterator[None]:
    """Run the block while no other thread computes: the context stays as the caller left it."""
    with _lock:
        yield


@contextmanager
def working_precision(bits: int, series_length: int = 10) -> Iterator[None]:
    """Evaluate the block with `bits` bits and power series cut at `series_length` terms."""
    with _lock:
        old_bits, old_length = flint.ctx.prec, flint.ctx.cap
        flint.ctx.prec, flint.ctx.cap = int(bits), int(series_length)
        try:
            yield
        finally:
            flint.ctx.prec, flint.ctx.cap = old_bits, old_length


def one_at_a_time(function: Callable[P, R]) -> Callable[P, R]:
    """Decorate a public function: safe to call from threads, one call running at a time.

    The call starts with 53 bits whatever the caller's context is, and leaves that as it was.

    Examples
    --------
    >>> @one_at_a_time
    ... def bits() -> int:
    ...     return current_precision()
    >>> with working_precision(200):
    ...     print(bits(), current_precision())
    53 200
    """

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        with working_precision(STANDARD):
            return function(*args, **kwargs)

    return call


def current_precision() -> int:
    """Bits of the innermost :func:`working_precision` block."""
    return int(flint.ctx.prec)


def _renew_lock() -> None:
    """In a child process: the thread that held the lock does not live on there."""
    global _lock
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):  # Windows has no forks
    os.register_at_fork(after_in_child=_renew_lock)
