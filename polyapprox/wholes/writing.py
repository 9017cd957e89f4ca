# SPDX-License-Identifier: Apache-2.0
"""A whole as JSON: what is computed, for programs that run it. It is no table: `verify` does not read it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..files import write_atomically
from ..outward import upper
from ..table.decimals import common_bits, written
from ..table.plans import plan_document
from .vector_plan import VectorOperation
from .whole import Whole

FORMAT = "polyapprox plan of vectors"


def whole_document(whole: Whole) -> dict[str, Any]:
    """Operations in order, each on earlier ones; plans that are applied slot by slot stand under `plans`.

    Examples
    --------
    >>> import polyapprox
    >>> found = whole_document(polyapprox.rms_norm(4, mean_square=(0.5, 2), precision=2**-6))
    >>> found["length"], [one[0] for one in found["operations"]]
    (4, ['input', 'scale', 'multiply', 'sum', 'apply'])
    """
    plans = {one.plan.digest: plan_document(one.plan) for one in whole.plan.operations if one.plan is not None}
    return {
        "format": FORMAT, "function": whole.function, "length": whole.length, "box": whole.box,
        "error_bound": upper(whole.error_bound, 17), "reason": whole.reason, "made_by": whole.provenance.command,
        "operations": [_operation(one) for one in whole.plan.operations], "plans": plans,
    }  # fmt: skip


def _operation(one: VectorOperation) -> list[Any]:
    used = [index for index in (one.left, one.right) if index >= 0]
    if one.plan is not None:
        return [one.kind, *used, one.plan.digest]
    return [one.kind, *used] if one.constant is None else [one.kind, *used, written(one.constant, common_bits([one.constant]))]


def save_whole(whole: Whole, path: Path) -> Path:
    """Write it, atomically."""
    return write_atomically(path, (json.dumps(whole_document(whole), indent=1) + "\n").encode())
