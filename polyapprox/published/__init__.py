# SPDX-License-Identifier: Apache-2.0
"""The published composites r_alpha: coefficients, costs, and rivals made from them."""
