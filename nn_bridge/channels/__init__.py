# SPDX-License-Identifier: Apache-2.0
"""Which values of a network must be scaled alike, and which weights can take a scale in."""
