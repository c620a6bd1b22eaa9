"""The common part of the commands: flags, errors in one line, progress, provenance."""
