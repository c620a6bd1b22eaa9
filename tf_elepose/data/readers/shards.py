"""`shards`: a folder of TFRecord shards that `tf_elepose.data.shards.shards.write_shards` made; without TensorFlow."""

from __future__ import annotations

import dataclasses
import os
import pathlib
from collections.abc import Iterator

from tf_elepose.data.rows import Rows
from tf_elepose.data.shards.manifest import ShardManifest
from tf_elepose.data.shards.reading import read_shard


def read_shards(path: str | os.PathLike[str]) -> Iterator[Rows]:
    """Yields the rows of the shards in the folder `path`, shard after shard.

    Raises:
      ValueError: the set is not whole, or damaged; one line with the file and the record.
    """
    folder = pathlib.Path(path)
    manifest = ShardManifest.load(folder)
    total, read = sum(map(manifest.rows, manifest.splits)), 0
    dropped = manifest.dropped
    for split, shards in manifest.splits.items():
        for shard in shards:
            for rows in read_shard(folder, manifest, split, shard):
                read += len(rows.poses_2d)
                yield dataclasses.replace(rows, dropped=dropped, done=min(1.0, read / max(1, total)))
                dropped = {}
