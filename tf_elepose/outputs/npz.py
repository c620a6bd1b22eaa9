"""npz: all fields of lifted poses as arrays, for Python; no pickle.

Arrays of N rows: poses_3d [N, J, 3], poses_2d [N, J, 2] px (NaN: not seen), valid, clip, subject, camera, frame,
person [N]; elevation (degrees) and percentile [N] where the model gives them; frame_rate where it is known. Where the
model knows canonical poses, canonical_3d [N, J, 3] and camera_rotation [N, 3, 3], 0 where not valid: p = R c for each
joint p of poses_3d and c of canonical_3d. For all rows: unit ("unit" or "mm"), axes ("camera" or "level"), model (name
and fingerprint), source, joints [J], parents [J] ("" for the joint that has none) and skeleton (JSON).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator

import numpy as np

from tf_elepose.motion.lifted import Lifted, row_values
from tf_elepose.storage import npz_parts


def write_npz(path: str | os.PathLike[str], parts: Iterable[Lifted]) -> None:
    """Writes the poses of all `parts`, of one model, to `path` as one npz file.

    Raises:
      ValueError: no parts.
      OSError: the file cannot be written; an earlier file there is left as it was.
    """
    about: dict[str, np.ndarray] = {}

    def rows() -> Iterator[dict[str, np.ndarray]]:
        for lifted in parts:
            about.update(_about(lifted))
            yield _rows(lifted)

    npz_parts.write_npz_parts(path, rows(), lambda: about)


def _rows(lifted: Lifted) -> dict[str, np.ndarray]:
    rows = row_values(lifted)
    if lifted.canonical is not None:
        rows |= {"canonical_3d": lifted.canonical, "camera_rotation": rows.pop("rotation")}
    return rows


def _about(lifted: Lifted) -> dict[str, np.ndarray]:
    skeleton = lifted.skeleton
    about = {name: np.array(getattr(lifted, name)) for name in ("unit", "axes", "model", "source")}
    about["joints"] = np.array(skeleton.joints)
    about["parents"] = np.array([parent or "" for parent in skeleton.parents])
    about["skeleton"] = np.array(json.dumps(skeleton.to_dict()))
    if lifted.frame_rate is not None:
        about["frame_rate"] = np.array(lifted.frame_rate)
    return about
