"""Image sets from a folder that the user names."""
