"""Moments: groups of rows of a recording that are views of one pose at one time; arrays have one row a moment."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from tf_elepose.data.identities import PERSON
from tf_elepose.data.pipeline import Batches
from tf_elepose.data.recording import Recording

RIGS = ("clip", "subject")
"""How long cameras stand still: within a clip, or (Human3.6M) in all clips of a subject."""


@dataclasses.dataclass(frozen=True, eq=False)
class Moments:
    """The rows of a recording that belong to each moment, and the cameras that see it.

    Attributes:
      cameras: [V] the recording's camera numbers, ascending; the view axis.
      rows: [M, V] rows of the recording, -1 where a camera does not see the moment.
      rig: [M] labels; the cameras did not move between moments of one label.
      single: how many moments were left out because only one camera sees them.
    """

    cameras: np.ndarray
    rows: np.ndarray
    rig: np.ndarray
    single: int

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def present(self) -> np.ndarray:
        """Mask [M, V] of the views that exist."""
        return self.rows >= 0

    def views(self, values: np.ndarray) -> np.ndarray:
        """Arranges `values` [N, ...] of the recording's rows by moment and view, [M, V, ...]; 0 for missing views."""
        found = values[np.maximum(self.rows, 0)]
        shape = self.rows.shape + (1,) * (values.ndim - 1)
        return np.where(self.present.reshape(shape), found, np.zeros_like(values, shape=()))


def moments(recording: Recording, *, cameras: int = 0, rig: str = "clip") -> Moments:
    """The moments of `recording` that at least two cameras see.

    Args:
      recording: rows with equal (subject, clip, frame, person) are views of one moment. Where the source has no ids of
        people, each camera must see only one person in a frame; all cameras are then taken to see the same person.
      cameras: how many of the cameras to use, those with the lowest numbers; 0 is all.
      rig: one of `RIGS`.

    Raises:
      ValueError: there are fewer than two cameras; no two cameras see the same moment; a camera sees a moment twice; or
        a camera sees several people whose ids are not known.
    """
    if rig not in RIGS:
        raise ValueError(f"unknown rig {rig!r}; expected one of {', '.join(RIGS)}")
    used = np.unique(recording.camera)
    if cameras < 0 or cameras == 1 or cameras > len(used):
        raise ValueError(f"{recording.source}: cameras: expected 0 (all) or 2 to {len(used)}; got {cameras}")
    used = used[: cameras or None]
    chosen = np.flatnonzero(np.isin(recording.camera, used))
    _, subject = np.unique(recording.subject[chosen], return_inverse=True)
    _, clip = np.unique(recording.clip[chosen], return_inverse=True)
    person = _person(recording)[chosen]
    names = np.stack([subject, clip, recording.frame[chosen], person], axis=1)
    unique, moment = np.unique(names, axis=0, return_inverse=True)
    slot = np.searchsorted(used, recording.camera[chosen])
    rows = np.full((len(unique), len(used)), -1)
    rows[moment, slot] = chosen
    if (rows >= 0).sum() < len(chosen):
        kept = np.zeros(len(recording), bool)
        kept[rows[rows >= 0]] = True
        row = int(chosen[~kept[chosen]][0])
        raise ValueError(
            f"{recording.source}: camera {recording.camera[row]} sees the same moment of clip "
            f"{str(recording.clip[row])!r} twice (frame {recording.frame[row]}, row {row}): give the people of a "
            "clip different numbers (`person`), or choose one of them"
        )
    seen_twice = (rows >= 0).sum(axis=1) >= 2
    if not seen_twice.any():
        raise ValueError(
            f"{recording.source}: no moment is seen by two cameras; rows with equal (subject, clip, frame, person) are "
            "views of one moment"
        )
    names = unique[seen_twice][:, : {"subject": 1, "clip": 2}[rig]]
    _, label = np.unique(names, axis=0, return_inverse=True)
    return Moments(used, rows[seen_twice], label.ravel(), int((~seen_twice).sum()))


def _person(recording: Recording) -> np.ndarray:
    """Numbers [N] of people that mean the same person in all cameras of a clip.

    People who were linked over time are numbered in each camera separately. Such numbers agree between cameras only if
    each camera sees one person.
    """
    if recording.person is None:
        return np.zeros(len(recording), np.int32)
    if recording.identity == PERSON or len(np.unique(recording.camera)) < 2:
        return recording.person
    columns = [np.unique(values, return_inverse=True)[1] for values in (recording.subject, recording.clip)]
    order = np.lexsort((recording.frame, recording.camera, *columns))
    images = np.stack([*columns, recording.camera, recording.frame], axis=1)[order]
    again = np.flatnonzero((images[1:] == images[:-1]).all(axis=1))
    if len(again):
        row = int(order[again[0] + 1])
        raise ValueError(
            f"{recording.source}: camera {recording.camera[row]} sees several people in frame {recording.frame[row]} "
            f"of clip {str(recording.clip[row])!r}, and the source does not say who of them "
            "is who in the other cameras: give each the same number (`person`) in all cameras, or choose one: "
            "--option=people=largest, longest or best"
        )
    return np.zeros(len(recording), np.int32)


class MomentBatches(Batches):
    """Batches of moments; all views of a moment are mirrored together.

    A mirrored camera counts as another camera: the label "rig" of a mirrored moment changes.
    """

    def augment(self, batch: Mapping, step, replica, replicas: int) -> dict:
        """Mirrors moments at random, see `Batches.augment`, and gives the mirrored ones another "rig"."""
        augmented = super().augment(batch, step, replica, replicas)
        if self.flip and "rig" in batch:
            mirrored = self.flips(step, replica, replicas)
            augmented["rig"] = 2.0 * batch["rig"] + tf.cast(mirrored, batch["rig"].dtype)
        return augmented
