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
# # 11. A transformer
#
# Softmax, LayerNorm and GELU become additions and multiplications too. Here a block of attention reads the rows of a
# digit as eight words; it is trained, converted, and compared.

# %%
import os

import matplotlib.pyplot as plt
import torch
from torch import nn
from torch.nn import functional

import nn_bridge
import polyapprox as pa

known = nn_bridge.find_network("digits")
reduced = bool(os.environ.get("NOTEBOOK_REDUCED"))  # in the tests
(pixels, labels), = known.batches(known.data("train"), 2000)
(test, truth), = known.batches(known.data("test"), 2000)


# %%
class Reader(nn.Module):
    """One block of attention over the rows of an image."""

    def __init__(self, width=16):
        super().__init__()
        self.words, self.places = nn.Linear(8, width), nn.Parameter(torch.randn(8, width) / 4)
        self.joint, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.norm, self.act = nn.LayerNorm(width), nn.GELU()
        self.up, self.head = nn.Linear(width, 2 * width), nn.Linear(2 * width, 10)

    def forward(self, x):
        x = self.words(x.flatten(1).unflatten(1, (8, 8))) + self.places
        q, k, v = self.joint(x).chunk(3, dim=-1)
        x = self.norm(x + self.out(functional.scaled_dot_product_attention(q, k, v)))
        return self.head(self.act(self.up(x)).mean(1))


torch.manual_seed(0)
network = Reader()
optimiser = torch.optim.AdamW(network.parameters(), lr=0.01)
for _ in range(2 if reduced else 12):
    for chosen in torch.randperm(len(pixels)).split(64):
        loss = functional.cross_entropy(network(pixels[chosen]), labels[chosen])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
network.eval()


def accuracy(model):
    with torch.no_grad():
        return float((model(test).argmax(1) == truth).float().mean())


print(f"exact: {accuracy(network):.1%} of {len(truth)} test images")

# %% [markdown]
# **Convert it.** The ranges of scores, sums and variances are measured on training images; what replaces each
# activation has a bound that is proven within them.

# %%
kept = {}
for k in (3,) if reduced else (3, 5, 7):
    converted = nn_bridge.convert(network, precision=2.0**-k, calibrate=[pixels[:400]], improve=False)
    kept[k] = accuracy(converted)
    print(f"2^-{k}: {kept[k]:.1%}, {converted.report.levels} levels")
    for site in converted.report.sites:
        print(f"    {site.site}: {site.levels} levels")
print(len(nn_bridge.check(converted, test[:8])), "operations are not polynomial")

# %%
figure, axis = plt.subplots(figsize=(6, 3), layout="constrained")
axis.plot(list(kept), [100 * value for value in kept.values()], "o-", label="converted")
axis.axhline(100 * accuracy(network), color="black", linewidth=0.8, label="exact")
axis.set(xlabel="k of the precision 2^-k", ylabel="accuracy, %", xticks=list(kept))
axis.legend();

# %% [markdown]
# **A softmax alone**: one plan with one bound, for vectors whose scores lie in an interval.

# %%
soft = pa.softmax(8, scores=(-4, 4), precision=2**-7)
scores = 4 * torch.linspace(-1, 1, 8, dtype=torch.float64)
error = (soft(scores) - scores.softmax(0)).abs().max()
print(soft)
print(f"measured {error:.1e} <= proven {soft.error_bound:.1e}: {bool(error <= soft.error_bound)}")
