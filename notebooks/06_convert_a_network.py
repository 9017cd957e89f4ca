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
# # 6. Convert a network
#
# A residual network for 8 × 8 digits, trained with ReLU, becomes a network of additions and
# multiplications. How much precision does it need?

# %%
import matplotlib.pyplot as plt

import nn_bridge

known = nn_bridge.find_network("digits")
network = known.load()
calibration = list(known.batches(known.data("train").first(600)))
judged = list(known.batches(known.data("test")))
exact = nn_bridge.evaluate(network, judged).accuracy
print(f"with ReLU: {exact:.1%}")

# %%
precisions = range(3, 10)
kept, products = [], []
for k in precisions:
    converted = nn_bridge.convert(network, precision=2.0**-k, calibrate=calibration)
    kept.append(nn_bridge.evaluate(converted, judged).accuracy)
    products.append(converted.report.multiplications)
    print(f"2^-{k}: {kept[-1]:.1%}, {products[-1]} multiplications")

# %%
figure, axis = plt.subplots(figsize=(7, 4), layout="constrained")
axis.plot([f"2^-{k}" for k in precisions], [100 * value for value in kept], marker="o")
axis.axhline(100 * exact, color="0.5", linestyle="--", label="ReLU itself")
axis.set(xlabel="precision of each ReLU, interval of each layer", ylabel="accuracy on 360 test images, %")
axis.legend();

# %% [markdown]
# Nothing else is left in it, and each activation has its own interval:

# %%
print(len(nn_bridge.check(converted, judged[0][0])), "operations are not polynomial")
print(converted.report)
