# SPDX-License-Identifier: Apache-2.0
"""The tables of arXiv 2402.11224 from networks trained from scratch: declared, run, measured."""
