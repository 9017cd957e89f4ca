"""Polynomial approximation for computing on encrypted data."""

from .approximation import Approximation as Approximation
from .polynomial import Polynomial as Polynomial
