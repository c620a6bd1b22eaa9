"""Readers, one file for each format: each yields the rows of the file or folder at a path."""
