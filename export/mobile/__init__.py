"""Samples that run an exported model on a phone or in a browser, and the command that writes their files."""
