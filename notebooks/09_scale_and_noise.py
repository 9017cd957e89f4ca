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
# # 9. Scale and noise
#
# CKKS keeps numbers to 1/Δ, where Δ is the scale. Constants are rounded to it, and each operation adds
# noise. How large must Δ be, so that the polynomial's own error is what counts?

# %%
import polyapprox as pa
from polyapprox.noise.scale import Setting, smallest_scale, sweep
from polyapprox.plot import noise as draw

r = pa.relu(precision=2**-9, interval=(-50, 50))
setting = Setting(ring_dimension=1 << 14)

# %% [markdown]
# **Rounded constants** are still constants: the plan with constants rounded to Δ is proven anew. **Noise** is
# random: a stated model forecasts it. The two are never added up under one name.

# %%
for one in sweep(r, setting, (24, 28, 32, 36, 40, 45)):
    print(f"2^{one.scale_bits}: rounded constants at most {one.rounded_bound:.7f} (proven), noise some "
          f"{one.noise.worst:.2g} (forecast); carries the precision: {one.carries}")

# %% [markdown]
# The smallest scale that carries 2^-9, and the picture:

# %%
print(f"2^{smallest_scale(r, setting).scale_bits}")
figure = draw(r, setting, scales=range(22, 50, 2))

# %% [markdown]
# **Beyond the rounding**: inputs that come from a bootstrap are noisy themselves. What the plan makes of it:

# %%
noisy = Setting(ring_dimension=1 << 14, real=2.0**-20)
for one in sweep(r, noisy, (36, 40)):
    print(f"2^{one.scale_bits}: noise of the result some {one.noise.worst:.2g}, from that of the inputs "
          f"{one.noise.inputs:.2g}")
