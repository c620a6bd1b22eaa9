"""Benchmarks of noise, missing joints, kills and hostile files."""
