"""One file a format: a module here that has a `FORMAT` is a format, and that is all it takes."""
