"""Experiments that reproduce or extend published ones."""
