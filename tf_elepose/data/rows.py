"""Rows as readers yield them, in the file's own joints.

A reader is a generator: `read_FORMAT(path, *, its own options) -> Iterator[Rows]`. It turns a file's layout into
pixels, millimetres and the camera frame, says which convention the joints have, and keeps a part of a large file in
memory at a time. Missing joints, conversion, people and checks are the same for all and happen in assembly.py.
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
    """n rows of a file; a single value holds for all of them.

    Attributes:
      convention: of the joints K of all poses, where a field below says nothing else.
      poses_2d: [n, K, 2] px, x right, y down; NaN for missing joints. (0, 0) and (-1, -1) are missing too, see
        `visibility`: a reader that scales or shifts coordinates sets them to NaN before.
      subject, action, clip, split: text, one or [n].
      camera, frame, person: integers from 0, one or [n]; person None where there is one a clip.
      identity: of `IDENTITIES`, one or [n]: what `person` tells. Ids that the file gives are PERSON. Where it gives
        none, `person` counts the people of a frame and is PLACE; assembly.py then links them over time. A file may mix
        both: a tracker that lost a person gives no id.
      confidence: [n, K] from 0, of `poses_2d_detected` (and in its convention) where given, otherwise of `poses_2d`;
        0 is a missing joint.
      poses_2d_detected: [n, L, 2] px, NaN for missing joints, of `detected_convention`.
      poses_3d: [n, M, 3] mm, camera frame, of `convention_3d`.
      elevation: [n] degrees of the camera above the horizon.
      image_size: (width, height) px of these rows' images, or by camera.
      score: [n] how good a detection each row is, to choose the best person by; the sum of confidences when None.
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
