"""`shards`: a folder of TFRecord shards that `tf_elepose.data.shards.write_shards` made; without TensorFlow."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import zlib
from collections.abc import Iterator

import numpy as np

from tf_elepose.data.rows import Rows
from tf_elepose.data.shard_manifest import Shard, ShardManifest
from tf_elepose.data.tfrecords import read_records


def read_shards(path: str | os.PathLike[str]) -> Iterator[Rows]:
    """The rows of the shards in the folder `path`, shard after shard.

    Raises:
      ValueError: one line with the file and the record: not a whole set, or damaged.
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


def read_shard(
    folder: pathlib.Path, manifest: ShardManifest, split: str, shard: Shard, wanted: np.ndarray | None = None
) -> Iterator[Rows]:
    """The rows of one shard of a split, or those whose ascending numbers are `wanted`, some thousands at a time.

    Raises:
      ValueError: as in `read_shards`.
    """
    where = f"shards {folder}: {shard.file}"
    rows = checksum = 0
    with open(folder / shard.file, "rb") as stream:
        for records, checksums in read_records(stream, where, manifest.longest):
            fields = manifest.unpack(records, where, first=rows)
            if wanted is not None:
                picked = wanted[(wanted >= rows) & (wanted < rows + len(records))] - rows
                fields = {name: values[picked] for name, values in fields.items()}
            rows += len(records)
            checksum = zlib.crc32(checksums.astype("<u4").tobytes(), checksum)
            yield rows_of(fields, manifest, split)
    if (rows, checksum) != (shard.rows, shard.crc32):
        raise ValueError(
            f"{where}: expected the {shard.rows} rows of this set; it holds {rows}, not all of them the same"
        )


def rows_of(fields: dict[str, np.ndarray], manifest: ShardManifest, split: str) -> Rows:
    """Rows of what `ShardManifest.unpack` says of records of a split."""
    known = set(np.unique(fields["camera"]).tolist()) <= set(manifest.image_sizes)
    visible = fields["visible"][..., np.newaxis]
    poses_2d = np.where(visible, fields["poses_2d"], np.float32(np.nan))
    others = {name: values for name, values in fields.items() if name not in ("visible", "poses_2d")}
    sizes = manifest.image_sizes if known else None
    return Rows(convention=manifest.skeleton, split=split, image_size=sizes, poses_2d=poses_2d, **others)
