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
# # 4. Into a framework, and onto ciphertexts
#
# One table, written for several frameworks, and evaluated on real ciphertexts in those that are
# installed here. The parameters are small, for a test: **not secure**.

# %%
import tempfile
from pathlib import Path

import polyapprox as pa

r = pa.relu(precision=2**-7, interval=(-10, 10))
r

# %%
folder = Path(tempfile.mkdtemp())
for name, ending in (("openfhe", "py"), ("seal", "h"), ("c", "c"), ("python", "py")):
    path = r.export(name, folder / f"relu_{name}.{ending}")
    print(f"{name:8s} {len(path.read_text().splitlines())} lines")

# %% [markdown]
# What the plain Python file says of itself:

# %%
print("".join((folder / "relu_python.py").read_text().splitlines(keepends=True)[:12]))

# %% [markdown]
# **On ciphertexts.** What was measured beside what was proven; the noise of the scheme comes on top
# of the polynomial's error, and is forecast.

# %%
found = [name for name, one in pa.encrypted.backends().items() if one.find().found and name != "desilofhe"]
print("found here:", found or "none")
for name in found[:1]:
    ended = pa.encrypted.run(r, backend=name)
    print(f"{name}: measured {ended.largest_error:.5f}, proven {ended.bound:.5f}, levels {ended.levels},"
          f" {ended.security}")

# %% [markdown]
# The same curve in the clear, with its bound:

# %%
figure = r.plot()
