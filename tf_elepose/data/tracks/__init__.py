"""Keypoints of people over time: who is who, noise reduction and repair of swapped sides."""
