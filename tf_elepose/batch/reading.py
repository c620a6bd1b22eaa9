"""From input files to blocks: which formats there are, and how a file is cut into parts that can be read alone."""

from __future__ import annotations

import dataclasses
import glob
import os
import pathlib
from collections.abc import Callable, Iterator, Sequence

import pyarrow as pa

from tf_elepose.batch import json_lines, parquet, views
from tf_elepose.batch.block import Block, Stretch, Unit, merged, unreadable
from tf_elepose.data.shards.manifest import MANIFEST, ShardManifest
from tf_elepose.skeleton.conversion import Convention


@dataclasses.dataclass(frozen=True)
class ReadSettings:
    """How inputs are read; frozen.

    Attributes:
      convention: whose joints the keypoints are of records that do not say it; None: they must.
      poses_2d: of inputs with both, "gt", the best 2D poses they have, or "detected".
      part_rows: poses in a block; a file's last block has fewer.
    """

    convention: Convention | None
    poses_2d: str
    part_rows: int


Reader = Callable[[Unit, ReadSettings], Iterator[Stretch]]

READERS: dict[str, Reader] = {
    ".tfrecord": lambda unit, settings: views.read_shard(unit, settings.poses_2d),
    ".npz": lambda unit, settings: views.read_views_file(unit, settings.poses_2d),
    ".parquet": lambda unit, settings: parquet.read_group(unit, settings.convention),
    ".jsonl": lambda unit, settings: json_lines.read_lines(unit, settings.convention),
    ".ndjson": lambda unit, settings: json_lines.read_lines(unit, settings.convention),
}
"""{what a file's name ends in: its reader}. A reader raises ValueError or OSError where it cannot go on."""


def input_files(patterns: Sequence[str]) -> list[str]:
    """The files that `patterns` name, in the order of their names; of a folder of shards, all its manifest names.

    Raises:
      ValueError: a pattern that nothing matches, or a file of no known format.
    """
    found: dict[str, None] = {}
    for pattern in patterns:
        matches = sorted(glob.glob(pattern, recursive=True))
        if not matches:
            raise ValueError(f"--input={pattern}: no such file")
        for path in map(os.path.abspath, matches):
            if os.path.basename(path) == MANIFEST:
                path = os.path.dirname(path)
            if os.path.isdir(path):
                # Missing and truncated ones too: those become dead letters, and nothing is left out silently.
                splits = ShardManifest.load(pathlib.Path(path), whole=False).splits
                found |= dict.fromkeys(os.path.join(path, shard.file) for shards in splits.values() for shard in shards)
            elif os.path.splitext(path)[1] in READERS:
                found[path] = None
            else:
                raise ValueError(f"--input={path}: expected {', '.join(READERS)}, or a folder of shards")
    return list(found)


def units(file: int, path: str) -> Iterator[Unit]:
    """What can be read of a file one beside the other: the row groups of Parquet, other files whole."""
    yield from parquet.groups(file, path) if path.endswith(".parquet") else [Unit(path, file)]


def blocks(unit: Unit, settings: ReadSettings) -> Iterator[Block]:
    """The blocks of a unit; where it cannot be read (on), the last one says so and why."""
    for number, stretch in enumerate(merged(_cut(_readable(unit, settings), settings.part_rows), settings.part_rows)):
        yield Block(unit, number, stretch)


def _readable(unit: Unit, settings: ReadSettings) -> Iterator[Stretch]:
    read = READERS[os.path.splitext(unit.path)[1]]
    try:
        yield from read(unit, settings)
    except (ValueError, OSError, pa.ArrowException) as error:
        yield unreadable(f"the file cannot be read: {error}")


def _cut(stretches: Iterator[Stretch], rows: int) -> Iterator[Stretch]:
    """Stretches of at most `rows` poses."""
    for stretch in stretches:
        if len(stretch) <= rows:
            yield stretch
            continue
        for first in range(0, len(stretch), rows):
            yield _slice(stretch, first, min(first + rows, len(stretch)), last=first + rows >= len(stretch))


def _slice(stretch: Stretch, first: int, end: int, *, last: bool) -> Stretch:
    parts = []
    for keypoints in stretch.keypoints:
        mine = (keypoints.rows >= first) & (keypoints.rows < end)
        if mine.any():
            trust = None if keypoints.confidence is None else keypoints.confidence[mine]
            rows, poses = keypoints.rows[mine] - first, keypoints.poses_2d[mine]
            parts.append(dataclasses.replace(keypoints, rows=rows, poses_2d=poses, confidence=trust))
    return Stretch(stretch.ids.slice(first, end - first), parts, stretch.letters if last else ())
