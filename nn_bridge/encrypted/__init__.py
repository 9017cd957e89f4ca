# SPDX-License-Identifier: Apache-2.0
"""A converted network evaluated wholly under encryption, bootstraps included."""

from .running import Run, run

__all__ = ["Run", "run"]
