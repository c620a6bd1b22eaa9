"""Lifted poses, and what is done to a motion afterwards."""
