# SPDX-License-Identifier: Apache-2.0
"""Ranges of the inputs of activations, and the intervals made from them."""

MARGIN = 1.25  # factor on measured ranges, unless another is given
