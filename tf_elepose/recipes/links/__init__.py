"""LInKs' recipe."""
