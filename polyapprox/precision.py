"""Working precision of the ball-arithmetic library: the only file that touches its context."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import flint


@contextmanager
def working_precision(bits: int, series_length: int = 10) -> Iterator[None]:
    """Evaluate the block with `bits` bits and power series cut at `series_length` terms."""
    old_bits, old_length = flint.ctx.prec, flint.ctx.cap
    flint.ctx.prec, flint.ctx.cap = int(bits), int(series_length)
    try:
        yield
    finally:
        flint.ctx.prec, flint.ctx.cap = old_bits, old_length


def current_precision() -> int:
    """Bits of the innermost :func:`working_precision` block."""
    return int(flint.ctx.prec)
