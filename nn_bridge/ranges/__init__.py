"""Ranges of the inputs of activations, and the intervals made from them."""
