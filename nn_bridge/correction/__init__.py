"""Corrections of the mean errors of polynomials that cost nothing under encryption."""
