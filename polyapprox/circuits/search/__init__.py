# SPDX-License-Identifier: Apache-2.0
"""Search for circuits, and what puts a found one into the shipped files; nothing here serves at run time."""
