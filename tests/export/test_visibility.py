"""The graph's rule for what is not seen equals NumPy's on poses of every kind, and exported models apply it."""

import numpy as np
import pytest
import tensorflow as tf
from poses_left_out import poses_left_out

from export import visibility
from tf_elepose.data.visibility import root_centred, root_weights, seen
from tf_elepose.skeleton.conventions import get_convention
from tf_elepose.skeleton.conversion import Convention
from tf_elepose.skeleton.skeletons import H36M_17

FACE = Convention("face", ("nose", "l_eye", "r_eye", "l_ear", "r_ear"))


@pytest.mark.parametrize(
    "convention", [get_convention("coco_17"), get_convention("body_25"), H36M_17, FACE], ids=lambda held: held.name
)
@pytest.mark.parametrize("threshold", [0.0, 0.5])
def test_the_graph_sees_what_numpy_sees(convention, threshold):
    poses, confidence = poses_left_out(convention, 800)
    weights = root_weights(convention, H36M_17)
    given = seen(poses, confidence, threshold, root_centred=True)
    centred = root_centred(poses, given, weights)
    expected = seen(poses, confidence, threshold, root_centred=centred)
    assert (given & ~expected).any()
    assert weights is None or ((given & seen(poses, root_centred=True) & ~seen(poses) & expected).sum() > 0)
    for batch in (800, 1):
        rows = slice(-batch, None)
        got = visibility.seen(tf.constant(poses[rows]), tf.constant(confidence[rows]), threshold, weights)
        np.testing.assert_array_equal(got.numpy(), expected[rows])
