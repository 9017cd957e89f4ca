"""The functions that users call: each makes a proven Approximation."""
