"""Training of the completer: its targets are hidden joints that were seen, and it learns to guess them."""

import keras
import numpy as np
import small_models
import tensorflow as tf

from tf_elepose.data.pipeline import Batches
from tf_elepose.data.synthetic import synthesize
from tf_elepose.methods.completion import CompletionFitting, hide_joints, seen_in
from tf_elepose.nn.completer import PoseCompleter
from tf_elepose.nn.pose_statistics import fit_statistics
from tf_elepose.normalization import Normalizer
from tf_elepose.skeleton.skeletons import H36M_17, MIN_JOINTS
from tf_elepose.training.loop import Loop

SEED = tf.constant([2, 9])


def test_shares_of_hidden_joints_are_uniform_from_zero_to_the_limit():
    seen = tf.ones([20000, 17], tf.bool)
    left = hide_joints(seen, SEED, 0.5).numpy()
    hidden = 17 - left.sum(axis=1)
    assert hidden.min() == 0 and left.sum(axis=1).min() >= MIN_JOINTS
    assert 0.23 < hidden.mean() / 17 < 0.26  # The mean share is 1/4; rare poses with too few joints keep all.
    assert np.ptp(left.mean(axis=0)) < 0.02  # No joint is preferred.
    np.testing.assert_array_equal(hide_joints(seen, SEED, 0.5), left)
    assert np.any(hide_joints(seen, SEED + 1, 0.5).numpy() != left)


def test_joints_not_seen_stay_hidden():
    seen = np.random.default_rng(0).random((500, 17)) > 0.5
    left = hide_joints(tf.constant(seen), SEED, 0.5).numpy()
    assert not np.any(left & ~seen)
    few = seen.sum(axis=1) < MIN_JOINTS
    np.testing.assert_array_equal(left[few], seen[few])


def test_joints_that_were_never_seen_are_no_target():
    fitting = CompletionFitting(small_models.small_completer())
    image, seen = small_models.normalized()[0], np.random.default_rng(0).random((64, 17)) > 0.2
    other = np.where(seen[..., None], image, 77.0).astype(np.float32)
    terms = [
        fitting.loss_terms({"image": tf.constant(poses), "seen": tf.constant(seen)}, SEED)["completion"]
        for poses in (image, other)
    ]
    np.testing.assert_array_equal(*terms)
    np.testing.assert_array_equal(seen_in({"image": tf.constant(image)}), np.ones((64, 17), bool))


def test_the_completer_learns_where_hidden_joints_are():
    """On a new person it is better than the linear guess, which is far better than the mean of the seen joints."""
    recording = synthesize(H36M_17, subjects=6, takes=1, frames=32)
    normalizer = Normalizer.fit(recording.poses_2d, H36M_17)
    image, _ = normalizer.apply(recording.poses_2d)
    test, image = image[recording.split == "test"], image[recording.split == "train"]
    completer = PoseCompleter(17, fit_statistics(image.reshape(len(image), -1)), width=64, seed=1)
    completer.build()
    optimizer = keras.optimizers.Adam(3e-3)
    optimizer.build(completer.trainable_variables)
    batches = Batches({"image": image}, H36M_17, batch_size=256, seed=0, flip=True)
    fitting = CompletionFitting(completer)
    Loop(fitting, {"completer": optimizer}, batches, tf.distribute.get_strategy(), seed=1).run(0, 600)
    seen = np.random.default_rng(3).random(test.shape[:2]) > 0.2
    incomplete = np.where(seen[..., None], test, 0.0).astype(np.float32)

    def error(guess):
        return np.linalg.norm(guess - test, axis=-1)[~seen].mean()

    distribution = completer.distribution
    linear = float(distribution.deviation) * distribution.guess(tf.constant(incomplete), tf.constant(seen)).numpy()
    mean = incomplete.sum(axis=1, keepdims=True) / seen.sum(axis=1)[:, None, None]
    trained = error(completer(tf.constant(incomplete), tf.constant(seen)).numpy())
    assert trained < 0.95 * error(linear) and error(linear) < 0.4 * error(mean)
