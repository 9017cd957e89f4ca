# SPDX-License-Identifier: Apache-2.0
"""Experiments that reproduce or extend published ones."""
