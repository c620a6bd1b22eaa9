"""Lifting archives on Apache Beam: files to blocks of poses, blocks to Parquet parts; see docs/scale.md."""
