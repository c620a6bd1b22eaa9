"""Data sets larger than memory, as TFRecord shards."""
