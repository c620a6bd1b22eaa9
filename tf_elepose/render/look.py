"""How a pose is drawn, on images and in the page alike."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Look:
    """The numbers of a drawing; frozen. `LOOK` is the one there is.

    Attributes:
      faded: share of the background in the colour of the farthest joint.
      far_width, near_width: width of the farthest and of the nearest bone, of one at the root's depth.
      dash, gap: of a dashed line, in its widths; the report's figures have the same.
      head, joint: radius of these discs, of a bone's width.
      distance: from the drawing's camera to the pose, in reaches of the pose: some perspective, little distortion.
      elevation: degrees that it looks down: enough to see the ground.
      turn: degrees that a drawing turns in a second.
      ground, ground_least: radius of the ground's disc, in reaches of the pose, and at least of its height.
      camera: how far the mark that stands for the clip's camera reaches, in radii of the ground.
      camera_word: px from there to the middle of its word, across and along.
      outlier: the drawing is made for poses up to so many times as large as the median one.
      image_share: percent of the 2D coordinates that are left out at each end when the place for them is made.
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
