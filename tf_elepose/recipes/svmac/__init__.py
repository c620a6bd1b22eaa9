"""SVMAC's recipe."""
