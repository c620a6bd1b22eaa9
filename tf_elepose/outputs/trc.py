"""TRC files: marker positions over time, for OpenSim and other biomechanics programs.

The layout is that of OpenSim's own writer, TRCFileAdapter, because OpenSim's reader is the strictest: a header of five
lines, an empty line, then a row a frame. Every cell ends in a tab, so that an empty cell at a row's end still counts.
"""

from __future__ import annotations

import os
import pathlib

import numpy as np

from tf_elepose.motion.lifted import Lifted
from tf_elepose.outputs.motion import track_motion
from tf_elepose.storage import files

_FIELDS = (
    "DataRate", "CameraRate", "NumFrames", "NumMarkers", "Units", "OrigDataRate", "OrigDataStartFrame", "OrigNumFrames",
)  # fmt: skip


def write_trc(path: str | os.PathLike[str], lifted: Lifted) -> None:
    """Writes the one track in `lifted` to `path` as a TRC file: a marker a joint, mm, y up.

    Frames keep the clip's numbers, and Time is the number divided by the frame rate, so rows match the video. Every
    frame from the first to the last has a row; where there is no valid pose its cells are empty, which OpenSim reads
    as missing. The root is at the origin in every frame.

    Raises:
      ValueError: not one track, poses without a size (--height), no frame rate (--fps), no valid pose.
      OSError: the file cannot be written.
    """
    motion = track_motion(lifted, path)
    # A camera with 60 frames a second, every second frame lifted: DataRate 30, CameraRate 60.
    header = dict.fromkeys(_FIELDS, "")
    header |= {"DataRate": f"{motion.rate:.6g}", "CameraRate": f"{motion.frame_rate:.6g}", "Units": "mm"}
    header |= {"NumFrames": str(len(motion.frames)), "NumMarkers": str(lifted.skeleton.num_joints)}
    header |= {"OrigDataRate": header["CameraRate"], "OrigNumFrames": header["NumFrames"]}
    header |= {"OrigDataStartFrame": str(motion.frames[0])}
    places = range(1, lifted.skeleton.num_joints + 1)
    lines = [
        f"PathFileType\t4\t(X/Y/Z)\t{_cell(os.fsencode(pathlib.Path(path).name).decode('utf-8', 'replace'))}",
        "\t".join(_FIELDS),
        "\t".join(header.values()),
        "Frame#\tTime\t" + "".join(f"{_cell(joint)}\t\t\t" for joint in lifted.skeleton.joints),
        "\t\t" + "".join(f"X{place}\tY{place}\tZ{place}\t" for place in places),
        "",
    ]
    # Rounded, then 0 added: "-0.0000" becomes "0.0000".
    rows = np.round(motion.positions, 4).reshape(len(motion.frames), -1) + 0.0
    cells, empty = "%.4f\t" * rows.shape[1], "\t" * rows.shape[1]
    for frame, row, known in zip(motion.frames.tolist(), rows, motion.known, strict=True):
        lines.append(f"{frame}\t{frame / motion.frame_rate:.6f}\t" + (cells % tuple(row) if known else empty))
    files.write_text(path, "\n".join(lines) + "\n")


def _cell(text: str) -> str:
    """`text` without characters that end a cell or a line."""
    return "_".join(text.split())
