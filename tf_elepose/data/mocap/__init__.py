"""Motion capture, real or simulated, seen by virtual cameras."""
