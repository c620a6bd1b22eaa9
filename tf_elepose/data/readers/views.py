"""`views`: the project's own pickle-free npz, into which every other format can be converted.

One row is one person in one frame of one camera. Fields, N rows of J joints:
    poses_2d [N, J, 2] px; visible [N, J] whether poses_2d knows the joint, poses_2d_det [N, J, 2] px,
    confidence [N, J], poses_3d [N, J, 3] mm in the camera frame and elevation [N] degrees, all five optional;
    subject, action, clip [N] text; camera, frame [N] integers; person [N] integers, optional; split [N] "train" or
    "test"; image_size [2] or [cameras, 2], optional; keypoints: the name of the joints' convention, "h36m_17" when
    absent; identity: what person means, "person" when absent, see `identities`. Other fields are ignored.

A joint is missing if it is not visible, is NaN, or has confidence 0.
"""

from __future__ import annotations

import dataclasses
import math
import os
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from tf_elepose.data.identities import IDENTITIES, PERSON
from tf_elepose.data.parsers.limits import listed
from tf_elepose.data.parsers.npz import NpzReader
from tf_elepose.data.recording import Recording, check_array, require_splits, row_fields
from tf_elepose.data.rows import Rows
from tf_elepose.skeleton import conventions
from tf_elepose.skeleton.conversion import Convention
from tf_elepose.skeleton.skeletons import H36M_17
from tf_elepose.storage import files

_PART_ROWS = 1 << 14

# {field of Recording: its name in the file}, where they differ.
_FILE_NAMES = {"poses_2d_detected": "poses_2d_det"}
_COLUMNS = ("camera", "frame", "person", "subject", "action", "clip", "split")
_OPTIONAL = ("visible", "poses_2d_detected", "confidence", "poses_3d", "elevation", "person")


def read_views(path: str | os.PathLike[str], *, convention: str | None = None) -> Iterator[Rows]:
    """Yields the rows of the views file at `path`.

    Args:
      path: of the file.
      convention: the joints' convention; it replaces the one that the file names.

    Raises:
      ValueError: one line with the file, the field, what was expected and what it holds.
    """
    with NpzReader(path, "views file") as archive:
        where = archive.where
        held = _convention(archive, convention)
        rows = row_fields(held.num_joints)
        present = {field: _FILE_NAMES.get(field, field) for field in rows}
        if missing := [name for f, name in present.items() if name not in archive.names and f not in _OPTIONAL]:
            raise ValueError(
                f"{where}: missing {', '.join(missing)}; it holds {listed(sorted(archive.names)) or 'nothing'}"
            )
        present = {field: name for field, name in present.items() if name in archive.names}
        # All shapes are compared before the first array is unpacked.
        shape, _ = archive.declared("poses_2d")
        if shape[:1] in ((), (0,)):
            raise ValueError(f"{where}: poses_2d: expected at least one row; got shape {list(shape)}")
        for field, name in present.items():
            expected, (found, dtype) = shape[:1] + rows[field][1], archive.declared(name)
            if found != expected:
                raise ValueError(f"{where}: {name}: expected shape {list(expected)}; got {list(found)}")
            if rows[field][0] == "flag" and dtype.kind not in "biu":
                raise ValueError(f"{where}: {name}: expected true or false; got an array of {dtype}")
        size = _image_size(archive) if "image_size" in archive.names else None
        identity = _identity(archive) if "identity" in archive.names else PERSON
        for first, arrays in archive.parts(present, _PART_ROWS):
            yield dataclasses.replace(_rows(arrays, held, size, first, shape[0], where), identity=identity)


