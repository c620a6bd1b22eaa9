"""ElePose's step written a second time, in PyTorch, to compare with; nothing here calls the package."""
