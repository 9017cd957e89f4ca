# SPDX-License-Identifier: Apache-2.0
"""One file a format: a module here that has a `FORMAT` is a format, and that is all it takes."""
