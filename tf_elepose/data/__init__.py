"""Reads poses from files, checks and corrects them, and serves them as training batches."""
