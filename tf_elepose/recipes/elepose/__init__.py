"""ElePose's recipe."""
