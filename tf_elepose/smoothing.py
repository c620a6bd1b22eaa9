"""The documented place of `smooth` before it had a room; kept for scripts that import it from here."""

from tf_elepose.motion.smoothing import FILTERS, smooth

__all__ = ["FILTERS", "smooth"]
