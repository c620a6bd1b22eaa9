"""Random views of given 3D poses with the errors of detectors: other bodies, cameras, noise, hidden joints.

A network learns to cope only with errors that are in its training. The views are drawn in the graph, new ones at every
step.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tf_elepose import geometry
from tf_elepose.data.detector import joint_error
from tf_elepose.methods import replicas
from tf_elepose.methods.completion import hide_joints
from tf_elepose.methods.view_settings import ViewSettings
from tf_elepose.normalization import Normalizer
from tf_elepose.skeleton.skeletons import Skeleton


@dataclasses.dataclass(frozen=True)
class View:
    """Views of B poses.

    Attributes:
      image: [B, J, 2] normalised, with the errors; 0 where not seen.
      seen: [B, J] which joints are seen.
      pose: [B, J, 3] the true pose in the camera's frame, root at the origin, in the unit of the given poses.
      elevation: [B] radians of the camera above the horizon.
    """

    image: tf.Tensor
    seen: tf.Tensor
    pose: tf.Tensor
    elevation: tf.Tensor


def random_view(levelled: tf.Tensor, normalizer: Normalizer, settings: ViewSettings, seed: tf.Tensor) -> View:
    """Random views of `levelled` poses [B, J, 3] (y down the vertical, root at the origin, about 1 from root to head).

    `seed` [2] is the step's, the same on every replica.
    """
    skeleton, size = normalizer.skeleton, tf.shape(levelled)[0]
    draw = _Draws(seed, size)
    pose = _other_body(levelled, skeleton, settings, draw)
    elevation = math.radians(settings.elevation_deg) + math.radians(settings.elevation_spread_deg) * draw.normal([])
    turn = geometry.rotation_z(math.radians(settings.roll_deg) * draw.normal([]))
    turn = turn @ geometry.rotation_x(elevation) @ geometry.rotation_y(draw.uniform([], -math.pi, math.pi))
    pose = geometry.rotate(turn, pose)
    distance = tf.exp(draw.uniform([], math.log(settings.nearest), math.log(settings.farthest)))[:, None, None]
    # Multiplied by the distance, lengths in the image are about those of the body.
    image = distance * geometry.project(pose, distance)
    image = _swapped(image, skeleton, settings.swaps, draw)
    deviation = settings.noise * draw.uniform([1], 0.0, 1.0) * joint_error(skeleton)
    far_off = draw.uniform([skeleton.num_joints], 0.0, 1.0) < settings.outliers
    deviation = tf.where(far_off, settings.outlier_distance, deviation)
    image += deviation[..., tf.newaxis] * draw.normal([skeleton.num_joints, 2])
    seen = hide_joints(tf.ones(tf.shape(image)[:2], tf.bool), draw.seed(), settings.most_hidden)
    seen |= draw.uniform([1], 0.0, 1.0) >= settings.hidden
    return View(normalizer.apply_in_graph(image, seen), seen, pose, elevation)


def _other_body(pose: tf.Tensor, skeleton: Skeleton, settings: ViewSettings, draw: _Draws) -> tf.Tensor:
    """The pose in a body of other proportions, with joints moved a little."""
    bones = [(skeleton.index(child), skeleton.index(parent)) for child, parent in skeleton.bones]
    vectors = tf.gather(pose, [c for c, _ in bones], axis=-2) - tf.gather(pose, [p for _, p in bones], axis=-2)
    # One draw for a bone and its partner on the other side.
    children = [child for child, _ in skeleton.bones]
    partners = [skeleton.joints[skeleton.mirror[skeleton.index(child)]] for child in children]
    pair = [min(row, children.index(partner)) for row, partner in enumerate(partners)]
    factor = tf.gather(tf.exp(settings.bones * draw.normal([len(bones)])), pair, axis=-1)
    chain = np.zeros((skeleton.num_joints, len(bones)), np.float32)  # Which bones lead from the root to a joint.
    for row, (child, parent) in sorted(enumerate(bones), key=lambda bone: _steps_from_root(skeleton, bone[1][0])):
        chain[child] = chain[parent]
        chain[child, row] = 1.0
    moved = tf.einsum("jk,bkd->bjd", chain, vectors * factor[..., tf.newaxis])
    moved += settings.joints * draw.normal([skeleton.num_joints, 3])
    moved += _face(moved, skeleton, settings, draw)
    return geometry.center(moved, skeleton.root_index)


def _face(pose: tf.Tensor, skeleton: Skeleton, settings: ViewSettings, draw: _Draws) -> tf.Tensor:
    """Offsets [B, J, 3] that move the joints of the head towards the face, in half of the poses, each by its own
    distance.
    """
    if not skeleton.arms:
        return tf.zeros_like(pose)
    (left, _, _), (right, _, _) = skeleton.arms
    parents = dict(skeleton.bones)
    across = pose[:, skeleton.index(right)] - pose[:, skeleton.index(left)]
    forwards = tf.linalg.cross(pose[:, skeleton.index(parents[left])], across)
    forwards = tf.math.divide_no_nan(forwards, geometry.safe_norm(forwards, keepdims=True))
    far = settings.face * tf.nn.relu(draw.uniform([1], -1.0, 1.0))
    head, joint = np.zeros((skeleton.num_joints, 1), np.float32), skeleton.head
    while joint != parents[left]:
        head[skeleton.index(joint)] = 1.0
        if joint not in parents:
            break  # The arms start at no joint between root and head.
        joint = parents[joint]
    return tf.constant(head) * (far * forwards)[:, tf.newaxis]


def _steps_from_root(skeleton: Skeleton, joint: int) -> int:
    parents = {skeleton.index(child): skeleton.index(parent) for child, parent in skeleton.bones}
    return 0 if joint not in parents else 1 + _steps_from_root(skeleton, parents[joint])


def _swapped(image: tf.Tensor, skeleton: Skeleton, share: float, draw: _Draws) -> tf.Tensor:
    """The poses, some of them with left and right legs, or arms, swapped."""
    for limbs in (skeleton.legs, skeleton.arms):
        own = {skeleton.index(joint) for limb in limbs for joint in limb}
        order = [partner if j in own else j for j, partner in enumerate(skeleton.mirror)]
        swapped = draw.uniform([1, 1], 0.0, 1.0) < share
        image = tf.where(swapped, tf.gather(image, order, axis=-2), image)
    return image


class _Draws:
    """Random numbers [B, ...] for this replica's rows of the global batch; each call gives new ones."""

    def __init__(self, seed: tf.Tensor, size: tf.Tensor) -> None:
        self._seed, self._size, self._used = seed, size, 0

    def seed(self) -> tf.Tensor:
        self._used += 1
        return replicas.fold_in(self._seed, 100 + self._used)

    def normal(self, shape: list[int]) -> tf.Tensor:
        return self._draw(tf.random.stateless_normal, shape)

    def uniform(self, shape: list[int], low: float, high: float) -> tf.Tensor:
        return self._draw(lambda size, seed: tf.random.stateless_uniform(size, seed, low, high), shape)

    def _draw(self, sampler: Callable, shape: list[int]) -> tf.Tensor:
        seed = self.seed()
        return replicas.draw(lambda size: sampler(size, seed), [self._size, *shape])
