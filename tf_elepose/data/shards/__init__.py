"""Writes and reads data sets larger than memory, as TFRecord shards."""
