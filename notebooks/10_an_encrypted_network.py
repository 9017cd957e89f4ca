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
# # 10. An encrypted network
#
# A whole network on ciphertexts: the small residual network of digits with six ReLUs, bootstraps included. The ring
# is 2^11, so that it takes a minute; it is far too small to be secure, and the printout says so.
#
# It needs `pip install 'polyapprox[nn,he]'`.

# %%
import os

import matplotlib.pyplot as plt
import torch
from torch import nn

import nn_bridge
import polyapprox as pa
from nn_bridge.encrypted import run

known = nn_bridge.find_network("digits")
calibration = list(known.batches(known.data("train").first(600)))
(images, labels), = known.batches(known.data("test").first(1))

# %%
if os.environ.get("NOTEBOOK_REDUCED"):  # the tests take a network without bootstraps
    torch.manual_seed(0)
    network, ring = nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 10)), 1 << 10
else:
    network, ring = known.load(), 1 << 11
relu = pa.circuit("relu", multiplications=4)
converted = nn_bridge.convert(network, approximation=relu, calibrate=calibration)
print(converted.report.multiplications, "multiplications,", converted.report.levels, "levels of activations")

# %% [markdown]
# **Run it.** Keys are made by one process, the image is encrypted, and another process, which has no secret key,
# evaluates every layer. Nothing is decrypted before the ten outputs.

# %%
found = run(converted, images, ring=ring) if pa.encrypted.backend("lattigo").find().found else None
if found:
    print(found.security)
    print(f"outputs differ from the converted network in the clear by {found.deviation:.1e}")
    print("digit:", int(labels[0]), "   decrypted says:", int(torch.as_tensor(found.outputs)[0].argmax()))
else:
    print("the framework is not here: pip install 'polyapprox[he]'")

# %% [markdown]
# **Layer by layer.** A matrix uses one level, an activation those of its circuit; where too few are left, a
# bootstrap gives them back, and that is what takes the time.

# %%
layers = found.layers[0] if found else []  # of the one image
for layer in layers:
    print(f"{layer.name:14s} level {layer.level:2d}, {layer.matrix + layer.plan:.2f} s; "
          f"bootstraps: {layer.bootstraps}, {layer.bootstrap:.2f} s")

# %%
figure, axis = plt.subplots(figsize=(7, 3), layout="constrained")
left = [0.0] * len(layers)
for part in ("matrix", "plan", "bootstrap"):
    values = [getattr(layer, part) for layer in layers]
    axis.barh([layer.name for layer in layers], values, left=left, label=part)
    left = [a + b for a, b in zip(left, values, strict=True)]
axis.invert_yaxis()
axis.set_xlabel("processor seconds")
axis.legend();

# %% [markdown]
# The same with ResNet-20, and with client and server on two machines: `nn-bridge encrypt --help`.
