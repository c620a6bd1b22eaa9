"""`h36m`: Human3.6M as VideoPose3D's scripts write it, a folder with data_3d_h36m.npz and its 2D companions.

data_3d_h36m.npz: positions_3d, a pickled {subject: {action: [T, 32, 3] m, world, 50 Hz}}. data_2d_h36m_NAME.npz:
positions_2d, a pickled {subject: {action: [camera: [T', K, 2] px]}}, and metadata, a pickled {num_joints: K,
keypoints_symmetry: [left, right]}, where the generic script has added layout_name. Layouts and facts: VideoPose3D
data/prepare_data_h36m.py, data/data_utils.py and run.py.

Training subjects are S1, S5, S6, S7 and S8, test subjects S9 and S11.
"""

from __future__ import annotations

import os
import pathlib
import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tf_elepose.data.parsers.pickled_npz import PickledNpz, described
from tf_elepose.data.readers.h36m_cameras import CAMERA_IDS, LENSES, STANDS, project, to_camera
from tf_elepose.data.readers.h36m_selection import Selection, selection
from tf_elepose.data.readers.videopose3d_layout import layout_of
from tf_elepose.data.rows import Rows
from tf_elepose.skeleton import conventions
from tf_elepose.skeleton.conversion import Convention

TEST_SUBJECTS = ("S9", "S11")

_H36M_32 = conventions.get_convention("h36m_32")
_RENAMED = {"TakingPhoto": "Photo", "WalkingDog": "WalkDog"}  # Old name: name in all newer files.
_NUMBER = re.compile(r" \d+$")


def read_h36m(
    path: str | os.PathLike[str],
    *,
    detections: str | None = None,
    every: int = 1,
    train_every: int | None = None,
    test_every: int | None = None,
    moved_mm: float = 0.0,
    subjects: str | Sequence[str] = (),
    cameras: int | Sequence[int] = (),
) -> Iterator[Rows]:
    """Yields the rows of the folder at `path`, an action at a time.

    2D poses come from data_2d_h36m_gt.npz; without that file, they are the 3D poses projected as in VideoPose3D.

    Args:
      path: of the folder.
      detections: NAME of the data_2d_h36m_NAME.npz with the detected poses, for example cpn_ft_h36m_dbb. Frames after
        the last 3D pose are left out.
      every: takes every nth frame, starting with the first.
      train_every, test_every: override `every` for training and for test subjects; ElePose tests on every 64th frame.
      moved_mm: a training frame is taken if a joint has moved by this many mm since the last frame that was taken, as
        in h36m-fetch (40); 0 takes all frames.
      subjects: names of the subjects to take, such as [S1, S9]; all when empty.
      cameras: names of the cameras to take, such as [54138969]; all when empty.

    Raises:
      ValueError: a file is missing, damaged or of another form, or contains code; detections do not fit.
    """
    folder = pathlib.Path(path)
    steps = {"train": train_every or every, "test": test_every or every}
    for name, step in {"every": every, "train_every": train_every, "test_every": test_every}.items():
        if step is not None and (not isinstance(step, int) or step < 1):
            raise ValueError(f"h36m {folder}: {name}: expected an integer from 1; got {step!r}")
    wanted = selection(f"h36m {folder}", tuple(STANDS), [int(name) for name in CAMERA_IDS], subjects, cameras, moved_mm)
    if not folder.is_dir():
        raise ValueError(f"h36m {folder}: no such folder")
    positions, where = _positions(folder / "data_3d_h36m.npz", "positions_3d")
    truth_file = folder / "data_2d_h36m_gt.npz"
    truth = _Poses2D(truth_file) if truth_file.exists() else None
    detected = None if detections is None else _Poses2D(folder / f"data_2d_h36m_{detections}.npz")
    clips = [
        (subject, clip)
        for subject, clips in positions.items()
        if not wanted.subjects or subject in wanted.subjects
        for clip in clips
    ]
    if not clips:
        raise ValueError(f"{where}: positions_3d: expected subjects with actions; got none")
    dropped = {} if detected is None else detected.without(clips)
    for place, (subject, clip) in enumerate(clips):
        array = _poses(positions[subject][clip], (_H36M_32.num_joints, 3), f"{where}: {subject} {clip}")
        if subject not in STANDS:
            _count(dropped, "of subjects without cameras", len(wanted.cameras) * len(array))
        elif (subject, _action(clip, number=True)) == ("S11", "Directions"):  # Its video is corrupt.
            _count(dropped, "of S11 Directions", len(wanted.cameras) * len(array))
        elif len(array):
            split = "test" if subject in TEST_SUBJECTS else "train"
            frames = np.arange(0, len(array), steps[split])
            if split == "train":
                frames = frames[wanted.moved(1000.0 * array[frames])]
            _count(dropped, "between the frames taken", len(wanted.cameras) * (len(array) - len(frames)))
            with np.errstate(over="ignore", invalid="ignore"):  # `assemble` refuses numbers that are too large.
                views = _views(array, frames, subject, clip, truth, detected, wanted)
            yield Rows(
                **views,
                subject=subject,
                action=_action(clip),
                clip=clip,
                split=split,
                image_size={camera: lens.image_size for camera, lens in enumerate(LENSES)},
                dropped=dropped,
                done=(place + 1) / len(clips),
            )
            dropped = {}
    if dropped:
        yield Rows(_H36M_32, np.zeros((0, 32, 2), np.float32), "", "", 0, dropped=dropped, done=1.0)


