"""Measurements for single questions."""
