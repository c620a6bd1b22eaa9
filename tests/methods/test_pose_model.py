"""The base class of all methods: normalisation, batches, and None for results that a method does not have."""

import numpy as np
import pytest
import small_models
import tensorflow as tf

from tf_elepose.methods.pose_model import PoseModel
from tf_elepose.skeleton.skeletons import H36M_17


class Flat(PoseModel):
    """Predicts flat poses, and neither elevation nor density."""

    name = "flat"
    skeleton = H36M_17
    networks, term_weights, settings = {}, {}, {}

    def __init__(self, rule="dataset"):
        self.normalizer = small_models.normalized(rule=rule)[1]

    @classmethod
    def restore(cls, settings):
        return cls()

    def saved_variables(self):
        return {}

    def loss_terms(self, batch, seed):
        return {}

    def lift(self, image):
        return tf.pad(image, [[0, 0], [0, 0], [0, 1]]), None


def test_results_that_a_method_does_not_have_are_none():
    flat, pixels = Flat(), small_models.poses_2d(5)
    assert flat.likelihood(pixels) is None
    assert flat.predict(pixels).elevation is None


def test_predictions_go_through_the_normaliser():
    flat, pixels = Flat(), small_models.poses_2d(5)
    expected = (pixels - pixels[:, :1]) / (10 * flat.normalizer.head_px)
    np.testing.assert_allclose(flat.predict(pixels).poses_3d[..., :2], expected, atol=1e-6)
    with pytest.raises(ValueError, match=r"expected \[N, 17, 2\] px"):
        flat.likelihood(pixels[:, :5])


def test_poses_beyond_one_batch_are_all_predicted_in_order():
    image = np.tile(small_models.normalized(count=64)[0], (65, 1, 1))[:4100]  # 4096 and 4.
    np.testing.assert_array_equal(Flat().predict_normalized(image).poses_3d[..., :2], image)
