"""People over time: what is done to their keypoints from frame to frame."""
