# SPDX-License-Identifier: Apache-2.0
"""Wholes: softmax, norms and the maximum of vectors, each one plan with one proven bound."""
