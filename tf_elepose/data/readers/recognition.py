"""Guesses the FORMAT of a file by its name and its first bytes, for messages.

The guess can be wrong. No reader depends on it: each reader decides by itself what it reads.
"""

from __future__ import annotations

import collections
import os
import pathlib
import re
import zipfile
from collections.abc import Callable

from tf_elepose.data.parsers.limits import opened, unpacked_name
from tf_elepose.data.parsers.npz import DAMAGE

HEAD = 1 << 14
"""Bytes of a file that show its layout."""

_MOST_FILES = 20_000  # At most this many files of a folder are counted.
_TRIED = 3  # At most this many files of each ending are opened.

_BY_ENDING = {
    ".bvh": "bvh", ".mat": "mpii or lsp or mpi_inf_3dhp", ".h5": "h36m_fetch or skipose", ".pkl": "3dpw",
    ".tfrecord": "shards",
}  # fmt: skip
_PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".mp4", ".avi", ".mov", ".mkv", ".webm")

_OPENPOSE = re.compile(rb'\{(?:[^{}\[\]]*,)?\s*"people"\s*:\s*\[')
_WANTS_A_FILE = "expected a file; is a folder"

_SAYS_AN_OPTION = "--option="  # Of a reader that knows the file, and lacks something else.

_LINES = re.compile(rb"[{\[][^\n]*[}\]][ \t\r]*\n[{\[]")
_TEXT_IMAGE = re.compile(rb'"image_id"\s*:\s*"')
_PEOPLE_BY_ID = re.compile(rb'\{\s*"keypoints"\s*:\s*\[\s*\{(?:\s*\}\s*,\s*\{)*\s*"\d+"\s*:')
_POSE_LINE = re.compile(rb"\d+(?:[ \t]+-?[\d.]+(?:e-?\d+)?){12,}[ \t\r]*(?:\n|\Z)")


def format_of(path: str | os.PathLike[str]) -> str | None:
    """Returns the FORMAT, or formats ("mpii or lsp"), that a file looks like; None if it looks like none."""
    name = unpacked_name(path)
    if (ending := name.suffix.lower()) in _BY_ENDING:
        return _BY_ENDING[ending]
    try:
        if ending == ".npz":
            return _format_of_npz(path)
        with opened(path, f"file {path}") as stream:
            head = stream.read(HEAD)
    except DAMAGE:
        return None
    if ending == ".npy":
        return "npz"
    if ending == ".csv":
        return _format_of_table(head)
    if ending == ".txt":
        return "yolo" if _POSE_LINE.match(head) else None
    return format_of_json(head)


def format_of_json(head: bytes) -> str | None:
    """Returns the FORMAT that the first bytes of a JSON file look like; None if they look like none."""
    head = head.removeprefix(b"\xef\xbb\xbf").lstrip()

    def has(*keys: str) -> bool:
        return all(f'"{key}"'.encode() in head for key in keys)

    if _LINES.match(head):
        head = b"[" + head  # JSON lines are read as lists.
    if head.startswith(b"{"):
        return _format_of_object(head, has)
    if not head.startswith(b"["):
        return None
    if has("image_id"):
        return "alphapose" if has("idx") or (_TEXT_IMAGE.search(head) and has("box")) else "coco"
    if has("frame_id", "instances") or has("keypoint_scores"):
        return "mmpose"
    if has("keypoints", "box", "class"):
        return "yolo"
    if has("keypoints", "x", "y"):
        return "tfjs"
    if has("keypoints", "bbox"):
        return "openpifpaf"
    if has("visibility") or has("poseLandmarks") or has("landmarks") or has("pose_landmarks") or has("landmark"):
        return "mediapipe"
    return None


def advice_for(path: str | os.PathLike[str], format_name: str, message: str) -> str | None:
    """Says more about a path that `format_name` cannot read: the format it looks like, or what a folder holds.

    Args:
      path: of the file or folder.
      format_name: of the reader.
      message: the reader's error. If the reader wants a file, files of its format in a folder are named, too.
    """
    place = pathlib.Path(path)
    if place.is_dir():
        holds = held(place)
        own = re.search(rf"\b{format_name}\b", holds) and _WANTS_A_FILE not in message
        return None if own else f"it holds {holds}"
    if not place.is_file() or _SAYS_AN_OPTION in message:
        return None
    if place.suffix.lower() in _PICTURES:
        return "this is a picture or video: find the keypoints with a 2D detector first"
    found = format_of(place)
    return None if found is None or format_name in found.split() else f"the file looks like {found}:{path}"


def _format_of_object(head: bytes, has: Callable[..., bool]) -> str | None:
    if _OPENPOSE.match(head):
        return "openpose"
    if (has("people") and has("pose_keypoints_2d")) or has("bodies", "joints"):
        return "alphapose"
    if has("frame", "predictions"):
        return "openpifpaf"
    if _PEOPLE_BY_ID.match(head):
        return "vitpose"
    if has("keypoints", "x", "y") or has("pose", "keypoints"):
        return "tfjs"
    if has("meta_info") or has("instance_info"):
        return "mmpose"
    if has("annotations") or has("images") or has("categories"):
        return "coco"
    if has("poseLandmarks") or has("landmarks") or has("pose_landmarks"):
        return "mediapipe"
    return None


def _format_of_npz(path: str | os.PathLike[str]) -> str | None:
    with opened(path, f"file {path}", whole=False) as stream:
        if not stream.read(4).startswith(b"PK"):
            return None
    with zipfile.ZipFile(path) as archive:
        arrays = {pathlib.PurePosixPath(name).stem for name in archive.namelist()}
    if "positions_3d" in arrays:
        return "h36m"
    if "positions_2d" in arrays or {"keypoints", "boxes"} <= arrays:
        return "videopose3d or npz"
    if "poses_2d" in arrays:
        return "views" if {"subject", "clip", "split"} <= arrays else "npz"
    return "npz" if {"keypoints", "reconstruction", "kpts"} & arrays else None


def _format_of_table(head: bytes) -> str:
    first = head.removeprefix(b"\xef\xbb\xbf").partition(b"\n")[0]
    if first.startswith(b"scorer"):
        return "deeplabcut or csv"
    return "sleap or csv" if b"frame_idx" in first and b".x" in first else "csv"


def held(path: pathlib.Path) -> str:
    """Says what a folder holds: how many files of which endings, and which formats these look like."""
    by_ending: collections.defaultdict[str, list[pathlib.Path]] = collections.defaultdict(list)
    for number, file in enumerate(path.rglob("*")):
        if number >= _MOST_FILES:
            break
        if file.is_file():
            by_ending[unpacked_name(file).suffix or "without ending"].append(file)
    most = sorted(by_ending.items(), key=lambda item: (-len(item[1]), item[0]))[:5]
    return ", ".join(_counted(ending, files) for ending, files in most) or "nothing"


def _counted(ending: str, files: list[pathlib.Path]) -> str:
    text = f"{len(files)} {ending[:20]!a}".replace("'", "")
    if ending.lower() in _PICTURES:
        return f"{text} (pictures: find the keypoints with a 2D detector first)"
    formats = {format_of(file) for file in sorted(files)[:_TRIED]} - {None}
    return f"{text} (format {' and '.join(sorted(map(str, formats)))}, it seems)" if formats else text
