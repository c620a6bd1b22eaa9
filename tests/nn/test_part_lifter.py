"""Lifters of parts: each is independent of the other parts, and together they give what one lifter gives."""

import numpy as np
import small_models
import tensorflow as tf

from tf_elepose.nn.part_lifter import PartLifter, scatter_joints
from tf_elepose.skeleton.skeletons import H36M_17

LEGS, TORSO = ([*H36M_17.indices(joints)] for joints in H36M_17.halves.values())


def lifter(**options):
    model = PartLifter(17, [LEGS, TORSO], ["legs", "torso"], width=12, arch="code", input_deviation=0.05, **options)
    model.build()
    small_models.perturb(model.trainable_variables, 0.2)
    return model


def test_a_half_does_not_depend_on_the_other():
    model, rng = lifter(), np.random.default_rng(0)
    image = rng.normal(0, 0.05, (5, 17, 2)).astype(np.float32)
    other = image.copy()
    other[:, TORSO] += 0.03
    (d, e), (d_other, e_other) = model.by_part(image), model.by_part(other)
    np.testing.assert_array_equal(d.numpy()[:, LEGS], d_other.numpy()[:, LEGS])
    np.testing.assert_array_equal(e[:, 0], e_other[:, 0])
    assert np.all(d.numpy()[:, TORSO] != d_other.numpy()[:, TORSO]) and np.all(e[:, 1] != e_other[:, 1])


def test_depths_are_those_of_each_half_and_the_elevation_is_their_mean():
    model = lifter()
    image = np.random.default_rng(1).normal(0, 0.05, (5, 17, 2)).astype(np.float32)
    (legs, e_legs), (torso, e_torso) = (
        part(tf.constant(image[:, joints])) for part, joints in zip(model.lifters, (LEGS, TORSO), strict=True)
    )
    d, e = model(image)
    np.testing.assert_array_equal(d.numpy()[:, LEGS], legs)
    np.testing.assert_array_equal(d.numpy()[:, TORSO], torso)
    assert not d.numpy()[:, H36M_17.root_index].any()
    np.testing.assert_allclose(e, (e_legs + e_torso) / 2, rtol=1e-6)


def test_halves_start_differently_and_seeds_repeat():
    # Both have one layer of the same shape.
    first, second = (part.trunk.heads["elevation"].kernel.numpy() for part in lifter(seed=3).lifters)
    assert np.all(first != second)
    np.testing.assert_array_equal(first, lifter(seed=3).lifters[0].trunk.heads["elevation"].kernel.numpy())


def test_scattered_joints_worked_by_hand():
    values = tf.constant([[[1.0, 2.0], [3.0, 4.0]]])
    np.testing.assert_array_equal(scatter_joints(values, [3, 1], 4), [[[0, 0], [3, 4], [0, 0], [1, 2]]])
