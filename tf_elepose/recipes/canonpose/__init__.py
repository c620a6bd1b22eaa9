"""CanonPose's recipe."""
