"""Samples that run an exported model on a phone or in a browser, and the command that gives them their files."""
