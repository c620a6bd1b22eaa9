"""Skeleton morphing of matched recordings: the network is trained on some subjects and applied to the others."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import tensorflow as tf
from absl import logging

from tf_elepose.data.pipeline import Batches
from tf_elepose.data.recording import Recording
from tf_elepose.methods.morphing import MorphFitting
from tf_elepose.nn.morpher import PoseMorpher
from tf_elepose.normalization import Normalizer
from tf_elepose.skeleton.skeletons import MIN_JOINTS
from tf_elepose.training import schedules
from tf_elepose.training.loop import Loop

_BATCH = 512

_RATE = 1e-3


def matched(detections: Recording, truth: Recording) -> tuple[np.ndarray, np.ndarray]:
    """Rows [M] of `detections` and rows [M] of `truth` that are the same person in the same frame and camera.

    Raises:
      ValueError: the two have no such row in common, or `truth` has a row twice.
    """
    keys = [_keys(recording) for recording in (detections, truth)]
    place = {key: row for row, key in enumerate(keys[1])}
    if len(place) < len(keys[1]):
        raise ValueError(f"{truth.source}: a person is there twice in one frame of one camera")
    rows = [(row, place[key]) for row, key in enumerate(keys[0]) if key in place]
    if not rows:
        raise ValueError(
            f"{detections.source} and {truth.source} have no row in common: expected equal (subject, clip, camera, "
            f"frame, person); the first are {keys[0][0]} and {keys[1][0]}"
        )
    found = np.array(rows)
    return found[:, 0], found[:, 1]


def morph(
    detections: Recording, truth: Recording, subjects: list[str], *, width: int, epochs: float, seed: int
) -> tuple[Recording, dict[str, float]]:
    """Moves the detections of all other subjects towards the joints of `truth`.

    Args:
      detections: 2D poses of a detector, with the joints of `truth` as far as it has them.
      truth: the data set; the network learns from the 2D joints of `subjects` and from no others.
      subjects: the network is trained on them; their rows are left out of the result.
      width: of the network.
      epochs: of training.
      seed: of everything random.

    Returns:
      `truth` of the other subjects with the moved `poses_2d_detected` and `confidence`; joints that the detector missed
      stay missing. And the mean distance from the data set's joints, before and after, px: figures only, which training
      does not use.

    Raises:
      ValueError: no row in common, an unknown subject, or nobody left.
    """
    skeleton = truth.skeleton
    rows, places = matched(detections, truth)
    found = detections.view("detected").select(rows)
    enough = found.seen.sum(axis=1) >= MIN_JOINTS
    places, found = places[enough], found.select(enough)
    pixels, seen, trust = found.pixels, found.seen, found.confidence
    subject = truth.subject[places]
    if unknown := sorted(set(subjects) - set(subject.tolist())):
        raise ValueError(f"no such subject: {', '.join(unknown)}; there are {', '.join(sorted(set(subject.tolist())))}")
    learns = np.isin(subject, subjects)
    if learns.all():
        raise ValueError(f"no subject is left besides {', '.join(sorted(subjects))}")
    confidence = np.where(seen, 1.0 if trust is None else np.clip(trust, 0.0, 1.0), 0.0).astype(np.float32)
    normalizer = Normalizer.fit(pixels[learns], skeleton, rule="pose", seen=seen[learns])
    image, factor = normalizer.apply(pixels, seen=seen)
    # The place where `apply` puts the origin: the root, or the mean of the seen joints.
    seen_pixels = np.where(seen[..., np.newaxis], pixels, 0.0)
    count = np.maximum(seen.sum(axis=1), 1)[:, np.newaxis]
    root = skeleton.root_index
    origin = np.where(seen[:, root, np.newaxis], pixels[:, root], seen_pixels.sum(axis=1) / count)
    target = (truth.poses_2d[places] - origin[:, np.newaxis]) / factor[:, np.newaxis, np.newaxis]
    morpher = PoseMorpher(skeleton.num_joints, width=width, input_deviation=normalizer.deviation, seed=seed)
    morpher.build()
    truth_seen = truth.view("gt").seen[places]
    arrays = {"image": image, "target": target, "confidence": confidence, "target_seen": truth_seen}
    _train(morpher, {name: array[learns] for name, array in arrays.items()}, skeleton, epochs, seed)
    others = np.flatnonzero(~learns)
    output = np.concatenate([
        morpher(tf.constant(image[part]), tf.constant(confidence[part])).numpy()
        for part in np.array_split(others, 1 + len(others) // 8192)
    ])  # fmt: skip
    moved = output * factor[others, np.newaxis, np.newaxis] + origin[others, np.newaxis]
    seen_in_both = seen[others] & truth_seen[others]
    before, after = (
        float(np.linalg.norm(poses - truth.poses_2d[places[others]], axis=-1)[seen_in_both].mean())
        for poses in (pixels[others], moved)
    )
    kept = truth.select(places[others])
    logging.info("%d poses to learn from, %d to keep", learns.sum(), len(others))
    moved = np.where(seen[others][..., np.newaxis], moved, 0.0).astype(np.float32)
    result = dataclasses.replace(kept, poses_2d_detected=moved, confidence=confidence[others])
    return result, {"poses": len(others), "before_px": before, "after_px": after}


def _train(morpher: PoseMorpher, arrays: dict[str, np.ndarray], skeleton, epochs: float, seed: int) -> None:
    size = min(_BATCH, len(arrays["image"]) // 2 * 2)
    batches = Batches(arrays, skeleton, batch_size=size, seed=seed, flip=True)
    steps = max(1, round(epochs * batches.steps_per_epoch))
    rate = schedules.make_schedule(
        "cosine", learning_rate=_RATE, steps=steps, steps_per_epoch=batches.steps_per_epoch,
        options={"warmup": 0.05, "floor": 0.0},
    )  # fmt: skip
    optimizer = keras.optimizers.Adam(rate, epsilon=1e-8, name="adam")
    optimizer.build(morpher.trainable_variables)
    loop = Loop(MorphFitting(morpher), {"morpher": optimizer}, batches, tf.distribute.get_strategy(), seed=seed)
    for first in range(0, steps, 500):
        loop.run(first, min(500, steps - first))


def _keys(recording: Recording) -> list[tuple]:
    person = np.zeros(len(recording), int) if recording.person is None else recording.person
    columns = (recording.subject, recording.clip, recording.camera, recording.frame, person)
    return list(zip(*(column.tolist() for column in columns), strict=True))
