# SPDX-License-Identifier: Apache-2.0
"""An approximation as a layer: what replaces a call, and how it is evaluated fast."""
