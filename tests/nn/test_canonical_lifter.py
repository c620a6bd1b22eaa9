"""CanonPose's lifter: its size, its inputs, and its guesses of hidden joints."""

import numpy as np
import small_models
import tensorflow as tf

from tf_elepose.nn.canonical_lifter import CanonicalLifter
from tf_elepose.nn.pose_statistics import fit_statistics
from tf_elepose.skeleton.skeletons import H36M_17


def lifter(confidences=True, width=16, **options):
    image, _ = small_models.normalized()
    statistics = fit_statistics(image.reshape(len(image), -1))
    made = CanonicalLifter(17, H36M_17.root_index, statistics, width=width, confidences=confidences, **options)
    made.build()
    return made


def test_the_network_has_the_papers_size():
    """Figure 3 with 16 joints: 48 -> 1024, one block, twice two more, 1024 -> 48 and 1024 -> 3."""
    made = CanonicalLifter(
        16, 0, fit_statistics(np.random.default_rng(0).normal(size=(50, 32))), width=1024, confidences=True
    )
    made.build()
    dense = 1024 * 1024 + 1024
    expected = (48 * 1024 + 1024) + 10 * dense + (1024 * 48 + 48) + (1024 * 3 + 3)
    assert sum(int(np.prod(variable.shape)) for variable in made.trainable_variables) == expected


def test_poses_have_their_root_at_the_origin_and_rotations_begin_small():
    image, _ = small_models.normalized()
    X, vector = lifter(width=128)(image, tf.ones(image.shape[:-1]))
    assert X.shape == (64, 17, 3) and vector.shape == (64, 3)
    np.testing.assert_array_equal(X[:, H36M_17.root_index], np.zeros((64, 3)))
    assert 0.3 < np.std(X) < 3.0 and 0.0 < np.abs(vector).max() < 1.0


def test_the_size_of_the_input_does_not_matter():
    image, _ = small_models.normalized()
    made, sure = lifter(), tf.ones(image.shape[:-1])
    for one, other in zip(made(image, sure), made(123.0 * image, sure), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


def test_confidences_matter_where_they_are_an_input():
    image, _ = small_models.normalized()
    for confidences, differs in ((True, True), (False, False)):
        made = lifter(confidences)
        one, other = made(image, tf.ones(image.shape[:-1]))[0], made(image, 0.5 * tf.ones(image.shape[:-1]))[0]
        assert np.any(np.abs(one - other) > 1e-4) == differs


def test_joints_that_are_hidden_are_guessed_from_the_others():
    image, _ = small_models.normalized()
    seen = np.ones(image.shape[:-1], bool)
    hidden = H36M_17.index("spine")
    seen[:, hidden] = False
    guess = lifter().guess(tf.constant(np.where(seen[..., None], image, 1e3)), tf.constant(seen)).numpy()
    error = np.linalg.norm(guess[:, hidden] - image[:, hidden], axis=-1).mean()
    assert error < np.linalg.norm(image[:, hidden] - image[:, hidden].mean(axis=0), axis=-1).mean()
    np.testing.assert_allclose(guess[seen], image[seen], atol=1e-5)


def test_seeds_give_other_weights():
    one, again, other = lifter(seed=1), lifter(seed=1), lifter(seed=2)
    for a, b, c in zip(one.trainable_variables, again.trainable_variables, other.trainable_variables, strict=True):
        np.testing.assert_array_equal(a, b)
        assert "bias" in a.path or np.any(np.asarray(a) != np.asarray(c))


def test_under_mixed_precision_heads_stay_float32():
    made = lifter(precision="mixed_bfloat16")
    image, _ = small_models.normalized()
    X, vector = made(image, tf.ones(image.shape[:-1]))
    assert X.dtype == vector.dtype == tf.float32
    assert made.trunk.upscale.compute_dtype == "bfloat16"
