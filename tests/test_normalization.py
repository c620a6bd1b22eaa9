"""The three rules of scale, worked by hand and by their invariances."""

import json

import numpy as np
import pytest
import small_models
import tensorflow as tf

from tf_elepose.normalization import RULES, Normalizer
from tf_elepose.skeleton.skeletons import H36M_17, Skeleton

STICK = Skeleton("stick", ("hip", "top", "hand"), (None, "hip", "top"), (), (), root="hip", head="top")
# Two poses in px: root-head lengths 100 and 300; joint-root distances (0, 100, 50) and (0, 300, 150).
PIXELS = np.array([[[10, 20], [10, -80], [60, 20]], [[0, 0], [300, 0], [0, 150]]], np.float32)


def test_dataset_rule_worked_by_hand():
    normalizer = Normalizer.fit(PIXELS, STICK, rule="dataset", distance=10.0)
    assert normalizer.head_px == pytest.approx(200.0)
    image, factor = normalizer.apply(PIXELS)
    np.testing.assert_allclose(factor, [2000.0, 2000.0])
    np.testing.assert_allclose(image, [[[0, 0], [0, -0.05], [0.025, 0]], [[0, 0], [0.15, 0], [0, 0.075]]], rtol=1e-6)
    assert normalizer.deviation == pytest.approx(np.std([0, 0, 0, -0.05, 0.025, 0, 0, 0, 0.15, 0, 0, 0.075]))
    # The mean root-head length is 1 / D, so that it is one unit seen from D.
    assert np.linalg.norm(image[:, 1], axis=-1).mean() == pytest.approx(0.1)


def test_clip_rule_worked_by_hand():
    pixels = np.concatenate([PIXELS, 3 * PIXELS[:1]])
    normalizer = Normalizer.fit(pixels, STICK, rule="clip", groups=np.array(["a", "b", "a"]))
    _, factor = normalizer.apply(pixels, np.array(["a", "b", "a"]))
    np.testing.assert_allclose(factor, [2000.0, 3000.0, 2000.0])  # (100 + 300) / 2, 300, (100 + 300) / 2.
    with pytest.raises(ValueError, match="needs the clip and camera of each of the 3 poses; got none"):
        normalizer.apply(pixels)


def test_pose_rule_worked_by_hand():
    normalizer = Normalizer.fit(PIXELS, STICK, rule="pose")
    assert normalizer.head_to_spread == pytest.approx(200.0 / 100.0)  # Spreads 50 and 150.
    _, factor = normalizer.apply(PIXELS)
    np.testing.assert_allclose(factor, [1000.0, 3000.0])


@pytest.mark.parametrize("rule", RULES)
def test_moving_a_pose_changes_nothing(rule):
    pixels, groups = small_models.poses_2d(6), np.array([0, 0, 1, 1, 2, 2])
    normalizer = Normalizer.fit(pixels, H36M_17, rule=rule, groups=groups)
    image, _ = normalizer.apply(pixels, groups)
    moved, _ = normalizer.apply(pixels + np.float32([64, -128]), groups)
    np.testing.assert_allclose(moved, image, atol=1e-6)
    assert image.dtype == np.float32 and np.all(image[:, H36M_17.root_index] == 0)


