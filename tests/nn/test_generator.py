"""SVMAC's generator: its first guess, and what normalisation and dropout do in training and in use."""

import numpy as np
import pytest
import small_models
import tensorflow as tf

from tf_elepose.nn.batch_norm import MOMENTUM, SyncBatchNorm
from tf_elepose.nn.generator import Generator


def small_generator(**options):
    options = {"width": 16, "batch_norm": True, "dropout": 0.0, **options}
    generator = Generator(17, input_deviation=0.05, distance=10.0, **options)
    generator.build()
    return generator, tf.constant(small_models.normalized()[0])


@pytest.mark.parametrize("batch_norm", [True, False])
def test_it_starts_with_nearly_flat_poses_seen_from_the_front(batch_norm):
    generator, x = small_generator(batch_norm=batch_norm)
    depths, K = generator(x)
    assert depths.shape == (64, 17) and K.shape == (64, 2, 3)
    assert 0 < np.abs(depths).max() < 0.3
    np.testing.assert_allclose(K, np.broadcast_to([[0.1, 0, 0], [0, 0.1, 0]], (64, 2, 3)), atol=0.03)


def test_a_layer_has_a_bias_or_normalisation():
    names = [{variable.path for variable in small_generator(batch_norm=b)[0].variables} for b in (True, False)]
    assert "generator/upscale/norm/beta" in names[0] and "generator/upscale/dense/bias" not in names[0]
    assert "generator/upscale/norm/beta" not in names[1] and "generator/upscale/dense/bias" in names[1]


def test_batch_normalisation_by_hand():
    """A batch of 1, 2, 3 and 6: mean 3, variance 3.5; the moving statistics go a hundredth of the way there."""
    layer = SyncBatchNorm()
    layer.build((None, 1))
    layer.gamma.assign([2.0])
    layer.beta.assign([0.5])
    x = tf.constant([[1.0], [2.0], [3.0], [6.0]])
    expected = 2 * (x.numpy() - 3) / np.sqrt(3.5 + 1e-3) + 0.5
    np.testing.assert_allclose(layer(x, training=True), expected, rtol=1e-5)
    step = 1 - MOMENTUM
    np.testing.assert_allclose(layer.moving_mean, [3.0 * step], rtol=1e-5)
    np.testing.assert_allclose(layer.moving_variance, [1 + step * 2.5], rtol=1e-5)
    in_use = layer(x).numpy()
    np.testing.assert_allclose(in_use, 2 * (x - 3 * step) / np.sqrt(1 + step * 2.5 + 1e-3) + 0.5, rtol=1e-5)
    np.testing.assert_array_equal(layer(x), in_use)


def test_dropout_can_spare_the_camera():
    generator, _ = small_generator(batch_norm=False, dropout=0.5, dropout_in_camera=False)
    rates = {layer.name: layer.rate for layer in (generator.upscale, *generator.hidden)}
    assert {name for name, rate in rates.items() if rate == 0.0} == {
        f"camera_{block}_{place}" for block in (0, 1) for place in ("first", "second")
    }
    assert {rate for name, rate in rates.items() if not name.startswith("camera")} == {0.5}


def test_dropout_keeps_the_mean_and_is_only_for_training():
    generator, x = small_generator(batch_norm=False, dropout=0.5)

    def uniform(number, shape):
        return tf.random.stateless_uniform(shape, [4, number])

    trained, again = (generator(x, training=True, uniform=uniform)[0].numpy() for _ in range(2))
    np.testing.assert_array_equal(trained, again)
    assert np.abs(trained - generator(x)[0]).max() > 1e-3
    kept = generator(x, training=True, uniform=lambda number, shape: tf.ones(shape))[0]
    none, _ = generator(x, training=True, uniform=lambda number, shape: tf.zeros(shape))
    np.testing.assert_array_equal(none, np.zeros((64, 17)))  # All is dropped; a new head has no bias.
    assert np.abs(kept).max() > np.abs(generator(x)[0]).max()  # What is kept is doubled.
    with pytest.raises(ValueError, match="dropout needs random numbers in training"):
        generator(x, training=True)


def test_each_layer_draws_its_own_numbers():
    generator, x = small_generator(dropout=0.5)
    layers = []

    def uniform(number, shape):
        layers.append(number)
        return tf.ones(shape)

    generator(x, training=True, uniform=uniform)
    assert sorted(layers) == list(range(11))
