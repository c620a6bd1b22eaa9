"""`3dpw`: 3DPW, its folder sequenceFiles with {train,validation,test}/*.pkl.

A file is a sequence: a Python 2 pickle with, for each person, jointPositions [N, 72] m in the world (the 24 joints of
SMPL), poses2d [N, 3, 18] (rows x px, y px, confidence of OpenPose's 18 joints) and campose_valid [N]; for the camera
cam_poses [N, 4, 4] from world to camera and cam_intrinsics [3, 3]; and img_frame_ids [N]. Layout: the data set's
documentation, SPIN datasets/preprocess/pw3d.py.

poses_2d are the projected 3D joints, because OpenPose's joints are at other places of the body. ElePose was tested on
projected joints, too. The validation sequences are left out, unless the option `validation` puts them into a split.
"""

from __future__ import annotations

import os
import pathlib
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from tf_elepose.data.parsers.limits import unpacked_name
from tf_elepose.data.parsers.pickle import load_pickle
from tf_elepose.data.recording import SPLITS
from tf_elepose.data.rows import Rows
from tf_elepose.skeleton import conventions

_FOLDERS = ("train", "validation", "test")
_SMPL, _OPENPOSE = conventions.get_convention("smpl_24"), conventions.get_convention("openpose_coco_18")
_NUMBER = re.compile(r"_\d+$")
_LARGEST_IMAGE_PX = 20_000


def read_3dpw(path: str | os.PathLike[str], *, validation: str = "out") -> Iterator[Rows]:
    """Yields the rows of the sequences under the folder at `path`, a person of a sequence at a time.

    Frames whose camera is marked as invalid are left out. In frames where OpenPose missed the person, no detected joint
    is known.

    Args:
      path: of the folder.
      validation: split that the validation sequences belong to, train or test; out leaves them out.

    Raises:
      ValueError: there are no sequences, or a file is damaged, of another form, or contains code.
    """
    folder = pathlib.Path(path)
    if validation not in ("out", *SPLITS):
        raise ValueError(f"3dpw {folder}: validation: expected out, {' or '.join(SPLITS)}; got {validation!r}")
    splits = {name: validation if name == "validation" else name for name in _FOLDERS}
    files = [
        (split, file)
        for name, split in splits.items()
        if split in SPLITS
        for file in sorted((folder / name).glob("*.pkl*"))
        if unpacked_name(file).suffix == ".pkl"
    ]
    if not folder.is_dir():
        raise ValueError(f"3dpw {folder}: no such folder")
    if not files:
        raise ValueError(f"3dpw {folder}: expected {', '.join(f'{name}/*.pkl' for name in _FOLDERS)}; found none")
    for place, (split, file) in enumerate(files):
        for rows in _people(file, split):
            yield Rows(**rows, done=(place + 1) / len(files))


