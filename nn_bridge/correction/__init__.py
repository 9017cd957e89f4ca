# SPDX-License-Identifier: Apache-2.0
"""Corrections of the mean errors of polynomials that cost nothing under encryption."""
