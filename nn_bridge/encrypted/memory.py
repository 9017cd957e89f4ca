# SPDX-License-Identifier: Apache-2.0
"""How much memory a run will need, before it starts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import ArgumentError
from .chain import Chain
from .compiling import Prepared

_MIB = 1 << 20
_BASE = 400 * _MIB  # Python, torch and the engine's libraries
_COPIES = 4.1  # times the keys: as read, as numbers, the matrices of a bootstrap, what is not swept yet
# (measured: 2.9 with keys of 1273 MiB, 4.1 with 2379 and more memory free)
_LEAST = 3.1  # the same, swept as soon as memory is short (measured: 522 MiB with keys of 169)


@dataclass(frozen=True)
class Forecast:
    """Bytes of the keys on disk, and of the largest memory of the evaluating process.

    `least`: where no more is free, at the price of more sweeping.
    """

    keys: int
    peak: int
    least: int

    def __str__(self) -> str:
        return f"keys of {self.keys / _MIB:.0f} MiB, memory up to {self.peak / _MIB:.0f} MiB"


def forecast(prepared: Prepared) -> Forecast:
    """What a run will need."""
    chain, steps = prepared.chain, prepared.placement.steps
    pairs = zip(prepared.layouts[1:], steps, strict=True)
    sets = {layout.refreshed for layout, step in pairs if step.bootstrap}  # one of them is held at a time
    boot = chain.boot_key_bytes() if sets else 0
    rotations = 0
    for level in {step.level for step in steps}:
        here = [s.diagonals for s, step in zip(prepared.sizes, steps, strict=True) if step.level == level]
        rotations += int(3 * max(here) ** 0.5 + 12) * chain.rotation_key_bytes(level)
    held, keys = boot + rotations, len(sets) * boot + rotations
    encoded = max(_encoded(chain, size.diagonals, step.level) for size, step in zip(prepared.sizes, steps, strict=True))
    fixed = _BASE + encoded
    return Forecast(keys, int(fixed + _COPIES * held), int(fixed + _LEAST * held))


def _encoded(chain: Chain, diagonals: int, level: int) -> int:
    """Of a matrix's diagonals, as residues."""
    return diagonals * chain.ring * 8 * (level + 1 + chain.specials(level))


def available_memory() -> int:
    """Bytes that can be had now; a large number where the system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return 1 << 60
    for line in lines:
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return 1 << 60


def require_memory(prepared: Prepared) -> Forecast:
    """The forecast, if there is as much.

    Raises
    ------
    ArgumentError
        If memory is too small; what would fit is named.
    """
    needed, there = forecast(prepared), available_memory()
    if needed.least <= there:
        return needed
    chain = prepared.chain
    smaller = chain.ring // 2
    while smaller >= 1 << 10:
        other = replace(prepared, chain=replace(chain, ring=smaller))
        if forecast(other).least <= there:
            break
        smaller //= 2
    advice = (
        f"a ring of 2^{smaller.bit_length() - 1} would fit"
        if smaller >= 1 << 10
        else "no ring would fit"
    )
    raise ArgumentError(
        f"in {chain.security} the run would need {needed.least / _MIB:.0f} MiB of memory, and "
        f"{there / _MIB:.0f} MiB are free: {advice}"
    )
