"""Metrics against a known truth, their names and explanations, and the verdict on the sign of depths."""
