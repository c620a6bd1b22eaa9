"""The student's network: its first predictions, its inputs, and its weights."""

import numpy as np
import small_models
import tensorflow as tf

from tf_elepose.nn.pose_statistics import fit_statistics
from tf_elepose.nn.student import PoseStudent
from tf_elepose.skeleton.skeletons import H36M_17


def student(**options):
    image, _ = small_models.normalized(rule="pose")
    made = PoseStudent(17, fit_statistics(image.reshape(len(image), -1)), **{"width": 16, "depth": 2} | options)
    made.build()
    return made, image


def test_first_poses_are_nearly_flat_level_and_as_seen():
    made, image = student()
    whole, depth, elevation = made(image, np.ones(image.shape[:2], bool))
    assert np.abs(whole - image).max() < 0.1 * image.std()
    assert np.abs(depth).max() < 0.3 and np.abs(elevation).max() < 0.3


def test_moving_the_input_moves_only_the_corrected_pose():
    made, image = student()
    small_models.perturb(made.trainable_variables, 0.1)
    seen = np.ones(image.shape[:2], bool)
    whole, depth, elevation = made(image, seen)
    moved, same_depth, same_elevation = made(image + np.float32([0.03, -0.05]), seen)
    np.testing.assert_allclose(moved - np.float32([0.03, -0.05]), whole, atol=1e-5)
    np.testing.assert_allclose(same_depth, depth, atol=1e-4)
    np.testing.assert_allclose(same_elevation, elevation, atol=1e-4)


def test_hidden_coordinates_have_no_influence_but_the_mask_has():
    made, image = student()
    small_models.perturb(made.trainable_variables, 0.1)
    seen = np.ones(image.shape[:2], bool)
    seen[:, H36M_17.index("l_wrist")] = False
    other = np.where(seen[..., None], image, np.float32(7.0))
    for a, b in zip(made(image, seen), made(other, seen), strict=True):
        np.testing.assert_array_equal(a, b)
    assert np.abs(made(image, seen)[1] - made(image, ~seen | seen)[1]).max() > 1e-3


def test_settings_and_weights_define_the_network():
    made, image = student(seed=1)
    twin, _ = student(seed=2)
    for variable, value in zip(twin.variables, made.variables, strict=True):
        assert variable.path == value.path
        variable.assign(value)
    seen = np.ones(image.shape[:2], bool)
    for a, b in zip(made(tf.constant(image), seen), twin(tf.constant(image), seen), strict=True):
        np.testing.assert_array_equal(a, b)
