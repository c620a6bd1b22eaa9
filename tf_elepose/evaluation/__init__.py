"""Metrics against a known truth, and what is made of them."""
