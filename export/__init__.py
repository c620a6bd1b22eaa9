"""Exports of trained models for use without Python or without this package; run from a clone: python -m export."""
