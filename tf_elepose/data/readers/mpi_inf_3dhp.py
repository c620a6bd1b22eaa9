"""`mpi_inf_3dhp`: MPI-INF-3DHP, its training sequences, its test set, or both, whichever the folder holds.

Training: S{1..8}/Seq{1,2}/annot.mat (MATLAB 5), for each of 14 cameras a cell of annot2 [F, 56], x and y px of 28
joints, annot3 [F, 84] and univ_annot3 [F, 84], x, y and z mm in the camera frame. Test: mpi_inf_3dhp_test_set/
TS{1..6}/annot_data.mat (HDF5), annot2 [N, 1, 17, 2], annot3 and univ_annot3 [N, 1, 17, 3], valid_frame [N, 1]. annot3
projects onto annot2; univ_annot3, which the official metric uses, is rescaled to a body of standard size and does not.

Frames are row numbers from 0. The test set has its own cameras: 14 for TS1 to TS4, 15 for TS5 and TS6.
Known defects: knees and ankles of TS6 differ between annot3 and univ_annot3; S4/Seq2, see `swap_flipped`.
"""

from __future__ import annotations

import os
import pathlib
from collections.abc import Iterator, Sequence

import numpy as np

from tf_elepose.data.parsers.hdf5 import Hdf5Reader
from tf_elepose.data.parsers.matlab import MatReader
from tf_elepose.data.rows import Rows
from tf_elepose.skeleton import conventions
from tf_elepose.skeleton.conversion import other_side

NUM_CAMERAS = 14
VNECT_CAMERAS = (0, 1, 2, 4, 5, 6, 7, 8)
"""The cameras that VNect trained on; 11 to 13 hang from the ceiling."""

_VALID_FRAMES = {
    "S1": (6416, 12430), "S2": (6502, 6081), "S3": (12488, 12283), "S4": (6171, 6675),
    "S5": (12820, 12312), "S6": (6188, 6145), "S7": (6239, 6320), "S8": (6468, 6054),
}  # fmt: skip
"""{subject: how many of the first rows of Seq1 and Seq2 are valid} (mpii_get_sequence_info.m)."""

_TRAINING_IMAGE = (2048, 2048)
_TEST_CAMERAS = {14: (2048, 2048), 15: (1920, 1080)}
_TEST_SCENES = {
    "TS1": ("green screen", 14), "TS2": ("green screen", 14), "TS3": ("no green screen", 14),
    "TS4": ("no green screen", 14), "TS5": ("outdoor", 15), "TS6": ("outdoor", 15),
}  # fmt: skip

_FLIPPED = ("S4", "Seq2", 3759, 5852)  # Frames in which left and right are said to be swapped; not proven.


def read_mpi_inf_3dhp(
    path: str | os.PathLike[str],
    *,
    cameras: Sequence[int] = VNECT_CAMERAS,
    universal: bool = False,
    swap_flipped: bool = False,
) -> Iterator[Rows]:
    """Yields the rows of the folder at `path`, a part for each training camera and test sequence.

    Args:
      path: of the folder that holds S1 and so on, mpi_inf_3dhp_test_set, or both.
      cameras: of the training set, 0 to 13.
      universal: take univ_annot3 as ground truth.
      swap_flipped: swap left and right in frames 3759 to 5852 of S4/Seq2.

    Raises:
      ValueError: one line with the file, the field, what was expected and what it holds.
    """
    root, where = pathlib.Path(path), f"mpi_inf_3dhp folder {os.fspath(path)}"
    if not root.is_dir():
        raise ValueError(f"{where}: no such folder")
    chosen = [camera for camera in range(NUM_CAMERAS) if isinstance(cameras, (list, tuple)) and camera in cameras]
    if not chosen or any(camera not in chosen for camera in cameras):
        raise ValueError(f"{where}: cameras: expected some of 0 to {NUM_CAMERAS - 1}; got {cameras!r}")
    training = [root / s / f"Seq{q}" / "annot.mat" for s in _VALID_FRAMES for q in (1, 2)]
    test = [root / "mpi_inf_3dhp_test_set" / name / "annot_data.mat" for name in _TEST_SCENES]
    training, test = [file for file in training if file.exists()], [file for file in test if file.exists()]
    if not training and not test:
        raise ValueError(
            f"{where}: expected S1/Seq1/annot.mat or mpi_inf_3dhp_test_set/TS1/annot_data.mat or others like them in "
            "it; found none"
        )
    truth, count = "univ_annot3" if universal else "annot3", len(training) + len(test)
    for number, file in enumerate(training):
        yield from _training_rows(file, chosen, truth, swap_flipped, number / count, 1 / count)
    for number, file in enumerate(test, start=len(training) + 1):
        yield _test_rows(file, truth, number / count)


