# SPDX-License-Identifier: Apache-2.0
"""The calls of activations and max-pools in a network: which functions, where, in which graph."""
