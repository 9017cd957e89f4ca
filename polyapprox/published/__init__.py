"""The published composites r_alpha: coefficients, costs, and rivals made from them."""
