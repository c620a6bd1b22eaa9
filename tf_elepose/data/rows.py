"""Rows that readers yield, in the file's own joints.

A reader is a generator: `read_FORMAT(path, *, its own options) -> Iterator[Rows]`. It turns a file's layout into
pixels, millimetres and the camera frame, says which convention the joints have, and holds only a part of a large file
in memory at a time. Missing joints, conversion and people are treated in assembly.py, in the same way for all formats.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from tf_elepose.data.identities import PERSON as PERSON
from tf_elepose.data.identities import PLACE as PLACE
from tf_elepose.data.identities import TRACK as TRACK
from tf_elepose.skeleton.conversion import Convention
from tf_elepose.skeleton.skeletons import Skeleton


@dataclasses.dataclass(frozen=True, eq=False)
class Rows:
    """n rows of a file; where a field has a single value, it holds for all rows.

    Attributes:
      convention: names the K joints of all poses for which no other field below names a convention.
      poses_2d: [n, K, 2] px, x right, y down; NaN for missing joints. Joints at (0, 0) and (-1, -1) are missing, too
        (see `visibility`): a reader that scales or shifts coordinates sets them to NaN first.
      subject, action, clip, split: text, one or [n].
      camera, frame, person: integers from 0, one or [n]; `person` is None where each clip has one person.
      identity: one of `IDENTITIES`, or [n] of them: what `person` means. Ids of the file are PERSON. Without ids,
        `person` counts the people of a frame and is PLACE; assembly.py then links them over time. A file may have both:
        a tracker that has lost a person gives no id.
      confidence: [n, K] from 0, of `poses_2d_detected` (and in its convention) where given, otherwise of `poses_2d`;
        0 is a missing joint.
      poses_2d_detected: [n, L, 2] px, NaN for missing joints, of `detected_convention`.
      poses_3d: [n, M, 3] mm, camera frame, of `convention_3d`.
      elevation: [n] degrees of the camera above the horizon.
      image_size: (width, height) px of these rows' images, or by camera.
      score: [n] how good a detection each row is; `people=best` compares it. If None, the sum of confidences is used.
      dropped: poses that the reader left out since its last rows, by reason.
      done: share of the source read so far, 0 to 1, where it is known.
    """

    convention: Convention | Skeleton
    poses_2d: np.ndarray
    subject: str | np.ndarray
    clip: str | np.ndarray
    frame: int | np.ndarray
    action: str | np.ndarray = ""
    split: str | np.ndarray = "train"
    camera: int | np.ndarray = 0
    person: int | np.ndarray | None = None
    identity: str | np.ndarray = PERSON
    confidence: np.ndarray | None = None
    poses_2d_detected: np.ndarray | None = None
    detected_convention: Convention | Skeleton | None = None
    poses_3d: np.ndarray | None = None
    convention_3d: Convention | Skeleton | None = None
    elevation: np.ndarray | None = None
    image_size: tuple[int, int] | Mapping[int, tuple[int, int]] | None = None
    score: np.ndarray | None = None
    dropped: Mapping[str, int] = dataclasses.field(default_factory=dict)
    done: float | None = None
