"""Parsers for files of unknown origin: they have limits and never execute code from a file."""
