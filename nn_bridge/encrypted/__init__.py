"""A converted network evaluated wholly under encryption."""
