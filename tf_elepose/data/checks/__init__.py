"""Checks that find what looks wrong in data before a model is trained on it."""
