"""Matrix sign in bfloat16: ours beside the sets of coefficients that optimisers carry.

``python experiments/matrix_sign.py`` writes ``experiments/results/matrix-sign.jsonl``: the largest error of a
singular value in exact arithmetic, and the spectral norm of the error of two matrices, made with seeds, whose
singular values are spread evenly in log σ over [2^-7, 1], in bfloat16 and float32 (PyTorch on the CPU).
The published sets are those of NVIDIA-NeMo/Emerging-Optimizers@fd77292 (muon_utils.py) and, for the safety
factor 1.05, Dao-AILab/gram-newton-schulz@f08f25e (coefficients.py).
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import numpy as np
import torch

import polyapprox as pa
from polyapprox.files import write_atomically
from polyapprox.wholes.matrix_sign import MatrixSign

RESULTS = Path(__file__).resolve().parent / "results" / "matrix-sign.jsonl"
LOW, HIGH = 2.0**-7, 1.05
SIZES = ((256, 512), (1024, 1024))
SIMPLE = (3.4445, -4.7750, 2.0315)
PUBLISHED: dict[str, tuple[tuple[float, ...], ...]] = {
    "simple (Jordan), 5 steps": (SIMPLE,) * 5,
    "quintic (You), 5 steps": (
        (4.0848, -6.8946, 2.9270), (3.9505, -6.3029, 2.6377), (3.7418, -5.5913, 2.3037),
        (2.8769, -3.1427, 1.2046), (2.8366, -3.0525, 1.2012),
    ),
    "Polar Express, 5 steps": (
        (8.2051, -22.9019, 16.4607), (4.0664, -2.8612, 0.5184), (3.9096, -2.8234, 0.5250),
        (3.2856, -2.4153, 0.4853), (2.2779, -1.6198, 0.3985),
    ),
    "Polar Express, factor 1.05": (
        (7.892582874424408, -20.38301394587957, 13.555306149406924),
        (3.911484868135431, -2.5464635929060884, 0.4268988319673074),
        (3.760657955697423, -2.512819018216563, 0.4323647349070073),
        (3.160399673686287, -2.149649518898498, 0.3996366907664389),
        (2.1910971618617303, -1.441662010214663, 0.328146487623155),
    ),
    "CANS, 5 steps": (
        (8.4703, -25.1081, 18.6293), (4.1828, -3.1087, 0.5806), (3.9619, -2.9541, 0.5630),
        (3.2866, -2.4647, 0.5074), (2.2737, -1.6447, 0.4162),
    ),
    "cubic5": (
        (3.3656576, -3.3420992), (2.5744352, -1.4957376), (2.5368962, -1.431257), (2.4418906, -1.276404),
        (2.2230472, -0.963065),
    ),
    "aol, 4 steps": (
        (4.0098, -7.0585, 2.4635), (3.4585, -5.5479, 2.5959), (2.7573, -3.2939, 1.4254),
        (2.7215, -3.0494, 1.3169),
    ),
}  # fmt: skip


def matrix(rows: int, columns: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A matrix and its polar factor, in float64."""
    rng = np.random.default_rng(seed)
    left, _ = np.linalg.qr(rng.standard_normal((rows, rows)))
    right, _ = np.linalg.qr(rng.standard_normal((columns, rows)))
    values = np.exp(rng.uniform(math.log(LOW), 0, rows))
    values[:2] = LOW, 1.0
    return (left * values) @ right.T, left @ right.T


def row(name: str, used: MatrixSign, matrices: list[tuple[np.ndarray, np.ndarray]]) -> dict[str, object]:
    """Errors of one set."""
    x = np.exp(np.linspace(math.log(LOW), math.log(HIGH), 20001))
    found: dict[str, object] = {
        "name": name, "products": used.products, "degrees": list(used.degrees),
        "exact": float(np.max(np.abs(used.scalar(x[x <= 1]) - 1))),
        "exact to 1.05": float(np.max(np.abs(used.scalar(x) - 1))),
    }  # fmt: skip
    for given, true in matrices:
        for kind in (torch.bfloat16, torch.float32):
            value = used(torch.tensor(given).to(kind)).double().numpy()
            size = "x".join(map(str, given.shape))
            found[f"{size} {str(kind).removeprefix('torch.')}"] = float(np.linalg.norm(value - true, 2))
    return found


def main() -> int:
    """All sets."""
    matrices = [matrix(*size, seed=1) for size in SIZES]
    sets = {name: MatrixSign(stages, (LOW, 1.0), "bfloat16", math.nan) for name, stages in PUBLISHED.items()}
    for products in (10, 11, 12, 13):
        sets[f"ours, {products} products"] = pa.matrix_sign(products=products, interval=(LOW, HIGH))
    lines = []
    for name, used in sets.items():
        lines.append(json.dumps(row(name, used, matrices)))
        sys.stdout.write(lines[-1] + "\n")
        sys.stdout.flush()
    write_atomically(RESULTS, ("\n".join(lines) + "\n").encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
