"""`views`: the project's own pickle-free npz, into which every other format can be converted.

One row is one person in one frame of one camera. Fields, N rows of J joints:
    poses_2d [N, J, 2] px; poses_2d_det [N, J, 2] px, confidence [N, J], poses_3d [N, J, 3] mm in the camera frame and
    elevation [N] degrees, all four optional; subject, action, clip [N] text; camera, frame [N] integers;
    split [N] "train" or "test"; image_size [2] or [cameras, 2], optional; keypoints: the name of the joints'
    convention, "h36m_17" when absent. Other fields are ignored.

The file is someone else's: its headers are held against the sizes in the archive before anything is unpacked.
"""

from __future__ import annotations

import math
import os
import pathlib
import struct
import zipfile
import zlib
from collections.abc import Iterable
from typing import IO

import numpy as np

from tf_elepose import conventions, files
from tf_elepose.data.recording import Recording, check_array, row_fields
from tf_elepose.skeletons import H36M_17, SKELETONS, Skeleton

SPLITS = ("train", "test")

# What the file calls a field of Recording, where the names differ.
_FILE_NAMES = {"poses_2d_detected": "poses_2d_det"}
_OPTIONAL = ("poses_2d_detected", "confidence", "poses_3d", "elevation", "image_size")

# Deflate packs zeros a thousandfold, so a file of a megabyte may unpack to a gigabyte. Measured poses hardly shrink
# (float32 pixels to about 0.9, rounded ones to about 0.2 of their size); small arrays may do as they like.
_MAX_UNPACKED_RATIO = 100
_SMALL_BYTES = 64 * 2**20
_MAX_TEXT_LENGTH = 256

# What zipfile raises for archives it cannot read: damaged, cut short, encrypted (RuntimeError), packed in a way or by
# a version it does not know (NotImplementedError), names that are not text (UnicodeDecodeError, a ValueError).
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    OSError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OverflowError,
)


def read_views(path: str | os.PathLike[str], skeleton: Skeleton) -> Recording:
    """The recording in the views file at `path`, its joints in the order of `skeleton`.

    Joints are reordered by name when the file's convention has exactly the joints of `skeleton` in another order.

    Raises:
      ValueError: one line with the file, the field, what was expected and what it holds.
    """
    where = f"views file {path}"
    try:
        archive = zipfile.ZipFile(path)
    except FileNotFoundError:
        raise ValueError(f"{where}: no such file") from None
    except _DAMAGE as error:
        raise ValueError(f"{where}: not a readable .npz archive ({_one_line(error)})") from error
    with archive:
        members = _members(archive, where)
        conversion = _conversion(archive, members, skeleton, where)
        rows = row_fields(skeleton.num_joints)
        kinds = {field: kind for field, (kind, _) in rows.items()} | {"image_size": "int"}
        present = {field: _FILE_NAMES.get(field, field) for field in kinds}
        if missing := [name for field, name in present.items() if name not in members and field not in _OPTIONAL]:
            raise ValueError(f"{where}: missing {', '.join(missing)}; it holds {_listed(sorted(members)) or 'nothing'}")
        present = {field: name for field, name in present.items() if name in members}
        # All shapes are compared before the first array is unpacked.
        poses = _declared(archive, members["poses_2d"], f"{where}: poses_2d")
        num_rows = poses[0][:1]
        if num_rows in ((), (0,)):
            raise ValueError(f"{where}: poses_2d: expected at least one row; got shape {list(poses[0])}")
        for field, name in present.items():
            shape, _ = _declared(archive, members[name], f"{where}: {name}")
            if field in rows and shape != num_rows + rows[field][1]:
                raise ValueError(
                    f"{where}: {name}: expected shape {list(num_rows + rows[field][1])}; got {list(shape)}"
                )
        arrays = {}
        for field, name in present.items():
            array = _unpacked(archive, members[name], f"{where}: {name}")
            arrays[field] = check_array(array, kinds[field], array.shape, f"{where}: {name}")
    for field in {"poses_2d", "poses_2d_detected", "poses_3d"} & arrays.keys():
        arrays[field] = conversion.apply(arrays[field])
    if "confidence" in arrays:
        arrays["confidence"] = conversion.apply_confidence(arrays["confidence"])
    if strangers := sorted(set(arrays["split"].tolist()) - set(SPLITS)):
        row = np.flatnonzero(~np.isin(arrays["split"], SPLITS))[0]
        raise ValueError(f"{where}: split: expected {' or '.join(SPLITS)}; got {strangers[0]!r} in row {row}")
    return Recording(source=where, skeleton=skeleton, **arrays)


def write_views(path: str | os.PathLike[str], recording: Recording) -> None:
    """Writes `recording` as a views file, from which `read_views` makes an equal one.

    Raises:
      OSError: the file cannot be written; what stood at `path` before is left as it was.
    """
    fields = [*row_fields(recording.skeleton.num_joints), "image_size"]
    arrays = {
        _FILE_NAMES.get(field, field): getattr(recording, field)
        for field in fields
        if getattr(recording, field) is not None
    }
    files.write_npz(pathlib.Path(path), arrays | {"keypoints": np.array(recording.skeleton.name)})


