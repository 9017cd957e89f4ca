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
# # 8. Training for low precision, with seeds
#
# The same network for digits, trained a few epochs with and without NGNV in an ordinary loop, for
# several seeds. A difference counts only if it is larger than the spread.

# %%
import statistics

import torch
from torch import nn

import nn_bridge
from nn_bridge.models import DigitsNet

known = nn_bridge.find_network("digits")
loader = list(known.batches(known.data("train"), 100))
judged = list(known.batches(known.data("test")))
SEEDS, EPOCHS = range(2), 4  # more of both for a result; few here, to be quick


def trained(seed: int, noise: str) -> nn.Module:
    torch.manual_seed(seed)
    network = DigitsNet().train()
    handle = nn_bridge.sturdy(network, noise=noise, precision=4, calibrate=loader[:3], seed=seed)
    optimiser = torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.9)
    for _ in range(EPOCHS):
        handle.renew()
        network.train()
        for x, y in loader:
            loss = nn.functional.cross_entropy(network(x), y) + handle.penalty
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return handle.off().eval()


# %%
for noise in ("none", "uniform"):
    kept = []
    for seed in SEEDS:
        network = trained(seed, noise)
        converted = nn_bridge.convert(network, precision=2**-4, calibrate=loader[:3])
        kept.append(100 * nn_bridge.evaluate(converted, judged).accuracy)
    spread = statistics.stdev(kept)
    print(f"noise {noise!r}: {statistics.mean(kept):.1f} ± {spread:.1f} % at 2^-4 ({len(kept)} seeds)")
