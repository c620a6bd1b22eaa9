"""Selection, denoising and scaling of training poses."""

from __future__ import annotations

import dataclasses

import numpy as np
from absl import logging

from tf_elepose.data.keypoints import Keypoints
from tf_elepose.data.recording import Recording
from tf_elepose.data.tracks.denoising import denoise
from tf_elepose.data.tracks.stretches import FEWEST
from tf_elepose.normalization import Normalizer
from tf_elepose.skeleton.skeletons import MIN_JOINTS
from tf_elepose.training.evaluator import independent_clips

DENOISING = ("auto", "always", "never")


def usable(train: Recording, keypoints: Keypoints) -> tuple[Recording, Keypoints]:
    """The rows with enough seen joints, and their 2D poses."""
    enough = keypoints.seen.sum(axis=1) >= min(MIN_JOINTS, train.skeleton.num_joints)
    if enough.all():
        return train, keypoints
    if not enough.any():
        raise ValueError(f"{train.source}: no training pose shows {MIN_JOINTS} joints")
    logging.warning(
        "%s: %d of %d training poses show fewer than %d joints and are left out",
        train.source, (~enough).sum(), len(enough), MIN_JOINTS,
    )  # fmt: skip
    return train.select(enough), keypoints.select(enough)


MOST_WATCHED = 16_384
"""The number of poses on which a network is measured while it trains. More poses take more time, and the mean over this
many has an error below a hundredth of their deviation."""


def denoised(train: Recording, keypoints: Keypoints, choice: str) -> np.ndarray:
    """The training poses [N, J, 2] in pixels with less of their detector's noise (data/tracks/denoising.py).

    Args:
      train, keypoints: from `usable`.
      choice: "auto" (only poses with confidences, which a detector has made), "always" or "never".

    Raises:
      ValueError: another choice.
    """
    if choice not in DENOISING:
        raise ValueError(f"denoise must be {', '.join(DENOISING[:-1])} or {DENOISING[-1]}; got {choice!r}")
    if choice == "never" or (choice == "auto" and keypoints.confidence is None):
        return keypoints.pixels
    found = denoise(keypoints, train.tracks, train.frame)
    untold = _tracks_within(train, found.lone)
    if untold:
        shown = ", ".join(untold[:_SHOWN]) + (f" and {len(untold) - _SHOWN} more" if len(untold) > _SHOWN else "")
        logging.warning(
            "%s: the noise of %d of %d tracks cannot be estimated (fewer than %d different poses in a row, or people "
            "who jump); their training poses stay as they are: %s",
            train.source, len(untold), len(np.unique(train.tracks)), FEWEST, shown,
        )  # fmt: skip
    if found.lone.all():
        return keypoints.pixels
    logging.info(
        "%s: training poses denoised over time: a joint's coordinate was off by %.1f to %.1f %% of the body's size; "
        "%.0f %% of the poses have neighbours in time",
        train.source, 100 * found.noise.min(), 100 * found.noise.max(), 100 * found.in_tracks,
    )  # fmt: skip
    return found.pixels


_SHOWN = 5  # The log names at most this many tracks.


def _tracks_within(train: Recording, rows: np.ndarray) -> list[str]:
    """Names the tracks that have all their rows in the mask `rows` [N], by subject, clip, camera and person."""
    tracks = train.tracks
    parts: list[np.ndarray] = [train.subject, train.clip, np.char.add("camera", train.camera.astype(str))]
    if train.person is not None:
        parts.append(np.char.add("person", train.person.astype(str)))
    within, first = np.unique(tracks, return_index=True)
    kept = ~np.isin(within, tracks[~rows])
    return ["-".join(str(part[row]) for part in parts if str(part[row])) for row in first[kept]]


def scaled_by_clip(
    normalizer: Normalizer, pixels: np.ndarray, groups: np.ndarray, seen: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Poses [N, J, 2] of equal size whatever their distance, and their mask [N, J] of seen joints: none is seen where a
    pose's clip and camera never show root and head together, so that its size is not known.
    """
    skeleton = normalizer.skeleton
    root, head = skeleton.root_index, skeleton.index(skeleton.head)
    with_head = seen[:, root] & seen[:, head] & (pixels[:, root] != pixels[:, head]).any(axis=-1)
    sized = np.isin(groups, groups[with_head])
    image = np.zeros(pixels.shape, np.float32)
    by_clip = dataclasses.replace(normalizer, rule="clip")
    image[sized], _ = by_clip.apply(pixels[sized], groups[sized], seen[sized])
    return image, seen & sized[:, np.newaxis]


def held_out_clips(train: Recording, share: float, seed: int) -> np.ndarray:
    """Mask [N] of the rows of held-out clips: whole clips, since frames of one clip are alike; none with `share` 0."""
    if not 0 <= share < 1:
        raise ValueError(f"held_out must be at least 0 and below 1; got {share}")
    of_row = independent_clips(train)
    if not share:
        return np.zeros(len(of_row), bool)
    clips = np.unique(of_row)
    if len(clips) < 2:
        raise ValueError(
            f"{train.source}: expected at least 2 training clips, one of them to select the prior on; "
            f"got {len(clips)}; --config.prior.held_out=0 trains on all"
        )
    count = min(len(clips) - 1, max(1, round(share * len(clips))))
    return np.isin(of_row, np.random.default_rng(seed).permutation(clips)[:count])


def watched_rows(held_out: np.ndarray) -> np.ndarray:
    """Rows, at most `MOST_WATCHED`, on which a network is measured while it trains: evenly spaced among the `held_out`
    [N] poses, or among all where none is held out.
    """
    rows = np.flatnonzero(held_out) if held_out.any() else np.arange(len(held_out))
    return rows[np.linspace(0, len(rows) - 1, min(MOST_WATCHED, len(rows))).astype(int)]
