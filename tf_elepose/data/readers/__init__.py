"""Readers, one module for each format; a reader yields the rows of the file or folder at a path."""
