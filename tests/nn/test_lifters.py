"""The lifting networks: the published sizes, and the float64 rewrite's numbers."""

import elepose_float64 as reference
import numpy as np
import pytest
import small_models
import tensorflow as tf

from tf_elepose.nn.blocks import ResidualBlock
from tf_elepose.nn.lifters import DepthElevationLifter
from tf_elepose.nn.variables import named_variables


def lifter(arch, width=12, **options):
    model = DepthElevationLifter(17, width=width, arch=arch, input_deviation=0.05, **options)
    model.build()
    return model


def count(width, blocks):
    """Weights of upscaling, `blocks` residual blocks of two layers, and the two heads."""
    block = 2 * (width * width + width)
    return (34 * width + width) + blocks * block + (17 * width + 17) + (width + 1)


def test_the_published_code_has_10_55_million_parameters():
    # Five blocks (one shared, two and two) of 2 * (1024^2 + 1024), 34 * 1024 + 1024 up, 18 * 1024 + 18 down.
    assert lifter("code", 1024).count_params() == 10_550_290 == count(1024, 5)


def test_the_paper_has_two_paths_of_three_blocks():
    assert lifter("paper", 64).count_params() == count(64, 6)


@pytest.mark.parametrize("arch", ["code", "paper"])
def test_agrees_with_the_float64_rewrite(arch):
    model = lifter(arch)
    small_models.perturb(model.trainable_variables, 0.2)
    image = np.random.default_rng(0).normal(0, 0.05, (6, 17, 2))
    d, e = model(tf.constant(image, tf.float32))
    other = reference.Lifter(small_models.weights64(named_variables({"lifter": model})), arch, 0.05)
    np.testing.assert_allclose(d, [other(one)[0] for one in image], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(e, [other(one)[1] for one in image], rtol=1e-5, atol=1e-5)
    assert d.shape == (6, 17) and e.shape == (6,)


def test_residual_block_worked_by_hand():
    block = ResidualBlock(1, seed=0)
    block.build((None, 1))
    for layer, weight, bias in ((block.first, 2.0, -1.0), (block.second, 3.0, 1.0)):
        layer.kernel.assign([[weight]])
        layer.bias.assign([bias])
    # x = 1: f = 2 - 1 = 1, 3 + 1 = 4, out 5. x = -1: f = -3 -> -0.03, -0.09 + 1 = 0.91, out -0.09.
    np.testing.assert_allclose(block(tf.constant([[1.0], [-1.0]])), [[5.0], [-0.09]], rtol=1e-5)


def test_first_weights_follow_the_seed_and_first_poses_are_nearly_flat_and_level():
    image = tf.constant(np.random.default_rng(1).normal(0, 0.05, (50, 17, 2)), tf.float32)
    d, e = lifter("code", 64, seed=3)(image)
    np.testing.assert_array_equal(lifter("code", 64, seed=3)(image)[0], d)
    assert np.abs(lifter("code", 64, seed=4)(image)[0] - d).max() > 1e-4
    assert 0 < np.abs(d).max() < 0.5 and 0 < np.abs(e).max() < 0.5
    weights = [np.asarray(v) for v in lifter("code", 64).trainable_variables if "kernel" in v.path]
    square = [w for w in weights if w.shape == (64, 64)]
    assert len({w.tobytes() for w in square}) == 10  # No two layers start alike.


def test_bfloat16_is_near_and_its_weights_stay_float32():
    image = tf.constant(np.random.default_rng(2).normal(0, 0.05, (50, 17, 2)), tf.float32)
    full, mixed = lifter("paper", 32), lifter("paper", 32, precision="mixed_bfloat16")
    for model in (full, mixed):
        small_models.perturb(model.trainable_variables, 0.1)
    (d, e), (d16, e16) = full(image), mixed(image)
    assert d16.dtype == e16.dtype == tf.float32
    assert {variable.dtype for variable in mixed.variables} == {"float32"}
    assert 0 < np.abs(d16 - d).max() < 0.05 * np.abs(d).max()
    assert 0 < np.abs(e16 - e).max() < 0.05 * np.abs(e).max() + 0.02


def test_unknown_architectures_are_refused():
    with pytest.raises(ValueError, match="unknown lifter architecture 'transformer'; expected one of code, paper"):
        lifter("transformer")
