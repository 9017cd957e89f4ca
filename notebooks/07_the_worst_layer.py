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
# # 7. Find the worst layer, and mend it
#
# At low precision a network fails somewhere first. `propagate` says where; a correction of
# constants, free under encryption, mends much of it.

# %%
import matplotlib.pyplot as plt

import nn_bridge

known = nn_bridge.find_network("digits")
network = known.load()
calibration = list(known.batches(known.data("train").first(600)))
judged = list(known.batches(known.data("test")))

# %%
travelled = nn_bridge.propagate(network, [calibration[0]], precision=2**-4, calibrate=calibration)
print(travelled)

# %% [markdown]
# **Mend it**: subtract the mean error of each channel, or move the statistics of batch normalisation by
# what the polynomials change in them.

# %%
def accuracy(change=None):
    converted = nn_bridge.convert(network, precision=2**-4, calibrate=calibration)
    if change:
        change(converted, calibration)
    return nn_bridge.evaluate(converted, judged).accuracy


kept = {
    "ReLU itself": nn_bridge.evaluate(network, judged).accuracy,
    "2^-4, as it is": accuracy(),
    "means corrected": accuracy(nn_bridge.correct_means),
    "normalisation corrected": accuracy(nn_bridge.correct_batch_norms),
}
figure, axis = plt.subplots(figsize=(7, 3), layout="constrained")
axis.barh(list(kept), [100 * value for value in kept.values()])
axis.set_xlabel("accuracy on 360 test images, %")
axis.invert_yaxis()
for name, value in kept.items():
    print(f"{name:25s} {value:.1%}")
