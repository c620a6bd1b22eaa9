"""Lifted poses, and changes to them after lifting: size, level axes, smoothing."""
