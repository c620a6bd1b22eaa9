"""Bytes of foreign files: parsed within limits, without running what is in them."""
