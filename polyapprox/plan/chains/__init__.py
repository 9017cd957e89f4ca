# SPDX-License-Identifier: Apache-2.0
"""Chains of products with adapted coefficients for a given polynomial: shape, search, constants, table."""
