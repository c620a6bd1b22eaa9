"""Keypoints to compare exported models on: like the training poses, with hidden joints, and hostile ones."""

from __future__ import annotations

import numpy as np

from export.signature import Signed

_HIDDEN = 0.15  # Share of the joints that are hidden, in every other pose.


def plausible(signed: Signed, count: int, seed: int) -> dict[str, np.ndarray]:
    """Inputs of `lift` for `count` poses like the training's (`PoseModel.sample`); every other one has hidden joints.

    The keypoints are the least-squares solution that the conversion maps to the pose. It is not always exact, because
    some joints are computed from others.
    """
    method, rng = signed.method, np.random.default_rng(seed)
    pixels = method.sample(count, seed) * method.normalizer.head_px * method.normalizer.distance
    keypoints = np.stack([pixels[..., axis] @ inverse.T for axis, inverse in enumerate(_inverses(signed))], axis=-1)
    keypoints += rng.uniform(300.0, 1000.0, (count, 1, 2))
    confidence = rng.uniform(0.5, 1.0, keypoints.shape[:2])
    confidence[1::2][rng.random(confidence[1::2].shape) < _HIDDEN] = 0.0
    return {
        "keypoints": keypoints.astype(np.float32),
        "confidence": np.maximum(confidence, 0.0).astype(np.float32) * (1.0 + signed.min_confidence),
        "root_head_mm": np.zeros(count, np.float32),
    }


def hostile(signed: Signed, count: int, seed: int) -> dict[str, np.ndarray]:
    """Inputs like `plausible`, in which every third pose is unusual: NaN, infinity, 1e30, no extent, no joints, joints
    that a program left out, or root-centred."""
    inputs = plausible(signed, count, seed)
    keypoints, confidence = inputs["keypoints"], inputs["confidence"]
    damages = (
        lambda row: keypoints[row].fill(np.nan),
        lambda row: keypoints[row].fill(np.inf),
        lambda row: keypoints[row].fill(1e30),
        lambda row: keypoints[row].fill(123.0),
        lambda row: confidence[row].fill(0.0),
        lambda row: confidence[row].fill(np.nan),
        lambda row: keypoints[row, ::4].fill(np.nan),
        lambda row: keypoints[row, ::5, 0].fill(-np.inf),
        lambda row: keypoints[row, 1::5].fill(-1e30),
        lambda row: confidence[row, ::4].fill(np.inf),
        lambda row: confidence[row].fill(-1.0),
        lambda row: keypoints[row, 1::6].fill(0.0),
        lambda row: keypoints[row, 2::6].fill(-1.0),
        lambda row: _centre(keypoints[row], signed.root_weights),
    )
    for row in range(2, count, 3):
        damages[row // 3 % len(damages)](row)
    inputs["root_head_mm"][1::4] = 700.0
    inputs["root_head_mm"][3::8] = np.resize([np.nan, np.inf, -1.0, 1e30], len(inputs["root_head_mm"][3::8]))
    return inputs


def _centre(pose: np.ndarray, root_weights: np.ndarray | None) -> None:
    """Moves a pose [K, 2] px so that its root is at the origin."""
    if root_weights is not None:
        pose -= (pose * root_weights).sum(axis=0).astype(np.float32)


def _inverses(signed: Signed) -> list[np.ndarray]:
    """Matrices [K, J] for x and for y from the model's joints to keypoints that give them, by least squares."""
    converted = signed.conversion
    inverses = []
    for recipes in (converted.recipes, converted.recipes_y):
        matrix = np.zeros((len(converted.target), len(converted.source)))
        for row, recipe in enumerate(recipes):
            for joint, weight in (recipe or {}).items():
                matrix[row, converted.source.index(joint)] = weight
        inverses.append(np.linalg.pinv(matrix))
    return inverses
