"""Vectors in the boxes of wholes, random and adversarial, and what the wholes should give."""

from __future__ import annotations

import numpy as np


def scores(n: int, low: float, high: float, top: tuple[float, float], count: int, seed: int) -> np.ndarray:
    """Within [low, high], the largest of each within `top`; shape (count, n)."""
    rng = np.random.default_rng(seed)
    s = rng.uniform(low, top[1], (count, n))
    kinds = np.arange(count) % 6
    s[kinds == 1] = low + (top[1] - low) * rng.beta(0.2, 0.2, (int(np.sum(kinds == 1)), n))
    s[kinds == 2] = np.where(rng.random((int(np.sum(kinds == 2)), n)) < 0.5, low, top[1])
    s[kinds == 3] = top[0]
    ties = rng.integers(1, n + 1, int(np.sum(kinds == 4)))
    s[kinds == 4] = np.where(np.arange(n) < ties[:, None], top[1], low)
    s[kinds == 5] = rng.normal((low + high) / 2, (high - low) / 12, (int(np.sum(kinds == 5)), n))
    s = np.clip(s, low, top[1])
    place = np.arange(count), rng.integers(0, n, count)
    wanted = rng.uniform(top[0], top[1], count)
    ends = rng.integers(0, 3, count)
    wanted = np.where(ends == 0, top[0], np.where(ends == 1, top[1], wanted))
    lacking = s.max(axis=1) < top[0]
    s[place[0][lacking], place[1][lacking]] = wanted[lacking]
    return s


def with_sums(s: np.ndarray, box: dict, seed: int) -> np.ndarray:
    """Scores moved, vector by vector, until Σ exp((s − b)/2^k) is in the box; those that leave it are left out."""
    rng = np.random.default_rng(seed)
    low, high = box["scores"]
    power = 2 ** box["squarings"]
    wanted = np.exp(rng.uniform(*np.log(box["sums"]), len(s)))
    ends = rng.integers(0, 4, len(s))
    wanted = np.where(ends == 0, box["sums"][0] * (1 + 1e-9), np.where(ends == 1, box["sums"][1] * (1 - 1e-9), wanted))
    total = np.exp((s - high) / power).sum(axis=-1)
    moved = np.maximum(s + power * np.log(wanted / total)[:, None], low)
    total = np.exp((moved - high) / power).sum(axis=-1)
    return moved[(moved.max(axis=-1) <= high) & (total >= box["sums"][0]) & (total <= box["sums"][1])]


def softmax(s: np.ndarray) -> np.ndarray:
    """In float64, the largest score taken out."""
    y = np.exp(s - s.max(axis=-1, keepdims=True))
    return y / y.sum(axis=-1, keepdims=True)


def with_variance(
    n: int, low: float, high: float, count: int, seed: int, centred: bool = True
) -> np.ndarray:
    """Vectors whose variance (mean square) lies in [low, high], at the ends often; shape (count, n)."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, n))
    kinds = np.arange(count) % 4
    x[kinds == 1] = np.eye(n)[rng.integers(0, n, int(np.sum(kinds == 1)))]  # the largest entries
    x[kinds == 2] = np.where(rng.random((int(np.sum(kinds == 2)), n)) < 0.5, -1.0, 1.0)
    x[kinds == 2, 0] = 1.0
    x[kinds == 2, 1] = -1.0
    x[kinds == 3] = rng.standard_cauchy((int(np.sum(kinds == 3)), n))
    if centred:
        x -= x.mean(axis=1, keepdims=True)
    size = np.sqrt((x * x).mean(axis=1, keepdims=True))
    wanted = np.exp(rng.uniform(np.log(low), np.log(high), (count, 1)))
    ends = rng.integers(0, 3, (count, 1))
    wanted = np.where(ends == 0, low * (1 + 1e-9), np.where(ends == 1, high * (1 - 1e-9), wanted))
    x *= np.sqrt(wanted) / size
    return x + (rng.normal(size=(count, 1)) if centred else 0.0)


def layer_norm(x: np.ndarray, eps: float = 0.0) -> np.ndarray:
    """In float64."""
    c = x - x.mean(axis=-1, keepdims=True)
    return c / np.sqrt((c * c).mean(axis=-1, keepdims=True) + eps)


def rms_norm(x: np.ndarray, eps: float = 0.0) -> np.ndarray:
    """In float64."""
    return x / np.sqrt((x * x).mean(axis=-1, keepdims=True) + eps)
