"""Finds two kinds of arrays in npz files: labels of rows under other usual names, and the names of the joints."""

from __future__ import annotations

from collections.abc import Mapping

from tf_elepose.data.parsers.npz import NpzReader
from tf_elepose.data.readers.stated_convention import stated_convention
from tf_elepose.skeleton.conversion import Convention
from tf_elepose.skeleton.joint_names import named_convention

_NUMBER = ("id", "ids", "idx", "index", "indices", "no", "number", "numbers")
_OTHER_NAMES = {
    "frame": ("frames", *(f"frame_{number}" for number in _NUMBER)),
    "person": ("persons", "people", *(f"{who}_{number}" for who in ("person", "track") for number in _NUMBER)),
    "camera": ("cameras", "camera_id", "camera_ids", "view", "views"),
    "clip": ("clips", "clip_name", "clip_names", "video", "videos", "video_name", "video_names"),
    "subject": ("subjects",),
    "action": ("actions",),
}
_TEXTS = ("clip", "subject", "action")
_JOINT_NAMES = ("joint_names", "keypoint_names", "joints", "names", "keypoints_names", "bodyparts", "node_names")


def use_other_names(archive: NpzReader, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Renames arrays of `archive` that hold a label of the rows under another usual name.

    An array is a label only if its shape and kind fit: "frames" may also hold pictures.

    Args:
      archive: the file.
      shapes: {label: the shape that its array has}.
    """
    for label, shape in shapes.items():
        if label in archive.names:
            continue
        for name in _OTHER_NAMES.get(label, ()):
            if name not in archive.names:
                continue
            found, dtype = archive.declared(name)
            if found == shape and dtype.kind in ("U" if label in _TEXTS else "iu"):
                archive.rename(name, label)
                break


def convention_of(archive: NpzReader, num_joints: int, stated: str | None) -> tuple[Convention, str | None]:
    """Finds the convention of the keypoints, by the joint names in the file or as stated, and the array of these names.

    Raises:
      ValueError: the file names no joints and none is stated, or the names are not those of the stated convention.
    """
    for name in _JOINT_NAMES:
        if name in archive.names and archive.declared(name)[0] == (num_joints,):
            names = archive.array(name)
            if names.dtype.kind != "U":
                continue
            named = named_convention(names.tolist(), f"{archive.where}: {name}", stated)
            return named or stated_convention(stated, num_joints, archive.where), name
    return stated_convention(stated, num_joints, archive.where), None
