"""csv: lifted poses for spreadsheets and data frames, one row a pose.

Columns: subject, clip, camera, person, frame, valid (1 or 0), elevation_deg and percentile where the model gives them,
unit ("unit" or "mm") and axes ("camera" or "level"), then <joint>_x, <joint>_y, <joint>_z for every joint. Cells are
separated by commas and empty where a number is not known; decimals have a point.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable
from typing import Any

import numpy as np

from tf_elepose.motion.lifted import Lifted
from tf_elepose.outputs.rounding import rounded
from tf_elepose.storage import files

_ROWS = 1000  # Converted to text at a time.


def write_csv(path: str | os.PathLike[str], parts: Iterable[Lifted]) -> None:
    """Writes the poses of all `parts`, of one model, to `path` as one table; errors as in `files.write_bytes`."""
    with files.replacing(path) as file:
        text = io.TextIOWrapper(file, "utf-8", "replace", newline="")
        writer = csv.writer(text, lineterminator="\n")
        cut = (lifted.select(slice(n, n + _ROWS)) for lifted in parts for n in range(0, len(lifted) or 1, _ROWS))
        try:
            for number, lifted in enumerate(cut):
                columns = _columns(lifted)
                if number == 0:
                    writer.writerow(columns)
                writer.writerows(zip(*columns.values(), strict=True))
        finally:
            text.detach()  # Flushes the text; `replacing` closes the file.


def _columns(lifted: Lifted) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {
        name: getattr(lifted, name).tolist() for name in ("subject", "clip", "camera", "person", "frame")
    }
    columns["valid"] = lifted.valid.astype(int).tolist()
    if lifted.elevation is not None:
        columns["elevation_deg"] = rounded(lifted.elevation, "degrees").tolist()
    if lifted.percentile is not None:
        percentile = rounded(lifted.percentile, "percent")
        columns["percentile"] = ["" if np.isnan(value) else value for value in percentile.tolist()]
    columns |= {"unit": [lifted.unit] * len(lifted), "axes": [lifted.axes] * len(lifted)}
    for joint, of_joint in zip(lifted.skeleton.joints, np.moveaxis(lifted.poses_3d, 1, 0), strict=True):
        for axis, values in zip("xyz", of_joint.T, strict=True):
            columns[f"{joint}_{axis}"] = rounded(values, lifted.unit).tolist()
    return columns
