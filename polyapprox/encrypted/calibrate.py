# SPDX-License-Identifier: Apache-2.0
"""Calibration: the latency model of a backend, measured on the machine at hand."""

from __future__ import annotations

import datetime
import os
import platform
import re
from collections.abc import Sequence
from pathlib import Path

from ..cost.latency import LatencyModel
from ..words import counted
from .backend import Backend, BackendError, Parameters


def calibrate(
    backend: str | Backend,
    *,
    ring_dimension: int = 8192,
    scale_bits: int = 50,
    levels: int = 16,
    repeats: int = 5,
) -> LatencyModel:
    """Measure the operations of a backend at several levels.

    Parameters
    ----------
    backend : str or Backend
        "openfhe", "lattigo", "tenseal" or "desilofhe".
    ring_dimension, scale_bits, levels : int
        Of the context; it is made without the backend's check of security, for times only.
    repeats : int
        Each operation is timed so often; the median counts.

    Returns
    -------
    LatencyModel

    Raises
    ------
    BackendError
        If the framework is not found.
    ArgumentError
        If the parameters cannot be.
    """
    if isinstance(backend, str):
        from . import backend as find_backend

        backend = find_backend(backend)
    available = backend.find()
    if not available.found:
        raise BackendError(f"{backend.name} was not found: {available.reason}; {available.remedy}")
    with backend.session(Parameters(ring_dimension, scale_bits, levels)) as session:
        seconds = session.time_operations(measured_levels(levels), repeats)
    return LatencyModel.of_measurements(
        seconds,
        backend=backend.name,
        version=available.version,
        machine=machine(),
        date=datetime.datetime.now(datetime.UTC).date().isoformat(),
        ring_dimension=ring_dimension,
        scale_bits=scale_bits,
        context_levels=levels,
        threads=int(os.environ.get("OMP_NUM_THREADS", "1")),
    )


def measured_levels(levels: int) -> Sequence[int]:
    """At most eight levels from 1 up to all of them.

    Examples
    --------
    >>> measured_levels(16), measured_levels(3)
    ((1, 3, 5, 7, 9, 11, 13, 16), (1, 2, 3))
    """
    most = min(levels, 8)
    if most < 2:
        return tuple(range(1, levels + 1))
    return tuple(1 + (levels - 1) * index // (most - 1) for index in range(most))


def machine() -> str:
    """Processor and system, as the system names them."""
    name = platform.processor() or platform.machine()
    try:
        found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    except OSError:
        found = None
    return f"{found[1] if found else name}, {counted(os.cpu_count(), 'core')}, {platform.system()}"