class _Poses2D:
    """The 2D poses in one file data_2d_h36m_NAME.npz.

    Attributes:
      convention: the convention of its joints.
    """

    def __init__(self, path: pathlib.Path) -> None:
        if not path.is_file():
            here = sorted(file.name for file in path.parent.glob("data_2d_h36m_*.npz"))
            raise ValueError(
                f"h36m file {path}: no such file; the folder holds {', '.join(here[:20]) or 'no 2D poses'}"
            )
        positions, self._where = _positions(path, "positions_2d")
        self._clips = {
            s: {_action(clip, number=True): poses for clip, poses in c.items()} for s, c in positions.items()
        }
        self.convention = _layout(path)

    def view(self, subject: str, clip: str, camera: int, length: int) -> np.ndarray:
        """The first `length` poses of a clip seen by one camera, [length, K, 2] px."""
        what = f"{self._where}: {subject} {clip}"
        poses = self._clips.get(subject, {}).get(_action(clip, number=True))
        if poses is None:
            raise ValueError(f"{what}: missing; data_3d_h36m.npz has it")
        if not isinstance(poses, (list, tuple, np.ndarray)) or len(poses) != len(CAMERA_IDS):
            raise ValueError(f"{what}: expected poses of {len(CAMERA_IDS)} cameras; got {described(poses)}")
        array = _poses(poses[camera], (self.convention.num_joints, 2), f"{what}, camera {CAMERA_IDS[camera]}")
        if len(array) < length:
            raise ValueError(
                f"{what}, camera {CAMERA_IDS[camera]}: {len(array)} frames, fewer than the {length} of the 3D poses"
            )
        return array[:length]

    def without(self, clips: list[tuple[str, str]]) -> dict[str, int]:
        """Counts the poses of this file that belong to none of `clips`, by reason."""
        known = {(subject, _action(clip, number=True)) for subject, clip in clips}
        dropped: dict[str, int] = {}
        for subject, actions in self._clips.items():
            for action, poses in actions.items():
                if (subject, action) not in known and isinstance(poses, (list, tuple)):
                    count = sum(len(view) for view in poses if isinstance(view, np.ndarray) and view.ndim)
                    _count(dropped, "detected without 3D poses", count)
        return dropped


def _views(
    array: np.ndarray,
    frames: np.ndarray,
    subject: str,
    clip: str,
    truth: _Poses2D | None,
    detected: _Poses2D | None,
    wanted: Selection,
) -> dict[str, Any]:
    """The fields of `Rows` for `frames` of an action's world poses `array` [T, 32, 3] m, camera by camera."""
    cameras = wanted.cameras
    poses_3d = [to_camera(STANDS[subject][camera], 1000.0 * array[frames].astype(np.float64)) for camera in cameras]
    if truth is None:
        poses_2d = [project(LENSES[camera], poses) for camera, poses in zip(cameras, poses_3d, strict=True)]
    else:
        poses_2d = [truth.view(subject, clip, camera, len(array))[frames] for camera in cameras]
    fields: dict[str, Any] = {
        "convention": _H36M_32 if truth is None else truth.convention,
        "poses_2d": np.concatenate(poses_2d).astype(np.float32),
        "convention_3d": _H36M_32,
        "poses_3d": np.concatenate(poses_3d).astype(np.float32),
        "camera": np.repeat(cameras, len(frames)),
        "frame": np.tile(frames, len(cameras)),
        "elevation": np.repeat([STANDS[subject][camera].elevation for camera in cameras], len(frames)).astype(
            np.float32
        ),
    }
    if detected is not None:
        views = [detected.view(subject, clip, camera, len(array))[frames] for camera in cameras]
        fields |= {"poses_2d_detected": np.concatenate(views), "detected_convention": detected.convention}
    return fields


def _positions(path: pathlib.Path, field: str) -> tuple[dict[str, dict[str, Any]], str]:
    """The poses {subject: {clip: poses}} in `field` of the file, and what messages call the file."""
    with PickledNpz(path, "h36m file") as archive:
        positions, where = archive.plain(field), archive.where
    for actions in _texts(positions, f"{where}: {field}").values():
        _texts(actions, f"{where}: {field}")
    return positions, where


def _texts(values: Any, what: str) -> dict[str, Any]:
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise ValueError(f"{what}: expected poses by subject and action; got {described(values)}")
    return values


def _layout(path: pathlib.Path) -> Convention:
    """The convention of a file's joints, by its metadata."""
    with PickledNpz(path, "h36m file") as archive:
        return layout_of(archive.plain("metadata"), f"{archive.where}: metadata")


def _poses(array: Any, tail: tuple[int, int], what: str) -> np.ndarray:
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiu" or array.shape[1:] != tail or array.ndim != 3:
        raise ValueError(f"{what}: expected numbers [T, {tail[0]}, {tail[1]}]; got {described(array)}")
    return array


def _action(clip: str, number: bool = False) -> str:
    """The action of a clip under its name in newer files: "Walking 1" gives "Walking", or with `number` "Walking 1"."""
    action = _NUMBER.sub("", clip)
    renamed = _RENAMED.get(action, action)
    return renamed + clip[len(action) :] if number else renamed


def _count(dropped: dict[str, int], reason: str, count: int) -> None:
    if count:
        dropped[reason] = dropped.get(reason, 0) + count
