"""The distribution of a student's training views, in plain values; without TensorFlow."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class ViewSettings:
    """The distribution that training views are drawn from.

    Attributes:
      elevation_deg, elevation_spread_deg: mean and standard deviation of the camera's elevation, positive looking down.
      roll_deg: standard deviation of the camera's roll.
      nearest, farthest: from the camera to the root, in lengths from root to head; uniform in the logarithm.
      bones: standard deviation of the logarithm of each bone's length over bodies, left and right alike.
      joints: standard deviation of each joint's place in the body, as a share of root to head: detectors do not agree
        about the place of a joint, such as the hip.
      face: largest distance by which the head's joints are moved forwards, as a share of root to head: detectors find
        noses and eyes, motion capture has the middle of the head.
      noise: standard deviation of a joint's place in the image, as a share of root to head, in the worst poses; each
        pose draws its own, between 0 and this.
      outliers: share of joints that are far off, and `outlier_distance` how far (standard deviation).
      swaps: share of poses with swapped legs, and of poses with swapped arms.
      hidden: share of poses with hidden joints, and `most_hidden` the largest share of their joints that is hidden.
    """

    elevation_deg: float
    elevation_spread_deg: float
    roll_deg: float
    nearest: float
    farthest: float
    bones: float
    joints: float
    face: float
    noise: float
    outliers: float
    outlier_distance: float
    swaps: float
    hidden: float
    most_hidden: float
