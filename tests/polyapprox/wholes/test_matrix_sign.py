"""Signs of matrices: near the polar factor, in few products, in few digits, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import polyapprox as pa
from polyapprox.errors import ArgumentError
from polyapprox.wholes.matrix_sign import PRODUCTS

LOW = 2.0**-7


def _matrix(rows: int, columns: int, high: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    u, _, v = np.linalg.svd(rng.standard_normal((rows, columns)), full_matrices=False)
    values = np.geomspace(LOW, high, min(rows, columns))
    return (u * values) @ v, u @ v


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32", "float64"])
@pytest.mark.parametrize("products", [2, 5, 11, 12, 13])
def test_singular_values_come_as_near_to_1_as_estimated(products: int, dtype: str) -> None:
    made = pa.matrix_sign(products=products, interval=(LOW, 1.05), dtype=dtype)
    assert made.products == sum(PRODUCTS[d] for d in made.degrees) <= products
    for shape in ((20, 33), (33, 20)):
        x, true = _matrix(*shape, 1.05, 5)
        error = np.linalg.norm(made(x) - true, 2)
        assert 0.5 * made.error_estimate - 1e-12 < error < 1.0001 * made.error_estimate + 1e-12


@pytest.mark.parametrize(("products", "largest"), [(10, 0.27), (11, 0.16), (12, 0.11)])
def test_bfloat16_costs_little(products: int, largest: float) -> None:
    """A polynomial in one Gram matrix errs by more than 100 here."""
    made = pa.matrix_sign(products=products)
    x, true = _matrix(64, 96, 1.0, 7)
    value = made(torch.tensor(x).to(torch.bfloat16))
    assert value.dtype == torch.bfloat16
    assert np.linalg.norm(value.double().numpy() - true, 2) < largest


def test_it_is_no_worse_than_published_steps_of_as_many_products() -> None:
    """cubic5: ten products in five cubic steps (NVIDIA-NeMo/Emerging-Optimizers@fd77292)."""
    made = pa.matrix_sign(products=10, interval=(LOW, 1.0))
    x = np.geomspace(LOW, 1, 5001)
    published = x
    for a, b in ((3.3656576, -3.3420992), (2.5744352, -1.4957376), (2.5368962, -1.431257),
                 (2.4418906, -1.276404), (2.2230472, -0.963065)):  # fmt: skip
        published = a * published + b * published**3
    assert np.abs(made.scalar(x) - 1).max() < 0.8 * np.abs(published - 1).max()


def test_many_at_once_and_tensors() -> None:
    made = pa.matrix_sign(products=6, interval=(0.1, 1))
    x = np.random.default_rng(1).standard_normal((3, 4, 5)) / 9
    assert np.allclose(made(x)[1], made(x[1]), atol=1e-14)
    assert np.allclose(made(torch.tensor(x)).numpy(), made(x), atol=1e-14)


@pytest.mark.parametrize(
    "given",
    [{"products": 1}, {"products": 17}, {"products": 8, "interval": (0, 1)},
     {"products": 8, "interval": (-1, 1)}, {"products": 8, "dtype": "float8"}],
)  # fmt: skip
def test_refusals(given: dict) -> None:
    with pytest.raises(ArgumentError):
        pa.matrix_sign(**given)
    with pytest.raises(ArgumentError, match="must be a matrix"):
        pa.matrix_sign(products=4)(np.ones(3))
