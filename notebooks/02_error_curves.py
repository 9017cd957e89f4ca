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
# # 2. Reading error curves
#
# Four approximations of ReLU to about 2^-7 on [−1, 1], and what their errors look like: the best
# polynomial, a composite, a circuit, and what happens outside the interval.

# %%
import matplotlib.pyplot as plt
import numpy as np

import polyapprox as pa

made = {
    "direct": pa.relu(precision=2**-7, structure="direct"),
    "composite": pa.relu(precision=2**-7, structure="composite"),
    "circuit": pa.relu(precision=2**-7, structure="circuit"),
}

# %% [markdown]
# **Equioscillation.** The error of a minimax polynomial reaches its bound again and again, with
# alternating sign: by a theorem of Chebyshev that is why no other of its degree is better. The
# composite and the circuit have a far higher degree than they have constants, so not all of their
# extrema can be level.

# %%
x = np.linspace(-1, 1, 20_001)
figure, axes = plt.subplots(3, 1, figsize=(8, 7), sharex=True, layout="constrained")
for axis, (name, r) in zip(axes, made.items(), strict=True):
    axis.plot(x, r(x) - np.maximum(x, 0), linewidth=0.8)
    for sign in (-1, 1):
        axis.axhline(sign * r.error_bound, color="tab:red", linestyle="--", linewidth=0.8)
    axis.set_title(f"{name}, degrees {r.degrees}, {r.multiplications} multiplications; dashed: the proven bound")
    axis.set_ylabel("r(x) − ReLU(x)")
axes[-1].set_xlabel("x");

# %% [markdown]
# Between its dashed lines each curve must stay, for every real x, not only for the 20,001 drawn.

# %%
for name, r in made.items():
    sampled = np.abs(r(x) - np.maximum(x, 0)).max()
    print(f"{name:10s} sampled {sampled:.6f} <= proven {r.error_bound:.6f}")
    assert sampled <= r.error_bound

# %% [markdown]
# **Outside** the interval the value explodes; `safe_radius` is proven.

# %%
for name, r in made.items():
    print(f"{name:10s} twice its size at {r.safe_radius(2.0):.4f}; r(1.05) = {r(1.05):.4g}")