def _members(archive: zipfile.ZipFile, where: str) -> dict[str, zipfile.ZipInfo]:
    """{field: its member}; an npz holds one .npy for every field."""
    members: dict[str, zipfile.ZipInfo] = {}
    for info in archive.infolist():
        field = info.filename.removesuffix(".npy")
        if field in members:
            raise ValueError(f"{where}: {_listed([field])}: given twice")
        members[field] = info
    return members


def _conversion(
    archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], skeleton: Skeleton, where: str
) -> conventions.Conversion:
    """From the file's joints to those of `skeleton`."""
    held = H36M_17.name
    if "keypoints" in members:
        shape, dtype = _declared(archive, members["keypoints"], f"{where}: keypoints")
        if math.prod(shape) != 1 or dtype.kind != "U":
            raise ValueError(f"{where}: keypoints: expected the name of a convention; got {dtype} {list(shape)}")
        array = _unpacked(archive, members["keypoints"], f"{where}: keypoints")
        held = str(check_array(array, "text", shape, f"{where}: keypoints").reshape(()))
    if held == skeleton.name:
        return conventions.conversion(skeleton, skeleton)
    if held in SKELETONS and set(SKELETONS[held].joints) == set(skeleton.joints):
        return conventions.conversion(SKELETONS[held], skeleton)
    raise ValueError(f"{where}: keypoints: holds {held!r}; wanted {skeleton.name!r} ({skeleton.num_joints} joints)")


def _declared(archive: zipfile.ZipFile, info: zipfile.ZipInfo, what: str) -> tuple[tuple[int, ...], np.dtype]:
    """Shape and type in the member's .npy header, which must account for every byte that the member holds."""
    with _opened(archive, info, what) as stream:
        shape, _, dtype, start = _header(stream, what)
    declared = start + math.prod(shape) * dtype.itemsize
    if declared != info.file_size:
        raise ValueError(f"{what}: its header declares {declared} bytes, the archive holds {info.file_size}")
    if dtype.kind not in "fiuU":
        raise ValueError(f"{what}: expected numbers or text; got {dtype}")
    if dtype.kind == "U" and dtype.itemsize > _MAX_TEXT_LENGTH * np.dtype("U1").itemsize:
        raise ValueError(f"{what}: expected text of at most {_MAX_TEXT_LENGTH} characters; got {dtype}")
    if dtype.kind != "U" and declared > max(_SMALL_BYTES, _MAX_UNPACKED_RATIO * info.compress_size):
        raise ValueError(
            f"{what}: {info.compress_size} bytes that unpack to {declared}; at most 1:{_MAX_UNPACKED_RATIO}"
        )
    return shape, dtype


def _unpacked(archive: zipfile.ZipFile, info: zipfile.ZipInfo, what: str) -> np.ndarray:
    """The member's array; its bytes are taken as numbers or text, never as pickled objects."""
    shape, dtype = _declared(archive, info, what)
    with _opened(archive, info, what) as stream:
        _, fortran_order, _, _ = _header(stream, what)
        try:
            data = stream.read()
        except _DAMAGE as error:
            raise ValueError(f"{what}: damaged ({_one_line(error)})") from error
    if len(data) != math.prod(shape) * dtype.itemsize:
        raise ValueError(f"{what}: cut short at {len(data)} of {math.prod(shape) * dtype.itemsize} bytes")
    return np.frombuffer(data, dtype).reshape(shape, order="F" if fortran_order else "C")


def _opened(archive: zipfile.ZipFile, info: zipfile.ZipInfo, what: str) -> IO[bytes]:
    try:
        return archive.open(info)
    except _DAMAGE as error:
        raise ValueError(f"{what}: cannot be unpacked ({_one_line(error)})") from error


def _header(stream: IO[bytes], what: str) -> tuple[tuple[int, ...], bool, np.dtype, int]:
    """Shape, order, type and length of an .npy header; the stream then stands at the array's first byte."""
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    try:
        version = np.lib.format.read_magic(stream)
        if version not in readers:
            raise ValueError(f"version {version} of the format")
        shape, fortran_order, dtype = readers[version](stream)
        if any(length < 0 for length in shape):
            raise ValueError(f"shape {shape}")
    except Exception as error:  # The header is a Python literal; a damaged one fails in any way the parser can.
        raise ValueError(f"{what}: not a readable .npy array ({_one_line(error)})") from error
    return shape, fortran_order, dtype, stream.tell()


def _listed(fields: Iterable[str]) -> str:
    """Names out of the archive, on one line whatever they hold; the first few of many."""
    names = [field if field.isidentifier() else repr(field)[:60] for field in fields]
    return ", ".join(names[:20] + ["..."] * (len(names) > 20))


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
