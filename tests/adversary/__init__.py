"""A standing adversary: calls of the whole public API, judged by arithmetic of its own."""
