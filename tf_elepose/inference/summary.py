"""A summary of the lifted poses in a few lines for the user."""

from __future__ import annotations

import collections
from collections.abc import Sequence

import numpy as np
from absl import logging

from tf_elepose.data.identities import PLACE, TRACK
from tf_elepose.data.recording import Recording
from tf_elepose.motion.lifted import FEW_JOINTS, NO_EXTENT, Lifted, few_joints

UNUSUAL_PERCENTILE = 5.0
"""Poses below this percentile are unusual: the share of the training poses below it is this number, in percent."""

_MOSTLY = 0.5  # With such a share of unusual poses, convention or axes of the input are probably wrong.

_AXES = {"camera": "camera, x right, y down, z forward", "level": "level, x right, y down to the ground, z forward"}

_MOST_PEOPLE = 4  # At most this many people are named.

_STEPS = 100  # Counted steps in one percent; the median is exact to a step.


class LiftSummary:
    """Counts of the lifted poses, over all parts.

    Attributes:
      poses: number of poses, valid or not.
    """

    def __init__(self) -> None:
        self.poses = 0
        self._valid = self._few = self._unusual = 0
        self._dropped = collections.Counter[str]()
        self._people = collections.Counter[tuple[str, str, int, int]]()  # Frames of each, by clip, camera and number.
        self._identities = set[str]()
        self._several = False
        self._percentiles = np.zeros(100 * _STEPS + 1, np.int64)
        self._about: Lifted | None = None

    def add(self, lifted: Lifted, *recordings: Recording) -> None:
        """Counts the poses of a part, and the rows that were dropped from its recordings."""
        self._about = lifted.select(slice(0))  # Model, unit and axes, the same for all parts; without poses.
        self.poses += len(lifted)
        self._valid += int(lifted.valid.sum())
        self._few += int((few_joints(lifted) & ~lifted.valid).sum())
        for recording in recordings:
            self._dropped.update(recording.dropped)
            self._identities.add(recording.identity)
        self._several |= bool(lifted.person.max(initial=0))
        if TRACK in self._identities:
            columns = (lifted.subject, lifted.clip, lifted.camera, lifted.person)
            self._people.update(zip(*(column.tolist() for column in columns), strict=True))
        if lifted.percentile is not None:
            percentiles = lifted.percentile[lifted.valid]
            self._unusual += int((percentiles < UNUSUAL_PERCENTILE).sum())
            steps = np.rint(_STEPS * percentiles).astype(np.int64)
            self._percentiles += np.bincount(steps, minlength=len(self._percentiles))

    def _not_valid(self) -> dict[str, int]:
        reasons = {FEW_JOINTS: self._few, NO_EXTENT: self.poses - self._valid - self._few}
        return {reason: count for reason, count in reasons.items() if count}

    def text(self, height_mm: float | None) -> str:
        """The summary, one fact a line; `height_mm` is that of the person, where it was given.

        Raises:
          ValueError: nothing was added.
        """
        lifted = self._about
        if lifted is None:
            raise ValueError("nothing lifted: expected at least one part")
        reasons = "; ".join(f"{count:,} {reason}" for reason, count in self._not_valid().items())
        lines = [f"lifted: {self._valid:,} of {self.poses:,} poses" + (f"; not valid: {reasons}" if reasons else "")]
        if self._dropped:
            left_out = "; ".join(f"{count:,} {reason}" for reason, count in self._dropped.items())
            lines.append(f"left out when read: {left_out}")
        if self._people or (PLACE in self._identities and self._several):
            lines.append(f"people: {self._followed()}")
        if lifted.percentile is not None and self._valid:
            share = 100.0 * self._unusual / self._valid
            lines.append(
                f"likelihood: median percentile {self._median():.0f} of the training's poses; "
                f"{share:.1f} % of the poses are below {UNUSUAL_PERCENTILE:g}, unlike nearly all of them"
            )
            if share > 100.0 * _MOSTLY:
                logging.warning(
                    "%s: most poses are unlike what the model has learnt from: look whether joints (--convention) and "
                    "axes (x right, y down) are right, and do not rely on the poses",
                    lifted.source,
                )
        unit = "about one from root to head" if height_mm is None else f"mm, of a body of {height_mm:g} mm"
        lines.append(f"poses_3d: unit: {unit}; axes: {_AXES[lifted.axes]}; joints: {lifted.skeleton.name}")
        return "\n".join([*lines, f"model: {lifted.model}"])

    def _followed(self) -> str:
        """Says how many people a source without ids has, and in how many poses the longest seen people are."""
        if PLACE in self._identities:
            return "numbered by their places in the list of each image: nobody can be followed from image to image"
        several = len({name[:3] for name in self._people}) > 1
        shown = [
            f"{person}{f' of {clip}' if several else ''} in {frames:,} poses"
            for (_, clip, _, person), frames in self._people.most_common(_MOST_PEOPLE)
        ]
        more = ", ..." if len(self._people) > _MOST_PEOPLE else ""
        return f"{len(self._people):,}, linked over time by place and size: {', '.join(shown)}{more}"

    def _median(self) -> float:
        below = np.cumsum(self._percentiles)
        middle = np.searchsorted(below, [(self._valid - 1) // 2, self._valid // 2], side="right")
        return float(np.mean(middle)) / _STEPS


def warn_of_places(recordings: Sequence[Recording], tracks_for: Sequence[str]) -> None:
    """Warns if the flags in `tracks_for` need tracks, but the numbers of people do not say who is who."""
    places = [
        recording.source
        for recording in recordings
        if recording.identity == PLACE and recording.person is not None and recording.person.any()
    ]
    if places and tracks_for:
        logging.warning(
            "%s: nobody can be followed from image to image, so people are numbered by their places in each image's "
            "list: %s may mix people up; --people=best or --people=largest keeps one person in each image",
            places[0], ", ".join(tracks_for),
        )  # fmt: skip
