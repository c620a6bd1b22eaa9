"""Reads input files as blocks: the formats, and how a file is cut into units that can be read independently."""

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
    """Settings of reading; frozen.

    Attributes:
      convention: of records that name none; None: every record must name one.
      poses_2d: for inputs with both, "gt", the best 2D poses they have, or "detected".
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
"""{suffix of a file's name: its reader}. A reader raises ValueError or OSError where it cannot read on."""


def input_files(patterns: Sequence[str]) -> list[str]:
    """The files that `patterns` match, in the order of their names; for a folder of shards, all that its manifest
    names.

    Raises:
      ValueError: a pattern without a match, or a file of no known format.
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
                # Missing and truncated shards too: they become dead letters, so nothing is left out silently.
                splits = ShardManifest.load(pathlib.Path(path), whole=False).splits
                found |= dict.fromkeys(os.path.join(path, shard.file) for shards in splits.values() for shard in shards)
            elif os.path.splitext(path)[1] in READERS:
                found[path] = None
            else:
                raise ValueError(f"--input={path}: expected {', '.join(READERS)}, or a folder of shards")
    return list(found)


def units(file: int, path: str) -> Iterator[Unit]:
    """The units of a file that workers can read in parallel: the row groups of Parquet, other files whole."""
    yield from parquet.groups(file, path) if path.endswith(".parquet") else [Unit(path, file)]


def blocks(unit: Unit, settings: ReadSettings) -> Iterator[Block]:
    """The blocks of a unit; where it cannot be read to its end, the last block has a dead letter with the reason."""
    for number, stretch in enumerate(merged(_cut(_readable(unit, settings), settings.part_rows), settings.part_rows)):
        yield Block(unit, number, stretch)


def _readable(unit: Unit, settings: ReadSettings) -> Iterator[Stretch]:
    read = READERS[os.path.splitext(unit.path)[1]]
    try:
        yield from read(unit, settings)
    except (ValueError, OSError, pa.ArrowException) as error:
        yield unreadable(f"the file cannot be read: {error}")


def _cut(stretches: Iterator[Stretch], rows: int) -> Iterator[Stretch]:
    """Cuts stretches into stretches of at most `rows` poses."""
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
