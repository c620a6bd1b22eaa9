"""Single questions answered by measuring."""