def write_views(path: str | os.PathLike[str], recording: Recording) -> None:
    """Writes `recording` as a views file, from which `read_views` makes an equal recording.

    Missing joints are NaN in the file, so that a program that ignores the masks does not take them for joints at (0,
    0).

    Raises:
      ValueError: the skeleton has the name of a known convention but other joints, so that the file would be misread.
      OSError: the file cannot be written; an earlier file at `path` stays as it was.
    """
    skeleton = recording.skeleton
    known = conventions.find_convention(skeleton.name)
    if known is not None and known.joints != skeleton.joints:
        raise ValueError(f"skeleton {skeleton.name!r}: is the name of a known convention of other joints; rename it")
    fields = [*row_fields(skeleton.num_joints), "image_size"]
    arrays = {
        _FILE_NAMES.get(field, field): getattr(recording, field)
        for field in fields
        if getattr(recording, field) is not None
    }
    detected = recording.poses_2d_detected is not None
    confidence = recording.confidence
    for field, known_joints in (
        ("poses_2d", recording.visible),
        ("poses_2d_detected", None if confidence is None or not detected else confidence > 0),
    ):
        if known_joints is not None:
            name = _FILE_NAMES.get(field, field)
            arrays[name] = np.where(known_joints[..., np.newaxis], arrays[name], np.float32(np.nan))
    told = {} if recording.identity == PERSON else {"identity": np.array(recording.identity)}
    files.write_npz(pathlib.Path(path), arrays | {"keypoints": np.array(skeleton.name)} | told)


def _rows(
    arrays: Mapping[str, np.ndarray], held: Convention, size: np.ndarray | None, first: int, total: int, where: str
) -> Rows:
    """The `Rows` of a part of the file's fields, which begins at row `first` of `total`."""
    n, kinds = len(arrays["poses_2d"]), row_fields(held.num_joints)
    fields: dict[str, Any] = {
        field: check_array(array, kinds[field][0], (n,), f"{where}: {field}") if field in _COLUMNS else array
        for field, array in arrays.items()
    }
    require_splits(fields["split"], first, where)
    # `visible` is about poses_2d; `confidence` is about the detections, if there are any.
    visible = fields.pop("visible", None)
    if visible is not None:
        seen = visible.astype(bool)[..., np.newaxis]
        fields["poses_2d"] = np.where(seen, fields["poses_2d"], np.nan).astype(np.float32)
    sizes = _sizes(size, fields["camera"], where)
    return Rows(convention=held, image_size=sizes, done=(first + n) / total, **fields)


def _convention(archive: NpzReader, stated: str | None) -> Convention:
    if stated is not None:
        return conventions.get_convention(stated)
    if "keypoints" not in archive.names:
        return conventions.get_convention(H36M_17.name)
    what = f"{archive.where}: keypoints"
    shape, dtype = archive.declared("keypoints")
    if math.prod(shape) != 1 or dtype.kind != "U":
        raise ValueError(f"{what}: expected the name of a convention; got {dtype} {list(shape)}")
    name = str(check_array(archive.array("keypoints"), "text", shape, what).reshape(()))
    if name.lower().endswith((".yaml", ".yml", ".json")):  # A data file must not make the reader open other files.
        raise ValueError(f"{what}: expected the name of a convention; got {name!r}")
    try:
        return conventions.get_convention(name)
    except ValueError as error:
        raise ValueError(f"{what}: {error}") from error


def _identity(archive: NpzReader) -> str:
    what = f"{archive.where}: identity"
    shape, dtype = archive.declared("identity")
    found = str(archive.array("identity").reshape(())) if math.prod(shape) == 1 and dtype.kind == "U" else None
    if found not in IDENTITIES:
        raise ValueError(f"{what}: expected {', '.join(IDENTITIES)}; got {found or f'{dtype} {list(shape)}'}")
    return found


def _image_size(archive: NpzReader) -> np.ndarray:
    what = f"{archive.where}: image_size"
    shape, _ = archive.declared("image_size")
    if shape != (2,) and not (len(shape) == 2 and shape[1] == 2 and shape[0] > 0):
        raise ValueError(f"{what}: expected [2] or [cameras, 2]; got {list(shape)}")
    return check_array(archive.array("image_size"), "int", shape, what)


def _sizes(
    size: np.ndarray | None, camera: np.ndarray, where: str
) -> tuple[int, int] | dict[int, tuple[int, int]] | None:
    """The image size (width, height) px of all cameras, or {camera: size} of the cameras in these rows."""
    if size is None or size.ndim == 1:
        return None if size is None else (int(size[0]), int(size[1]))
    cameras = np.unique(camera)
    if not 0 <= cameras[-1] < len(size):
        raise ValueError(
            f"{where}: image_size: sizes of {len(size)} cameras, but camera numbers go up to {cameras[-1]}"
        )
    # A negative camera is refused when the recording is made.
    return {int(c): (int(size[c, 0]), int(size[c, 1])) for c in cameras if c >= 0}
