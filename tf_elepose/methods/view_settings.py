"""The distribution of the views that a student is trained on, in plain values; without TensorFlow."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class ViewSettings:
    """What views are drawn; plain values.

    Attributes:
      elevation_deg, elevation_spread_deg: mean and standard deviation of the camera's elevation, positive looking down.
      roll_deg: standard deviation of the camera's roll.
      nearest, farthest: from the camera to the root, in lengths from root to head; uniform in the logarithm.
      bones: standard deviation of the logarithm of each bone's length, left and right alike, over bodies.
      joints: standard deviation of each joint's place in the body, as a share of root to head: detectors do not agree
        where in a hip the joint is.
      face: how far forwards the head's joints lie at most, as a share of root to head: detectors find noses and eyes
        where motion capture has the middle of the head.
      noise: standard deviation of a joint's place in the image, as a share of root to head, in the worst poses; each
        pose has its own, from 0 on.
      outliers: share of joints that are far off, and `outlier_distance` how far (standard deviation).
      swaps: share of poses whose legs, and of those whose arms, are on the wrong side.
      hidden: share of poses that hide joints, and `most_hidden` the largest share of the joints they hide.
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
