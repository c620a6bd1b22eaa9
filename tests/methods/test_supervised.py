"""Supervised lifting: network, loss and lifting agree with a second route in NumPy."""

import numpy as np
import pytest
import small_models
import tensorflow as tf

from tf_elepose.nn.pose_lifter import PoseLifter
from tf_elepose.skeleton.skeletons import H36M_17

SEED = tf.constant([3, 8])
MIRROR = list(H36M_17.mirror)


def lifted(method, image):
    """Poses [N, J, 3] by float64 matrices: the network's layers in order, added to the flat pose, centred."""
    w = small_models.weights64({v.path: v for v in method.lifter.variables})

    def dense(x, layer):
        return x @ w[f"lifter/{layer}/kernel"] + w[f"lifter/{layer}/bias"]

    def leaky(x):
        return np.where(x > 0, x, 0.01 * x)

    image = image.astype(np.float64)
    x = dense(image.reshape(len(image), -1) / method.normalizer.deviation, "upscale")
    for block in ("block_0", "block_1", "block_2"):
        x = x + leaky(dense(leaky(dense(x, f"{block}/first")), f"{block}/second"))
    flat = np.pad(method.normalizer.distance * image, ((0, 0), (0, 0), (0, 1)))
    pose = flat + dense(x, "head").reshape(len(image), -1, 3)
    return pose - pose[:, :1]


def flipped(pose):
    return pose[:, MIRROR] * ([-1.0, 1.0, 1.0] if pose.shape[-1] == 3 else [-1.0, 1.0])


def test_lifted_poses_are_those_of_the_float64_rewrite():
    method, image = small_models.small_supervised()
    pose, elevation = method.lift(tf.constant(image))
    assert elevation is None
    np.testing.assert_allclose(pose, lifted(method, image), atol=2e-5)


def test_the_loss_is_the_mean_joint_distance():
    # `flip_average` is for lifting only: the loss does not average.
    objective, image = small_models.small_supervised_objective(flip_average=True)
    method = objective.model
    arrays = small_models.arrays(objective, image)
    terms = objective.loss_terms({name: tf.constant(array) for name, array in arrays.items()}, SEED)
    expected = np.linalg.norm(lifted(method, image) - arrays["pose"], axis=-1).mean(axis=-1)
    assert expected.min() > 0.1
    np.testing.assert_allclose(terms["pose"], expected, rtol=1e-5)


def test_flip_average_is_the_mean_with_the_mirrored_persons_pose():
    method, image = small_models.small_supervised(flip_average=True)
    expected = 0.5 * (lifted(method, image) + flipped(lifted(method, flipped(image).astype(np.float32))))
    np.testing.assert_allclose(method.lift(tf.constant(image))[0], expected, atol=2e-5)


def test_a_new_lifter_starts_near_the_flat_pose():
    image, normalizer = small_models.normalized()
    lifter = PoseLifter(17, width=32, input_deviation=normalizer.deviation, distance=10.0)
    lifter.build()
    pose = lifter(tf.constant(image)).numpy()
    np.testing.assert_allclose(pose[..., :2], 10.0 * image, atol=0.2)
    assert 0 < np.abs(pose[..., 2]).max() < 0.2


def test_a_batch_without_truth_is_refused():
    objective, image = small_models.small_supervised_objective()
    with pytest.raises(ValueError, match="a batch needs the true 3D poses, pose; got image"):
        objective.loss_terms({"image": tf.constant(image)}, SEED)
