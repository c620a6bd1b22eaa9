"""The optimizer does what Keras' Adam does."""

import keras
import numpy as np
import tensorflow as tf

from tf_elepose.training.adam import Adam


def trained(optimizer_class, steps=20):
    """A matrix and a vector after some steps with gradients of all sizes, and the optimizer's variables."""
    rng = np.random.default_rng(0)
    weights = [keras.Variable(rng.normal(size=shape).astype(np.float32)) for shape in ((5, 3), (3,))]
    rate = keras.optimizers.schedules.ExponentialDecay(0.1, 5, 0.5)
    optimizer = optimizer_class(rate, beta_1=0.8, beta_2=0.95, epsilon=1e-3)
    optimizer.build(weights)

    @tf.function
    def step(gradients):
        optimizer.apply_gradients(list(zip(gradients, weights, strict=True)))

    for number in range(steps):
        step([tf.constant(10.0 ** (number % 5 - 2) * rng.normal(size=w.shape), tf.float32) for w in weights])
    return [np.array(w) for w in weights], [np.array(v) for v in optimizer.variables]


def test_weights_and_moments_equal_keras():
    ours, theirs = trained(Adam), trained(keras.optimizers.Adam)
    assert len(ours[1]) == len(theirs[1])  # A checkpoint of one fits the other.
    for mine, keras_value in zip((*ours[0], *ours[1]), (*theirs[0], *theirs[1]), strict=True):
        np.testing.assert_allclose(mine, keras_value, rtol=2e-5, atol=1e-6)
