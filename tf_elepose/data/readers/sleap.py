"""`sleap`: the analysis csv that SLEAP exports, with one line for each instance.

Columns are track, frame_idx, instance.score and, for each node of the skeleton, NODE.x, NODE.y, NODE.score, in px
(SLEAP sleap/info/write_tracking_h5.py and sleap_io/io/csv.py). Cells of a node that is not visible are empty. Instances
that were labelled by hand have no scores. Tracks are people; without tracking, the cells of track are empty.
"""

from __future__ import annotations

import collections
import math
import os
from collections.abc import Iterator

import numpy as np
from absl import logging

from tf_elepose.data.identities import PERSON, PLACE
from tf_elepose.data.parsers.delimited import cells_of, delimiter_of, number_of, read_line, read_lines
from tf_elepose.data.parsers.limits import listed, opened, share_read, unpacked_name
from tf_elepose.data.readers.keypoint_lists import text
from tf_elepose.data.readers.node_columns import Line, NodeColumns
from tf_elepose.data.readers.table_labels import REPEATED
from tf_elepose.data.readers.videopose3d import video_name
from tf_elepose.data.rows import Rows
from tf_elepose.skeleton.conversion import Convention

_TRACK, _FRAME, _SCORE, _VIDEO = "track", "frame_idx", "instance.score", "video"
_PART = 4096
_LARGEST_FRAME = 2**31 - 1


def is_sleap(columns: list[str]) -> bool:
    """Whether the header of a table is that of SLEAP."""
    return _FRAME in columns and any(name.endswith(".x") for name in columns)


def read_sleap(path: str | os.PathLike[str], *, convention: str | None = None) -> Iterator[Rows]:
    """Yields the rows of the csv file at `path`, some thousands at a time.

    The clip is the file's name without .analysis, or the video's where there is a column of that name. Tracks are
    numbered in the order in which they appear, and the number of a track is that of the person; without a track, it is
    the place among the instances of the frame.

    Args:
      path: of the file.
      convention: of the nodes; without it, their names decide.

    Raises:
      ValueError: there is no such file, or the table is wrong; the message names the line of the file.
    """
    where = f"SLEAP file {os.fspath(path)}"
    clip = text(unpacked_name(path).stem.removesuffix(".analysis"), f"{where}: its name")
    with opened(path, where) as stream:
        header = read_line(stream, where, 1)
        delimiter = delimiter_of(header or "")
        columns = [name.strip() for name in cells_of(header or "", delimiter, f"{where}: line 1")]
        if not is_sleap(columns):
            raise ValueError(
                f"{where}: line 1: expected {_TRACK}, {_FRAME}, NODE.x, NODE.y; got {listed(dict.fromkeys(columns))}"
            )
        table = _Table(columns, convention, where)
        lines: list[Line] = []
        for number, line in read_lines(stream, where, 2):
            lines.append((number, cells_of(line, delimiter, f"{where}: line {number}")))
            if len(lines) == _PART:
                yield table.rows(lines, clip, share_read(stream))
                lines = []
        if lines:
            yield table.rows(lines, clip, 1.0)


class _Table:
    """The columns of a file, and the people seen in it so far."""

    def __init__(self, columns: list[str], convention: str | None, where: str) -> None:
        if twice := sorted({name for name in columns if name and columns.count(name) > 1}):
            raise ValueError(f"{where}: line 1: {listed(twice)}: given twice")
        nodes: dict[str, dict[str, int]] = {}
        unread = []
        for place, column in enumerate(columns):
            node, dot, axis = column.rpartition(".")
            if dot and axis in ("x", "y", "score") and column != _SCORE:
                nodes.setdefault(node, {})[axis] = place
            elif column not in (_TRACK, _FRAME, _SCORE, _VIDEO, ""):
                unread.append(column)
        if unread:
            logging.warning("%s: not read: %s", where, listed(unread))
        self._nodes = NodeColumns(nodes, "score", f"{where}: line 1")
        self._convention: Convention = self._nodes.convention(convention, f"{where}: line 1")
        self._at = {name: columns.index(name) for name in (_TRACK, _FRAME, _SCORE, _VIDEO) if name in columns}
        self._count, self._where = len(columns), where
        self._tracks: dict[str, int] = {}
        self._met: set[tuple[str, int, int]] = set()
        self._untracked: collections.Counter[tuple[str, int]] = collections.Counter()

    def rows(self, lines: list[Line], clip: str, done: float) -> Rows:
        """Returns the rows of the next lines."""
        clips, frames, people, tracked, scores, kept = [], [], [], [], [], []
        for number, cells in lines:
            what = f"{self._where}: line {number}"
            if len(cells) != self._count:
                raise ValueError(f"{what}: expected {self._count} columns as in line 1; got {len(cells)}")
            frame = number_of(cells[self._at[_FRAME]], f"{what}: {_FRAME}")
            if not (0 <= frame <= _LARGEST_FRAME and frame.is_integer()):
                raise ValueError(f"{what}: {_FRAME}: expected an integer from 0; got {cells[self._at[_FRAME]][:40]!r}")
            track, video = (cells[self._at[name]].strip() if name in self._at else "" for name in (_TRACK, _VIDEO))
            within = _video_clip(text(video, f"{what}: {_VIDEO}")) if video else clip
            if track:
                person = self._tracks.setdefault(text(track, f"{what}: {_TRACK}"), len(self._tracks))
                if (place := (within, int(frame), person)) in self._met:
                    continue  # The same person cannot be at two places.
                self._met.add(place)
            else:
                person = self._untracked[within, int(frame)]
                self._untracked[within, int(frame)] += 1
            kept.append((number, cells))
            clips.append(within)
            frames.append(int(frame))
            people.append(person)
            tracked.append(bool(track))
            score = number_of(cells[self._at[_SCORE]], f"{what}: {_SCORE}") if _SCORE in self._at else 1.0
            scores.append(1.0 if math.isnan(score) else score)
        places, confidence = self._nodes.read(kept, self._where)
        joints = self._convention.num_joints
        return Rows(
            self._convention,
            places[:, :joints],
            confidence=None if confidence is None else confidence[:, :joints],
            subject=clip,
            clip=np.array(clips, np.str_),
            frame=np.array(frames, np.int64),
            person=np.array(people, np.int64),
            identity=np.where(tracked, PERSON, PLACE),
            score=np.array(scores),
            dropped={REPEATED: len(lines) - len(kept)} if len(kept) < len(lines) else {},
            done=done,
        )


def _video_clip(path: str) -> str:
    """Returns the clip of a video: the name of its file."""
    return video_name(path.replace("\\", "/").rpartition("/")[2]) or path
