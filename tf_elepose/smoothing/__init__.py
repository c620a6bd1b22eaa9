"""Smoothing of lifted poses over time."""

from tf_elepose.smoothing.tracks import FILTERS, MAX_GAP, smooth

__all__ = ["FILTERS", "MAX_GAP", "smooth"]
