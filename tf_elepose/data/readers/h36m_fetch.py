"""`h36m_fetch`: the `processed` folder that anibali/h36m-fetch makes of Human3.6M.

Sx/Action-sub/annot.h5 holds the frames of all cameras one after the other: pose/2d [N, 32, 2] px, pose/3d [N, 32, 3] mm
in each camera's frame, pose/3d-univ, the poses scaled to a body of standard size, which do not project onto pose/2d;
camera [N], frame [N] from 1. h36m-fetch keeps a training frame when a joint has moved by 40 mm, and every 64th test
frame.
"""

from __future__ import annotations

import os
import pathlib
from collections.abc import Iterator, Sequence

import numpy as np

from tf_elepose.data.parsers.hdf5 import Hdf5Reader
from tf_elepose.data.readers.h36m_selection import Selection, selection
from tf_elepose.data.rows import Rows
from tf_elepose.skeleton import conventions

SUBJECTS = {
    "S1": "train", "S5": "train", "S6": "train", "S7": "train", "S8": "train", "S9": "test", "S11": "test"
}  # fmt: skip
"""{subject with published poses: split}, the split that nearly all papers use."""

CAMERAS = {54138969: (1000, 1002), 55011271: (1000, 1000), 58860488: (1000, 1000), 60457274: (1000, 1002)}
"""{camera's name: (width, height) px}; the cameras are numbered from 0 in this order."""


def read_h36m_fetch(
    path: str | os.PathLike[str],
    *,
    universal: bool = False,
    moved_mm: float = 0.0,
    subjects: str | Sequence[str] = (),
    cameras: int | Sequence[int] = (),
) -> Iterator[Rows]:
    """Yields the rows of the folder at `path`, one part for each file; the clip is "Action-sub", frames count from 1.

    Args:
      path: of the folder `processed`.
      universal: take pose/3d-univ as ground truth.
      moved_mm: a training frame is taken if a joint of pose/3d-univ has moved by this many mm, in the clip's first
        camera, since the last frame that was taken; 0 takes all frames. h36m-fetch has already applied 40 mm itself.
      subjects: names of the subjects to take, such as [S1, S9]; all when empty.
      cameras: names of the cameras to take, such as [54138969]; all when empty.

    Raises:
      ValueError: one line with the file, the field, what was expected and what it holds.
    """
    root, where = pathlib.Path(path), f"h36m_fetch folder {os.fspath(path)}"
    if not root.is_dir():
        raise ValueError(f"{where}: no such folder")
    files = sorted(root.glob("S*/*/annot.h5"))
    if not files:
        raise ValueError(f"{where}: expected files such as S1/Walking-1/annot.h5 in it; found none")
    if strangers := sorted({file.parts[-3] for file in files} - set(SUBJECTS)):
        raise ValueError(f"{where}: expected subjects {', '.join(SUBJECTS)}; got {strangers[0]!r}")
    wanted = selection(where, tuple(SUBJECTS), tuple(CAMERAS), subjects, cameras, moved_mm)
    files = [file for file in files if not wanted.subjects or file.parts[-3] in wanted.subjects]
    if not files:
        raise ValueError(f"{where}: holds none of the subjects {', '.join(wanted.subjects)}")
    for number, file in enumerate(files, start=1):
        yield _rows(file, universal, wanted, number / len(files))


def _rows(file: pathlib.Path, universal: bool, wanted: Selection, done: float) -> Rows:
    convention = conventions.get_convention("h36m_32")
    joints = convention.num_joints
    with Hdf5Reader(file, "h36m_fetch file") as archive:
        poses_2d = archive.numbers("pose/2d", (None, joints, 2))
        n = len(poses_2d)
        poses_3d = archive.numbers("pose/3d-univ" if universal else "pose/3d", (n, joints, 3))
        standard = archive.numbers("pose/3d-univ", (n, joints, 3)) if wanted.moved_mm else poses_3d
        names, frame = archive.integers("camera", (n,)), archive.integers("frame", (n,))
        where = archive.where
    if strange := np.flatnonzero(~np.isin(names, list(CAMERAS))).tolist():
        known = ", ".join(map(str, CAMERAS))
        raise ValueError(f"{where}: camera: expected one of {known}; row {strange[0]} holds {names[strange[0]]}")
    subject, clip = file.parts[-3:-1]
    camera = np.searchsorted(list(CAMERAS), names)  # CAMERAS is in ascending order.
    kept = np.isin(camera, wanted.cameras)
    if wanted.moved_mm and SUBJECTS[subject] == "train":
        first = np.flatnonzero(camera == camera[:1])
        in_order = first[np.argsort(frame[first], kind="stable")]
        kept &= np.isin(frame, frame[in_order[wanted.moved(standard[in_order])]])
    return Rows(
        convention=convention,
        poses_2d=poses_2d[kept],
        poses_3d=poses_3d[kept],
        subject=subject,
        action=clip.rpartition("-")[0] or clip,
        clip=clip,
        camera=camera[kept],
        frame=frame[kept],
        split=SUBJECTS[subject],
        image_size=dict(enumerate(CAMERAS.values())),
        dropped={} if kept.all() else {"of frames and cameras not taken": int((~kept).sum())},
        done=done,
    )
