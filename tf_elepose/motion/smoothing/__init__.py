"""Smoothing of lifted poses over time."""

from tf_elepose.motion.smoothing.tracks import FILTERS, MAX_GAP, smooth

__all__ = ["FILTERS", "MAX_GAP", "smooth"]