@pytest.mark.parametrize(("rule", "ratio"), [("dataset", 2.0), ("clip", 1.0), ("pose", 1.0)])
def test_effect_of_a_larger_image_on_each_rule(rule, ratio):
    pixels, groups = small_models.poses_2d(6), np.array([0, 0, 1, 1, 2, 2])
    normalizer = Normalizer.fit(pixels, H36M_17, rule=rule, groups=groups)
    larger = normalizer.apply(2 * pixels, groups)[0]
    np.testing.assert_allclose(larger, ratio * normalizer.apply(pixels, groups)[0], rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("rule", RULES)
def test_invert_goes_back_to_pixels(rule):
    pixels, groups = small_models.poses_2d(6), np.arange(6)
    normalizer = Normalizer.fit(pixels, H36M_17, rule=rule, groups=groups)
    image, factor = normalizer.apply(pixels, groups)
    np.testing.assert_allclose(normalizer.invert(image, factor, pixels[:, H36M_17.root_index]), pixels, rtol=1e-5)


def test_rescale_brings_a_projection_to_the_rule_of_apply():
    pixels = small_models.poses_2d(5)
    normalizer = Normalizer.fit(pixels, H36M_17, rule="pose")
    image, _ = normalizer.apply(pixels)
    again, factor = normalizer.rescale(tf.constant(np.float32([0.5, 1, 2, 3, 4])[:, None, None] * image))
    np.testing.assert_allclose(again, image, rtol=2e-5, atol=1e-7)
    np.testing.assert_allclose(factor, [0.5, 1, 2, 3, 4], rtol=1e-5)


@pytest.mark.parametrize("rule", ["dataset", "clip"])
def test_rescale_leaves_other_rules_alone(rule):
    image = 3 * tf.constant(small_models.normalized(4)[0])
    again, factor = Normalizer(H36M_17, rule, 10.0, 1.0, 1.0, 1.0).rescale(image)
    np.testing.assert_array_equal(again, image)
    np.testing.assert_array_equal(factor, np.ones(4))


def test_rescale_is_finite_at_a_point():
    normalizer = Normalizer(H36M_17, "pose", 10.0, 1.0, 1.0, 1.0)
    image = tf.zeros([1, 17, 2])
    with tf.GradientTape() as tape:
        tape.watch(image)
        again, factor = normalizer.rescale(image)
        total = tf.reduce_sum(again) + tf.reduce_sum(factor)
    assert np.all(np.isfinite(again)) and np.all(np.isfinite(tape.gradient(total, image)))


def test_round_trip_through_json():
    normalizer = Normalizer.fit(PIXELS, STICK, rule="pose")
    assert Normalizer.from_dict(json.loads(json.dumps(normalizer.to_dict())), STICK) == normalizer
    with pytest.raises(ValueError, match="normalizer: expected"):
        Normalizer.from_dict({"rule": "pose"}, STICK)


def test_bad_input_is_refused():
    normalizer = Normalizer.fit(PIXELS, STICK)
    bad = PIXELS.copy()
    bad[1, 2, 0] = np.nan
    with pytest.raises(ValueError, match="1 poses hold NaN or infinity, the first is pose 1"):
        normalizer.apply(bad)
    with pytest.raises(ValueError, match=r"expected \[N, 3, 2\] px for skeleton 'stick'; got \[2, 2\]"):
        normalizer.apply(PIXELS[0, :2])
    with pytest.raises(ValueError, match="at least one pose"):
        normalizer.apply(PIXELS[:0])
    with pytest.raises(ValueError, match="every head lies on its root"):
        Normalizer.fit(np.zeros((2, 3, 2)), STICK)
    flat = PIXELS.copy()
    flat[1] = 7
    with pytest.raises(ValueError, match="pose 1 has no extent"):
        Normalizer.fit(PIXELS, STICK, rule="pose").apply(flat)
    with pytest.raises(ValueError, match="unknown normalisation rule 'image'"):
        Normalizer.fit(PIXELS, STICK, rule="image")
    with pytest.raises(ValueError, match="distance must be a positive number; got 0"):
        Normalizer.fit(PIXELS, STICK, distance=0)


def _hidden(count, seed=0):
    """A mask [count, J] of seen joints: some are hidden, the root only in the first pose."""
    seen = np.random.default_rng(seed).random((count, 17)) > 0.2
    seen[:, [0, 10]] = True
    seen[0, 0] = False
    return seen


def test_hidden_joints_have_no_influence():
    poses, seen = small_models.poses_2d(40), _hidden(40)
    blanked = np.where(seen[..., None], poses, np.nan)
    for rule in RULES:
        groups = np.arange(40) // 10
        one, other = (Normalizer.fit(p, H36M_17, rule=rule, groups=groups, seen=seen) for p in (poses, blanked))
        assert one == other
        (image, factor), (again, factor_again) = (one.apply(p, groups, seen) for p in (poses, blanked))
        np.testing.assert_array_equal(image, again)
        np.testing.assert_array_equal(factor, factor_again)
        assert np.all(image[~seen] == 0) and np.all(np.isfinite(image))
        assert np.std(image[1:][seen[1:]]) == pytest.approx(one.deviation, rel=1e-5)


def test_a_pose_without_its_root_is_centred_on_its_seen_joints():
    poses, seen = small_models.poses_2d(40), _hidden(40)
    normalizer = Normalizer.fit(poses, H36M_17, seen=seen)
    image, factor = normalizer.apply(poses, None, seen)
    np.testing.assert_allclose(image[0][seen[0]].mean(axis=0), 0.0, atol=1e-6)
    expected = (poses[0] - poses[0][seen[0]].mean(axis=0)) / factor[0]
    np.testing.assert_allclose(image[0][seen[0]], expected[seen[0]], atol=1e-6)
    np.testing.assert_allclose(image[1, 0], 0.0)


def test_a_head_that_is_never_seen_gives_no_scale():
    poses, seen = small_models.poses_2d(6), np.ones((6, 17), bool)
    seen[:, 10] = False
    with pytest.raises(ValueError, match="training poses: none shows both 'root' and 'head'"):
        Normalizer.fit(poses, H36M_17, seen=seen)
    normalizer = Normalizer.fit(poses, H36M_17, rule="clip", groups=np.zeros(6))
    seen[:3, 10] = True
    with pytest.raises(ValueError, match="never seen together in 1 clips and cameras, the first that of pose 3"):
        normalizer.apply(poses, np.array([0, 0, 0, 1, 1, 1]), seen)
    with pytest.raises(ValueError, match=r"expected which joints are seen \[6, 17\]; got \[5, 17\]"):
        normalizer.apply(poses, np.zeros(6), seen[:5])


def test_poses_of_another_size_give_a_warning_under_rule_dataset():
    poses, seen = small_models.poses_2d(40), np.ones((40, 17), bool)
    fitted = {rule: Normalizer.fit(poses, H36M_17, rule=rule, groups=np.zeros(40)) for rule in RULES}
    assert fitted["dataset"].size_warning(poses, seen) is None
    warning = fitted["dataset"].size_warning(2 * poses, seen)
    assert warning is not None and " times as large" in warning and "normalization.rule=pose or clip" in warning
    assert "0.2" in (fitted["dataset"].size_warning(poses / 4, seen) or "")
    assert fitted["dataset"].size_warning(2 * poses[:5], seen[:5]) is None  # Too few to judge.
    assert fitted["pose"].size_warning(2 * poses, seen) is fitted["clip"].size_warning(2 * poses, seen) is None


@pytest.mark.parametrize("rule", ["dataset", "pose"])
def test_the_graph_normalises_as_numpy_does(rule):
    poses, seen = small_models.poses_2d(40), _hidden(40)
    normalizer = Normalizer.fit(poses, H36M_17, rule=rule)
    expected, _ = normalizer.apply(poses, None, seen)
    np.testing.assert_allclose(normalizer.apply_in_graph(tf.constant(poses), tf.constant(seen)), expected, atol=1e-6)
    nothing = normalizer.apply_in_graph(tf.zeros([1, 17, 2]), tf.zeros([1, 17], tf.bool))
    np.testing.assert_array_equal(nothing, np.zeros((1, 17, 2)))
    clip = Normalizer.fit(poses, H36M_17, rule="clip", groups=np.zeros(40))
    with pytest.raises(ValueError, match="a graph sees one pose"):
        clip.apply_in_graph(tf.constant(poses), tf.constant(seen))