def _people(file: pathlib.Path, split: str) -> Iterator[dict[str, Any]]:
    """Yields the fields of `Rows` of every person in a sequence file."""
    sequence, where = load_pickle(file, "3dpw file"), f"3dpw file {file}"
    if not isinstance(sequence, dict):
        raise ValueError(f"{where}: expected a dict of fields; got {type(sequence).__name__}")
    name = _field(sequence, "sequence", str, where)
    people = [_field(sequence, field, list, where) for field in ("jointPositions", "poses2d", "campose_valid")]
    if len({len(lists) for lists in people}) != 1:
        counts = ", ".join(str(len(lists)) for lists in people)
        raise ValueError(f"{where}: jointPositions, poses2d, campose_valid: of {counts} people; expected equally many")
    frames = _numbers(sequence.get("img_frame_ids"), (None,), f"{where}: img_frame_ids")
    if frames.dtype.kind not in "iu":
        raise ValueError(f"{where}: img_frame_ids: expected integers; got {frames.dtype}")
    poses = _numbers(sequence.get("cam_poses"), (len(frames), 4, 4), f"{where}: cam_poses")
    intrinsics = _numbers(sequence.get("cam_intrinsics"), (3, 3), f"{where}: cam_intrinsics")
    size = _image_size(intrinsics, f"{where}: cam_intrinsics")
    for person, (joints, found, valid) in enumerate(zip(*people, strict=True)):
        whose = f"of person {person}"
        joints = _numbers(joints, (len(frames), 3 * _SMPL.num_joints), f"{where}: jointPositions {whose}")
        found = _numbers(found, (len(frames), 3, _OPENPOSE.num_joints), f"{where}: poses2d {whose}")
        valid = _numbers(valid, (len(frames),), f"{where}: campose_valid {whose}") == 1
        with np.errstate(all="ignore"):  # `assemble` refuses numbers that are too large.
            poses_3d = _in_camera(joints.reshape(-1, _SMPL.num_joints, 3)[valid], poses[valid])
            poses_2d = _projected(poses_3d, intrinsics)
        yield {
            "convention": _SMPL,
            "poses_2d": poses_2d,
            "poses_3d": poses_3d,
            "poses_2d_detected": found[valid, :2].swapaxes(1, 2),
            "detected_convention": _OPENPOSE,
            "confidence": found[valid, 2],
            "subject": name,
            "action": _NUMBER.sub("", name),
            "clip": name,
            "frame": frames[valid],
            "person": person,
            "split": split,
            "image_size": size,
            "dropped": {"in frames marked invalid": int((~valid).sum())} if not valid.all() else {},
        }


def _in_camera(joints: np.ndarray, poses: np.ndarray) -> np.ndarray:
    """Transforms world `joints` [n, J, 3] m into the frames of cameras `poses` [n, 4, 4]: R X + t, [n, J, 3] mm."""
    poses = poses.astype(np.float64)
    turned = np.einsum("nij,nkj->nki", poses[:, :3, :3], joints.astype(np.float64))
    return (1000.0 * (turned + poses[:, np.newaxis, :3, 3])).astype(np.float32)


def _projected(poses: np.ndarray, intrinsics: np.ndarray) -> np.ndarray:
    """Projects `poses` [n, J, 3] in the camera frame to [n, J, 2] px; NaN for joints not in front of the camera."""
    image = poses.astype(np.float64) @ intrinsics.astype(np.float64).T
    image = image[..., :2] / image[..., 2:]
    return np.where(poses[..., 2:] > 0, image, np.nan).astype(np.float32)


def _image_size(intrinsics: np.ndarray, what: str) -> tuple[int, int]:
    """The image size (width, height) px: the principal point is the middle of the image."""
    center = intrinsics[:2, 2]
    if not (np.isfinite(intrinsics).all() and 2 * center.min() >= 1 and 2 * center.max() <= _LARGEST_IMAGE_PX):
        raise ValueError(f"{what}: expected the principal point in an image; got {center.tolist()}")
    return round(2 * float(center[0])), round(2 * float(center[1]))


def _field(sequence: dict[Any, Any], name: str, kind: type, where: str) -> Any:
    if not isinstance(value := sequence.get(name), kind):
        raise ValueError(f"{where}: {name}: expected a {kind.__name__}; got {type(value).__name__}")
    return value


def _numbers(array: Any, shape: tuple[int | None, ...], what: str) -> np.ndarray:
    """Checks that `array` holds numbers of `shape`; None is any length."""
    if isinstance(array, list) and len(shape) == 1 and all(type(value) in (int, bool) for value in array):
        array = np.array(array, np.int64) if array else np.zeros(0, np.int64)  # Some versions have a list here.
    expected = ", ".join("N" if length is None else str(length) for length in shape)
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiub":
        raise ValueError(f"{what}: expected numbers [{expected}]; got {type(array).__name__}")
    if len(array.shape) != len(shape) or any(e not in (None, n) for e, n in zip(shape, array.shape, strict=True)):
        raise ValueError(f"{what}: expected [{expected}]; got {list(array.shape)}")
    return array
