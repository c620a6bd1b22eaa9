"""`skipose`: SkiPose-PTZ, alpine skiers seen by six cameras that pan, tilt and zoom.

{train,test}/labels.h5 has one row for each image of 256 x 256 px: seq, cam (0 to 5), frame, subj; 2D [34], x and y of
17 joints in shares of the image; 3D [51] m in the camera frame, from the root; R_cam_2_world [9], cam_position [3] m.
ski_centers.csv, where it exists, has the root's position in the world: lines of seq, frame, x, y, z (m) separated by
spaces. Joints are those of h36m_17 (TransFusion, multiview_skipose.py).
"""

from __future__ import annotations

import os
import pathlib
from collections.abc import Iterator

import numpy as np

from tf_elepose.data.parsers.hdf5 import Hdf5Reader
from tf_elepose.data.rows import Rows
from tf_elepose.skeleton import conventions
from tf_elepose.skeleton.conversion import other_side

_IMAGE_PX = 256
_MM = 1000.0
_LEG = ("hip", "knee", "ankle")
_MAX_CENTERS_BYTES = 64 * 2**20  # The real file has half a megabyte.

Centers = dict[tuple[int, int], tuple[float, float, float]]


def read_skipose(path: str | os.PathLike[str], *, swap_legs: bool = False) -> Iterator[Rows]:
    """Yields the rows of the folder at `path`, a part for each split; clip is "seq_000" and so on.

    poses_3d are in the camera frame; without ski_centers.csv they are relative to the root.

    Args:
      path: of the folder Ski-PosePTZ-CameraDataset-png.
      swap_legs: swap left and right legs in 2D and 3D. According to another public loader (DAPA,
        parse_data_from_ski.py) they are swapped in the labels.

    Raises:
      ValueError: one line with the file, the field, what was expected and what it holds.
    """
    root, where = pathlib.Path(path), f"skipose folder {os.fspath(path)}"
    if not root.is_dir():
        raise ValueError(f"{where}: no such folder")
    files = {split: root / split / "labels.h5" for split in ("train", "test")}
    files = {split: file for split, file in files.items() if file.exists()}
    if not files:
        raise ValueError(f"{where}: expected train/labels.h5 or test/labels.h5 in it; found neither")
    centers_file = root / "ski_centers.csv"
    centers = _centers(centers_file) if centers_file.exists() else None
    for number, (split, file) in enumerate(files.items(), start=1):
        yield _rows(file, split, centers, swap_legs, number / len(files))


def _rows(file: pathlib.Path, split: str, centers: Centers | None, swap_legs: bool, done: float) -> Rows:
    convention = conventions.get_convention("h36m_17")
    joints = convention.num_joints
    with Hdf5Reader(file, "skipose file") as archive:
        n = archive.declared("2D")[0][:1]
        shares = archive.numbers("2D", (*n, joints * 2)).reshape(-1, joints, 2)
        metres = archive.numbers("3D", (*n, joints * 3)).reshape(-1, joints, 3)
        clip, camera, frame, subject = (archive.integers(name, n) for name in ("seq", "cam", "frame", "subj"))
        if centers is not None:
            to_world = archive.numbers("R_cam_2_world", (*n, 9)).reshape(-1, 3, 3)
            position = archive.numbers("cam_position", (*n, 3))
            roots = _roots(centers, clip, frame, archive.where)
            with np.errstate(over="ignore", invalid="ignore"):  # The transpose rotates from the world to the camera.
                metres = metres + np.einsum("nji,nj->ni", to_world, roots - position)[:, np.newaxis]
    with np.errstate(over="ignore", invalid="ignore"):  # `assemble` refuses numbers that are too large.
        poses_2d, poses_3d = shares * np.float32(_IMAGE_PX), metres * np.float32(_MM)
    if swap_legs:
        partners = [other_side(joint) if joint[2:] in _LEG else joint for joint in convention.joints]
        order = [convention.index(joint) for joint in partners]
        poses_2d, poses_3d = poses_2d[:, order], poses_3d[:, order]
    return Rows(
        convention=convention,
        poses_2d=poses_2d,
        poses_3d=poses_3d,
        subject=np.char.mod("S%d", subject),
        action="skiing",
        clip=np.char.mod("seq_%03d", clip),
        camera=camera,
        frame=frame,
        split=split,
        image_size=(_IMAGE_PX, _IMAGE_PX),
        done=done,
    )


def _roots(centers: Centers, clip: np.ndarray, frame: np.ndarray, where: str) -> np.ndarray:
    """The root's position [n, 3] m, world, for every row."""
    roots = [centers.get(key) for key in zip(clip.tolist(), frame.tolist(), strict=True)]
    if None in roots:
        row = roots.index(None)
        raise ValueError(f"{where}: ski_centers.csv has no line for row {row}, seq {clip[row]} frame {frame[row]}")
    return np.array(roots, np.float64).reshape(-1, 3)


def _centers(file: pathlib.Path) -> Centers:
    """Reads {(seq, frame): the root's position in the world, m}."""
    where = f"skipose file {file}"
    if not file.is_file() or file.stat().st_size > _MAX_CENTERS_BYTES:
        raise ValueError(f"{where}: expected a file of at most {_MAX_CENTERS_BYTES} bytes")
    centers: Centers = {}
    with file.open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                sequence, frame, x, y, z = map(float, line.split())
                key = int(sequence), int(frame)
            except (ValueError, OverflowError):
                raise ValueError(f"{where}: line {number}: expected seq frame x y z; got {line[:60]!r}") from None
            centers[key] = x, y, z
    return centers
