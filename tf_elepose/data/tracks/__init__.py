"""Keypoints of people over time: noise reduction and repair of swapped sides."""
