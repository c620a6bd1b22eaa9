"""Joints and their order, conventions and how one becomes another, bone lengths, colours."""
