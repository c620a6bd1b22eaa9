"""Finds clip and frame of each file, for readers of folders that have one file for each frame."""

from __future__ import annotations

import pathlib
from collections.abc import Callable

from tf_elepose.data.frame_names import frame_name, frame_places, tell_single_frames
from tf_elepose.data.parsers.json_stream import shown
from tf_elepose.data.parsers.limits import unpacked_name
from tf_elepose.data.readers.keypoint_lists import text
from tf_elepose.data.readers.recognition import held

FrameFile = tuple[str, int, pathlib.Path]
"""Clip, frame and file."""


def frame_files(
    path: pathlib.Path, ending: str, where: str, *, wanted: Callable[[pathlib.Path], bool] = lambda file: True
) -> list[FrameFile]:
    """Finds the files in and below the folder `path` whose names end with `ending`, clip by clip, in order of frames.

    The names, with the folders below `path`, give clip and frame (see data/frame_names.py). If a name gives no clip,
    the clip has the name of the folder.

    Args:
      path: of the folder, or of one file.
      ending: of the names.
      where: the name of the folder in messages.
      wanted: says whether a file with this ending is read.

    Raises:
      ValueError: there is no such file, or its name is not text.
    """
    if not path.exists():
        raise ValueError(f"{where}: no such file or folder")
    root, files = path.parent, [path]
    if path.is_dir():
        root, files = path, [file for file in files_ending(path, ending) if wanted(file)]
    if not files:
        raise ValueError(f"{where}: expected files that end with {ending}, in this format; it holds {held(path)}")
    names = [text(file.relative_to(root).as_posix(), f"{where}: {shown(file.name)}: its name") for file in files]
    places = frame_places(names, folder_name(root, where), where)
    if places is None:
        places = [(frame_name(name).clip, 0) for name in names]
    tell_single_frames([clip for clip, _ in places], where)
    return sorted((clip, frame, file) for (clip, frame), file in zip(places, files, strict=True))


def files_ending(path: pathlib.Path, ending: str) -> list[pathlib.Path]:
    """Lists the files in and below the folder `path` whose names end with `ending`, packed with gzip or not, in order.

    Hidden files are none of them: macOS adds a "._walk_1.json" to each file on disks of other systems.
    """
    return sorted(
        file
        for file in path.rglob("*")
        if unpacked_name(file).name.endswith(ending) and not file.name.startswith(".") and file.is_file()
    )


def folder_name(path: pathlib.Path, where: str) -> str:
    """Returns the name of a folder, or of a file without its ending; it becomes the name of a clip or a subject."""
    return text(unpacked_name(path.resolve()).stem or "/", f"{where}: its name")