def _training_rows(
    file: pathlib.Path, cameras: Sequence[int], truth: str, swap_flipped: bool, before: float, share: float
) -> Iterator[Rows]:
    convention = conventions.get_convention("mpi3dhp_28")
    joints = convention.num_joints
    subject, clip = file.parts[-3:-1]
    usable = _VALID_FRAMES[subject][int(clip[-1]) - 1]
    with MatReader(file, "mpi_inf_3dhp file") as reader:
        cells_2d, cells_3d = reader.variable("annot2"), reader.variable(truth)
    for cells in (cells_2d, cells_3d):
        if cells.kind != "cell" or cells.size != NUM_CAMERAS:
            raise ValueError(
                f"{cells.where}: expected a cell of {NUM_CAMERAS} cameras; got {cells.kind} {list(cells.shape)}"
            )
    views = list(zip(cells_2d.cells(), cells_3d.cells(), strict=True))
    unchosen = sum(poses.shape[0] for camera, (poses, _) in enumerate(views) if camera not in cameras)
    for number, camera in enumerate(cameras, start=1):
        flat_2d, flat_3d = views[camera]
        n = flat_2d.shape[0]
        for value, shape in ((flat_2d, (n, joints * 2)), (flat_3d, (n, joints * 3))):
            if value.shape != shape:
                raise ValueError(f"{value.where}: expected {list(shape)}; got {list(value.shape)}")
        poses_2d, poses_3d = (
            np.array(flat.numbers()[:usable], order="C").reshape(-1, joints, d)  # Order: x1, y1, x2, y2 and so on.
            for flat, d in ((flat_2d, 2), (flat_3d, 3))
        )
        frame = np.arange(len(poses_2d))
        if swap_flipped and (subject, clip) == _FLIPPED[:2]:
            other = [convention.index(other_side(joint)) for joint in convention.joints]
            flipped = (frame >= _FLIPPED[2]) & (frame <= _FLIPPED[3])
            for poses in (poses_2d, poses_3d):
                poses[flipped] = poses[flipped][:, other]
        dropped = {"frames after the valid ones": n - len(frame), "from cameras not chosen": unchosen}
        unchosen = 0  # Counted once a file.
        yield Rows(
            convention=convention,
            poses_2d=poses_2d,
            poses_3d=poses_3d,
            subject=subject,
            clip=clip,
            camera=camera,
            frame=frame,
            image_size=_TRAINING_IMAGE,
            dropped={reason: count for reason, count in dropped.items() if count},
            done=before + share * number / len(cameras),
        )


def _test_rows(file: pathlib.Path, truth: str, done: float) -> Rows:
    convention = conventions.get_convention("mpi3dhp_17")
    joints, name = convention.num_joints, file.parts[-2]
    scene, camera = _TEST_SCENES[name]
    with Hdf5Reader(file, "mpi_inf_3dhp file") as reader:
        poses_2d = reader.numbers("annot2", (None, 1, joints, 2))
        n = len(poses_2d)
        poses_3d = reader.numbers(truth, (n, 1, joints, 3))
        valid = reader.numbers("valid_frame", (None, 1))[:, 0] > 0
        if len(valid) < n:
            raise ValueError(f"{reader.where}: valid_frame: expected at least {n} rows; got {len(valid)}")
    # The last frames of TS3 and TS4 are not annotated.
    dropped = {"frames marked invalid": int((~valid).sum()), "frames not annotated": int(valid[n:].sum())}
    kept = np.flatnonzero(valid[:n])
    return Rows(
        convention=convention,
        poses_2d=poses_2d[kept, 0],
        poses_3d=poses_3d[kept, 0],
        subject=name,
        action=scene,
        clip=name,
        camera=camera,
        frame=kept,
        split="test",
        image_size=_TEST_CAMERAS[camera],
        dropped={reason: count for reason, count in dropped.items() if count},
        done=done,
    )
