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
# # 5. Audit a table
#
# Somebody publishes coefficients and a claim. What do they truly do?

# %%
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import polyapprox as pa

# %% [markdown]
# Three steps of (3x − x³)/2, a popular sign. Its author says "accurate for |x| ≥ 0.1":

# %%
step = pa.Polynomial.from_floats([0, 1.125, 0, -0.125], parity="odd")
claims = {}
for gap in (0.5, 0.25, 0.1):
    made = pa.from_components("sign", [step] * 3, [(-1, -gap), (gap, 1)])
    claims[gap] = made.error_bound
    print(f"|x| >= {gap}: error at most {made.error_bound:.4f} (proven), {made.multiplications} multiplications")

# %% [markdown]
# At 0.1 the value is nearly 0, not 1. And what would do more for less?

# %%
better = pa.sign(precision=2**-5, threshold=0.1)
print(better)
x = np.linspace(-1, 1, 4001)
theirs = pa.from_components("sign", [step] * 3, [(-1, -0.1), (0.1, 1)])
figure, axis = plt.subplots(figsize=(7, 4), layout="constrained")
axis.plot(x, theirs(x), label=f"three cubic steps, {theirs.multiplications} multiplications")
axis.plot(x, better(x), label=f"ours, {better.multiplications} multiplications")
axis.axvspan(-0.1, 0.1, color="0.9", label="the gap")
axis.set(xlabel="x", ylabel="sign")
axis.legend();

# %% [markdown]
# **From a file**, as it stands in somebody's code. What cannot be read with certainty is refused.

# %%
path = Path(tempfile.mkdtemp()) / "step.c"
path.write_text("static const double f[4] = {0.0, 1.5, 0.0, -0.5};\n")
read = pa.import_table(
    path, format="c", basis="monomial", function="sign", interval=[(-1, -0.5), (0.5, 1)]
)
print(read, f"{read.error_bound:.4f}")
assert abs(read.error_bound - 0.3125) < 1e-5
