"""The project's own formats for a batch job: shards of TFRecords, record by record, and views files."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from tf_elepose.batch.block import IDS, BlockKeypoints, DeadLetter, Stretch, Unit, unreadable
from tf_elepose.data.parsers.limits import opened
from tf_elepose.data.parsers.npz import NpzReader
from tf_elepose.data.readers.views import read_views
from tf_elepose.data.rows import Rows
from tf_elepose.data.shards.manifest import ShardManifest
from tf_elepose.data.shards.reading import rows_of
from tf_elepose.data.shards.tfrecords import read_sound_records


def read_views_file(unit: Unit, kind: str) -> Iterator[Stretch]:
    """Reads the rows of a views file.

    A wrong row and all rows after it become one dead letter.

    Raises:
      ValueError: the file is damaged or no views file; none of its rows is read.
    """
    with NpzReader(unit.path, "views file") as archive:
        # First: the checksums are at the members' ends, and rows are yielded before a reader reaches them.
        archive.require_sound()
        total = archive.declared("poses_2d")[0][0] if "poses_2d" in archive.names else 0
    first = 0
    try:
        for rows in read_views(unit.path):
            yield _stretch(rows, first + np.arange(len(rows.poses_2d)), kind, ())
            first += len(rows.poses_2d)
    except ValueError as error:
        if not first:
            raise
        yield unreadable(f"the file cannot be read on: {error}", first, total - first)


def read_shard(unit: Unit, kind: str) -> Iterator[Stretch]:
    """Reads the sound records of a shard; each other record becomes a dead letter, all missing records one together.

    Raises:
      ValueError: there is no manifest beside the shard, or it does not name the shard.
    """
    folder, file = pathlib.Path(unit.path).parent, os.path.basename(unit.path)
    manifest = ShardManifest.load(folder, whole=False)
    named = {shard.file: (split, shard) for split, shards in manifest.splits.items() for shard in shards}
    if file not in named:
        raise ValueError(f"shards {folder}: the manifest does not name {file}")
    split, shard = named[file]
    met = 0
    with opened(unit.path, f"shards {folder}: {file}") as stream:
        for records, numbers, problems in read_sound_records(stream, file, manifest.longest):
            fields, numbers, misshapen = _unpacked(manifest, records, numbers, file)
            letters = [DeadLetter(number, reason) for number, reason in {**problems, **misshapen}.items()]
            met = max([met, *(number + 1 for number in (*numbers.tolist(), *problems, *misshapen))])
            if fields is None:
                yield Stretch(IDS.empty_table(), letters=letters)
            else:
                yield _stretch(rows_of(fields, manifest, split), numbers, kind, letters)
    if met < shard.rows:
        reason = f"{file}: ends after {met} of the {shard.rows} records that the manifest tells of"
        yield Stretch(IDS.empty_table(), letters=[DeadLetter(met, reason, records=shard.rows - met)])


def _unpacked(
    manifest: ShardManifest, records: list[bytes], numbers: np.ndarray, where: str
) -> tuple[dict[str, np.ndarray] | None, np.ndarray, dict[int, str]]:
    """The fields of the records that are rows of this set, or None; their numbers; {number: reason} of the others."""
    if not records:
        return None, numbers, {}
    try:
        return manifest.unpack(records, where, first=int(numbers[0])), numbers, {}
    except ValueError:  # Unpacked one by one to find the wrong records.
        problems: dict[int, str] = {}
        for number, record in zip(numbers.tolist(), records, strict=True):
            try:
                manifest.unpack([record], where, first=number)
            except ValueError as error:
                problems[number] = str(error)
        sound = ~np.isin(numbers, list(problems))
        kept = [record for record, whole in zip(records, sound, strict=True) if whole]
        return (manifest.unpack(kept, where) if kept else None), numbers[sound], problems


def _stretch(rows: Rows, numbers: np.ndarray, kind: str, letters: list[DeadLetter] | tuple[()]) -> Stretch:
    """A stretch of `rows`, with the 2D poses that `kind` names. Confidences belong to the detections where there
    are any, as in `Recording.keypoints` and `Recording.seen`.
    """
    n, both = len(numbers), rows.poses_2d_detected is not None
    if kind == "detected" and not both and rows.confidence is None:
        raise ValueError("has no detected 2D poses; use --poses_2d=gt")
    if kind == "detected" and both:
        poses, convention = rows.poses_2d_detected, rows.detected_convention or rows.convention
    else:
        poses, convention = rows.poses_2d, rows.convention
    trust = rows.confidence if kind == "detected" or not both else None
    known = {"row": numbers, "id": pa.nulls(n, pa.string()), "person": 0 if rows.person is None else rows.person}
    known |= {name: getattr(rows, name) for name in ("subject", "clip", "camera", "frame")}
    columns = [
        value if isinstance(value, pa.Array) else pa.array(np.broadcast_to(value, n), IDS.field(name).type)
        for name, value in ((name, known[name]) for name in IDS.names)
    ]
    trusted = None if trust is None else np.asarray(trust, np.float32)
    keypoints = BlockKeypoints(convention, np.arange(n), np.asarray(poses, np.float32), trusted)
    return Stretch(pa.table(columns, schema=IDS), [keypoints], letters)
