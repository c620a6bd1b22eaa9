"""json: lifted poses for programs in any language.

One object: format ("tf_elepose.lifted"), version (1), source, model, unit, axes, axes_are (in words), frame_rate,
joints (names), parents (by joint; the top one has none) and rows, one a pose: subject, clip, camera, person, frame,
valid, elevation_deg, percentile, poses_3d [[x, y, z], ...] in the order of the joints, poses_2d [[x, y], ...] px.
Where the model knows canonical poses, rows also have canonical_3d, like poses_3d, and camera_rotation, three rows of
three numbers, with p = R c for each joint p of poses_3d and c of canonical_3d; 0 where the pose is not valid.
null stands for a number that is not known (a joint that was not seen, the percentile of a pose that is not valid);
there is no NaN. Every row is a line of the file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from typing import Any

from tf_elepose.motion.lifted import Lifted
from tf_elepose.outputs.rounding import rounded
from tf_elepose.storage import files

FORMAT, VERSION = "tf_elepose.lifted", 1

AXES_ARE = {
    "camera": "x right, y down, z forward, as the camera sees; root at the origin",
    "level": "x right, y down to the ground, z forward; root at the origin",
}

_ROWS = 1000  # Converted to text at a time.


def write_json(path: str | os.PathLike[str], parts: Iterable[Lifted]) -> None:
    """Writes the poses of all `parts`, of one model, to `path` as one JSON file; errors as in `files.write_bytes`."""
    with files.replacing(path) as file:
        between = b"\n"
        for number, lifted in enumerate(parts):
            if number == 0:
                file.write(_text(_head(lifted))[:-1].encode("utf-8", "replace") + b', "rows": [')
            for row in _rows(lifted):
                file.write(between + _text(row).encode("utf-8", "replace"))
                between = b",\n"
        file.write(b"\n]}\n")


def _head(lifted: Lifted) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "version": VERSION,
        "source": lifted.source,
        "model": lifted.model,
        "unit": lifted.unit,
        "axes": lifted.axes,
        "axes_are": AXES_ARE[lifted.axes],
        "frame_rate": lifted.frame_rate,
        "joints": list(lifted.skeleton.joints),
        "parents": lifted.skeleton.to_dict()["parents"],
    }


def _rows(lifted: Lifted) -> Iterator[dict[str, Any]]:
    for first in range(0, len(lifted), _ROWS):
        part = lifted.select(slice(first, first + _ROWS))
        columns: dict[str, list[Any]] = {
            name: getattr(part, name).tolist() for name in ("subject", "clip", "camera", "person", "frame", "valid")
        }
        if part.elevation is not None:
            columns["elevation_deg"] = rounded(part.elevation, "degrees").tolist()
        if part.percentile is not None:
            columns["percentile"] = rounded(part.percentile, "percent").tolist()
        columns["poses_3d"] = rounded(part.poses_3d, part.unit).tolist()
        if part.canonical is not None and part.rotation is not None:
            columns["canonical_3d"] = rounded(part.canonical, part.unit).tolist()
            columns["camera_rotation"] = rounded(part.rotation, "rotation").tolist()
        columns["poses_2d"] = rounded(part.poses_2d, "px").tolist()
        for values in zip(*columns.values(), strict=True):
            yield files.finite_or_null(dict(zip(columns, values, strict=True)))


def _text(values: Any) -> str:
    return json.dumps(values, allow_nan=False, ensure_ascii=False)
