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
# # 3. Your own function
#
# From an expression to a proven polynomial: absolute, relative, on two intervals, and with a
# circuit where there is one.

# %%
import matplotlib.pyplot as plt
import numpy as np

import polyapprox as pa

softplus = pa.minimax("log(1 + exp(x))", precision=2**-10, interval=(-8, 8))
softplus

# %% [markdown]
# **How fast does the error fall?** For an analytic function geometrically, for a kink like 1/degree.

# %%
degrees = [2, 4, 6, 8, 12, 16, 24, 32]
figure, axis = plt.subplots(figsize=(7, 4), layout="constrained")
for name in ("gelu", "tanh", "log(1 + exp(x))", "relu"):
    bounds = [pa.minimax(name, degree=d, interval=(-4, 4)).error_bound for d in degrees]
    axis.semilogy(degrees, bounds, marker="o", label=name)
axis.set(xlabel="degree", ylabel="largest error on [−4, 4] (proven bound)")
axis.legend();

# %% [markdown]
# **Relative error** where values differ much in size: 1/x on [1, 64].

# %%
absolute = pa.minimax("1/x", degree=12, interval=(1, 64))
relative = pa.minimax("1/x", degree=12, interval=(1, 64), relative=True)
x = np.linspace(1, 64, 10_001)
print(f"largest relative error, absolute fit: {np.abs(absolute(x) * x - 1).max():.4f}")
print(f"largest relative error, relative fit: {np.abs(relative(x) * x - 1).max():.4f}"
      f" <= {relative.error_bound:.4f} proven")

# %% [markdown]
# **A circuit** for GELU, beside the minimax polynomial that is as precise.

# %%
circuit = pa.circuit("gelu", multiplications=5)
polynomial = pa.minimax("gelu", tolerance=circuit.error_bound, interval=(-8, 8))
print(circuit, polynomial, sep="\n")
assert circuit.multiplications < polynomial.multiplications
