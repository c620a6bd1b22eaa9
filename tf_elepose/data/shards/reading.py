"""Reads the rows of one shard of a set, without TensorFlow."""

from __future__ import annotations

import pathlib
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from tf_elepose.data.identities import PERSON, TRACK
from tf_elepose.data.rows import Rows
from tf_elepose.data.shards.manifest import Shard, ShardManifest
from tf_elepose.data.shards.tfrecords import read_records


def read_shard(
    folder: pathlib.Path, manifest: ShardManifest, split: str, shard: Shard, wanted: np.ndarray | None = None
) -> Iterator[Rows]:
    """Yields the rows of one shard, or those whose ascending numbers are `wanted`, some thousands at a time.

    Raises:
      ValueError: the set is not whole, or damaged; one line with the file and the record.
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
    """The `Rows` of a split made from the fields that `ShardManifest.unpack` returns."""
    known = set(np.unique(fields["camera"]).tolist()) <= set(manifest.image_sizes)
    visible = fields["visible"][..., np.newaxis]
    poses_2d = np.where(visible, fields["poses_2d"], np.float32(np.nan))
    others: dict[str, Any] = {name: values for name, values in fields.items() if name not in ("visible", "poses_2d")}
    sizes = manifest.image_sizes if known else None
    # Rows are stored in random order, so people cannot be linked again: numbers that were places count as tracks.
    identity = PERSON if manifest.identity == PERSON else TRACK
    return Rows(manifest.skeleton, poses_2d, split=split, image_size=sizes, identity=identity, **others)
