"""The sizes and shades of drawings, the same on images and in the page."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Look:
    """The numbers of a drawing; frozen. `LOOK` is the only instance.

    Attributes:
      faded: share of the background in the colour of the farthest joint.
      far_width, near_width: width of the farthest and of the nearest bone, in widths of a bone at the root's depth.
      dash, gap: of a dashed line, in its widths; the same as in the report's figures.
      head, joint: radii of these discs, in widths of a bone.
      distance: from the drawing's camera to the pose, in reaches of the pose: some perspective, little distortion.
      elevation: degrees by which that camera looks down: enough to see the ground.
      turn: degrees that a drawing turns in a second.
      ground, ground_least: radius of the ground's disc, in reaches of the pose; its minimum, in heights of the pose.
      camera: outer end of the mark of the clip's camera, in radii of the ground.
      camera_word: px from there to the middle of the word "camera", across and along.
      outlier: largest size of a pose, relative to the median pose, that the drawing has room for.
      image_share: percent of the 2D coordinates at each end that the panel of the 2D input may cut off.
    """

    faded: float = 0.45
    far_width: float = 0.75
    near_width: float = 1.3
    dash: float = 3.2
    gap: float = 1.1
    head: float = 1.5
    joint: float = 0.8
    distance: float = 4.5
    elevation: float = 12.0
    turn: float = 30.0
    ground: float = 1.12
    ground_least: float = 0.4
    camera: float = 1.14
    camera_word: tuple[float, float] = (32.0, 14.0)
    outlier: float = 1.6
    image_share: float = 0.5


LOOK = Look()
