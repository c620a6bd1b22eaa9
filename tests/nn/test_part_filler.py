"""The filler agrees with NumPy, and its first joints lie near the root."""

import numpy as np
import small_models
import tensorflow as tf

from tf_elepose.nn.part_filler import PartFiller

LEAKY = 0.01


def filler(noise=0.2, **options):
    model = PartFiller(10, 6, width=12, seed=3, **options)
    model.build()
    small_models.perturb(model.trainable_variables, noise)
    return model


def test_agrees_with_numpy():
    model = filler()
    weights = {v.path: np.asarray(v, np.float64) for v in model.variables}

    def layer(name, x):
        return x @ weights[f"filler/{name}/kernel"] + weights[f"filler/{name}/bias"]

    pose = np.random.default_rng(0).normal(0, 0.5, (7, 10, 3))
    x = layer("upscale", pose.reshape(7, -1))
    for block in range(3):
        y = x
        for part in ("first", "second"):
            y = layer(f"block_{block}/{part}", y)
            y = np.where(y > 0, y, LEAKY * y)
        x = x + y
    np.testing.assert_allclose(model(tf.constant(pose, tf.float32)), layer("head", x).reshape(7, 6, 3), atol=1e-5)


def test_its_first_joints_lie_near_the_root():
    pose = np.random.default_rng(0).normal(0, 0.5, (7, 10, 3))
    assert np.abs(filler(noise=0.0)(tf.constant(pose, tf.float32))).max() < 0.1
