# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 1. A first ReLU, step by step
#
# From one line to a table that can be checked by somebody who does not trust us. The cells run in
# Jupyter (through jupytext), in an editor that knows `# %%`, or as a plain script.

# %%
import tempfile
from pathlib import Path

import numpy as np

import polyapprox as pa

r = pa.relu(precision=2**-9, interval=(-50, 50))
r

# %% [markdown]
# **The bound is proven, the samples agree.** No polynomial of this degree does better than
# `error_lower_bound`.

# %%
x = np.linspace(-50, 50, 100_001)
sampled = np.abs(r(x) - np.maximum(x, 0)).max()
print(f"sampled {sampled:.6f} <= proven {r.error_bound:.6f} <= asked for {50 * 2**-9:.6f}")
print(f"nobody: {r.error_lower_bound:.6f} ({r.certificate.lower_for})")

# %% [markdown]
# **What it costs** is counted from the plan, the explicit list of operations.

# %%
for rule in ("published", "standalone"):
    print(r.counts(rule))
print("\n".join(str(r.plan).splitlines()[:6]), "\n…")


# %% [markdown]
# The plan runs on anything that has + and ×: here on a number that only counts.


# %%
class Counter:
    products = 0

    def __mul__(self, other):
        Counter.products += isinstance(other, Counter)
        return self

    def __add__(self, other):
        return self

    __rmul__ = __radd__ = __sub__ = __rsub__ = __add__


r.plan.run(Counter())
print("multiplications of ciphertexts:", Counter.products)

# %% [markdown]
# **Three ways to the same precision.** One even polynomial, a composite with a free constant, and
# one without (then r(0) = 0).

# %%
for name, made in {
    "direct": pa.relu(precision=2**-9, structure="direct"),
    "composite": pa.relu(precision=2**-9, structure="composite"),
    "composite, r(0) = 0": pa.relu(precision=2**-9, offset=False),
    "published degrees": pa.relu(degrees=(15, 15)),
}.items():
    print(
        f"{name:20s} {made.degrees!s:12s} levels {made.levels} multiplications "
        f"{made.multiplications:2d} bits {made.bits:.3f} r(0) = {made(0.0):+.5f}"
    )

# %% [markdown]
# **Outside the interval** nothing is promised but this: up to which radius the values stay within
# twice their size inside.

# %%
print(f"safe radius: {r.safe_radius(2.0):.4f} half-widths")

# %% [markdown]
# **A table** that others can check without any of our solvers.

# %%
with tempfile.TemporaryDirectory() as folder:
    path = r.save(Path(folder) / "relu.json")
    print(pa.verify(path))

# %%
figure = r.plot()
