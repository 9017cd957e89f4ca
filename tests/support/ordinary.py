"""36 ordinary minimax polynomials: twelve functions, each at three degrees on three domains."""

from __future__ import annotations

from typing import Any

import polyapprox as pa

Domain = tuple[tuple[float, float], ...]


def _gap(low: float, high: float = 1.0) -> Domain:
    return ((-high, -low), (low, high))


_CHOSEN: dict[str, tuple[tuple[int, Domain], ...]] = {
    "sigmoid": ((9, ((-4, 4),)), (15, ((-8, 8),)), (31, ((-12, 12),))),
    "tanh": ((7, ((-2, 2),)), (15, ((-4, 4),)), (31, ((-6, 6),))),
    "exp": ((6, ((-1, 1),)), (12, ((-4, 4),)), (23, ((-8, 0),))),
    "gelu": ((8, ((-3, 3),)), (16, ((-5, 5),)), (32, ((-8, 8),))),
    "silu": ((6, ((-4, 4),)), (14, ((-8, 8),)), (30, ((-12, 12),))),
    "1/x": ((5, ((0.5, 1),)), (13, ((0.2, 2),)), (29, ((0.1, 1),))),
    "1/sqrt(x)": ((6, ((0.3, 1),)), (15, ((0.1, 1),)), (27, ((0.05, 1),))),
    "sign": ((7, _gap(0.25)), (15, _gap(0.125)), (31, _gap(0.05))),
    "softplus": ((5, ((-4, 4),)), (11, ((-8, 8),)), (25, ((-12, 12),))),
    "erf": ((5, ((-1, 1),)), (13, ((-2, 2),)), (27, ((-4, 4),))),
    "log": ((7, ((0.5, 2),)), (17, ((0.1, 2),)), (33, ((0.05, 4),))),
    "cos": ((6, ((-1.5, 3),)), (10, ((-3.2, 3.2),)), (22, ((0, 12.6),))),
}  # fmt: skip
POLYNOMIALS = [(name, *one) for name, three in _CHOSEN.items() for one in three]


def made(function: str, degree: int, domain: Domain) -> Any:
    """The minimax polynomial, proven."""
    return pa.minimax(function, degree, domain=domain if len(domain) > 1 else domain[0])
