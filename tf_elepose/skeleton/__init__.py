"""Joints and their order, keypoint conventions and the conversion between them, bone lengths, colours."""
