# SPDX-License-Identifier: Apache-2.0
"""The explorer: a local page on which a function, an interval and a wish become a proven polynomial."""
