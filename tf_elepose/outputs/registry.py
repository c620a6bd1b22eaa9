"""Chooses the writer of a file of lifted poses by the suffix of its name."""

from __future__ import annotations

import importlib
import itertools
import os
import pathlib
import re
from collections.abc import Callable, Iterable
from typing import Any

from tf_elepose.motion.lifted import Lifted

WRITERS: dict[str, str] = {
    ".npz": "npz.write_npz",
    ".json": "json.write_json",
    ".csv": "csv.write_csv",
    ".trc": "trc.write_trc",
    ".bvh": "bvh.write_bvh",
}
"""{suffix: module and function in `outputs`}. A writer takes the path and an iterable of parts of one model, which may
be lifted while it writes; a writer of `ONE_TRACK` takes the path and one `Lifted`.
"""

ONE_TRACK = (".trc", ".bvh")
"""Suffixes of files that hold one person in one clip, in mm, with a frame rate."""


def suffixes() -> str:
    """All suffixes in words: .a, .b or .c."""
    *first, last = WRITERS
    return f"{', '.join(first)} or {last}"


def suffix_of(path: str | os.PathLike[str]) -> str:
    """The suffix of `path`, one of `WRITERS`; ValueError lists them."""
    suffix = pathlib.Path(path).suffix.lower()
    if suffix not in WRITERS:
        raise ValueError(f"{os.fspath(path)}: expected a name that ends in {', '.join(WRITERS)}")
    return suffix


def require_settings(path: str | os.PathLike[str], *, has_height: bool, has_frame_rate: bool) -> None:
    """Checks, before any lifting, that the settings which a file like `path` needs are given.

    Raises:
      ValueError: such a file needs a height or a frame rate, and there is none.
    """
    suffix = suffix_of(path)
    if suffix in ONE_TRACK and not has_height:
        raise ValueError(f"{os.fspath(path)}: {suffix} files are in millimetres: give the person's --height=MM")
    if suffix in ONE_TRACK and not has_frame_rate:
        raise ValueError(f"{os.fspath(path)}: {suffix} files are motion: give the frames a second, --fps=RATE")


def write(path: str | os.PathLike[str], lifted: Lifted) -> list[pathlib.Path]:
    """Writes `lifted` to `path`; several tracks of a `ONE_TRACK` format go to files STEM-TRACK beside it.

    Tracks without a valid pose get no such file.

    Returns:
      the files written.

    Raises:
      ValueError: an unknown suffix, no valid pose, or the writer's own errors.
      OSError: a file cannot be written.
    """
    path = pathlib.Path(path)
    suffix = suffix_of(path)
    if suffix not in ONE_TRACK:
        write_parts(path, [lifted])
        return [path]
    writer = _writer(suffix)
    tracks = [(name, rows) for name, rows in lifted.tracks() if lifted.valid[rows].any()]
    if not tracks:
        raise ValueError(f"{path}: no valid pose to write")
    if len(tracks) == 1:
        writer(path, lifted.select(tracks[0][1]))
        return [path]
    written: list[pathlib.Path] = []
    for name, rows in tracks:
        written.append(_track_path(path, name, {file.name.lower() for file in written}))
        writer(written[-1], lifted.select(rows))
    return written


def write_parts(path: str | os.PathLike[str], parts: Iterable[Lifted]) -> None:
    """Writes the poses of all parts, one after the other, to `path`, whose format is not one of `ONE_TRACK`.

    Raises:
      ValueError: no parts, or parts that do not fit together.
      OSError: the file cannot be written; an earlier file there is left as it was.
    """
    path, parts = pathlib.Path(path), iter(parts)
    first = next(parts, None)
    if first is None:
        raise ValueError(f"{path}: nothing to write: expected at least one part")
    _writer(suffix_of(path))(path, itertools.chain([first], parts))


def _writer(suffix: str) -> Callable[[pathlib.Path, Any], None]:
    module, function = WRITERS[suffix].split(".")
    return getattr(importlib.import_module(f"tf_elepose.outputs.{module}"), function)


def _track_path(path: pathlib.Path, track: str, taken: set[str]) -> pathlib.Path:
    """`path` with the track's name in characters that every file system accepts, and a number where that is `taken`."""
    plain = re.sub(r"[^\w.=+-]+", "_", track).strip("._")[:80]
    names = (f"{path.stem}-{plain}{end}{path.suffix}" for end in ("", *(f"_{n}" for n in range(2, len(taken) + 3))))
    return path.with_name(next(name for name in names if name.lower() not in taken))
