# SPDX-License-Identifier: Apache-2.0
"""Exceptions of the package: every one carries a sentence that says what to do."""

from __future__ import annotations


class PolyApproxError(Exception):
    """Base class of all errors raised by this package."""


class ArgumentError(PolyApproxError, ValueError):
    """An argument has a value that cannot be used; the message names it."""


class ExpressionError(ArgumentError):
    """An expression string could not be read, or uses something that is not allowed."""


class DomainError(ArgumentError):
    """The function has a pole, or is undefined, somewhere in the domain."""


class NotConvergedError(PolyApproxError):
    """The exchange did not converge; the message gives degree, gap and advice."""


class ProofError(PolyApproxError):
    """A bound could not be proven within the given budget."""


class FalseClaimError(ProofError):
    """The claim of a table is false, or nothing in the table proves it.

    Attributes
    ----------
    counterexample : dict or None
        Where an error above the bound was found, proven there: "x" (a − b for maximum and minimum)
        and "error", a lower bound of it. None where the claim is refused without one.
    """

    def __init__(self, sentence: str, counterexample: dict[str, float] | None = None) -> None:
        super().__init__(sentence)
        self.counterexample = counterexample


class NoBoundError(PolyApproxError, AttributeError):
    """A proven bound was asked of an approximation that has only an estimate."""


class TableError(PolyApproxError, ValueError):
    """A table file is unreadable, truncated, tampered with or not of a known version."""


class PrecisionWarning(UserWarning):
    """Double precision is too coarse for what was called; the message says what is not."""
