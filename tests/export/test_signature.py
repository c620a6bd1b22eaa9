"""Claims: the exported function gives the results of `PoseModel.predict` for any keypoints."""

import numpy as np
import pytest
import tensorflow as tf
from small_models import poses_2d, small_canonpose, small_completer, small_elepose

from export import examples
from export.signature import Signed, convert, convert_confidence
from export.verify import expected
from tf_elepose import geometry
from tf_elepose.skeleton.conventions import CONVENTIONS, get_convention
from tf_elepose.skeleton.conversion import conversion
from tf_elepose.skeleton.skeletons import H36M_17

pytest_plugins = ("quick_completer",)
pytestmark = pytest.mark.usefixtures("quick_completer")


def model(rule="dataset", completer=True, **options):
    method, _ = small_elepose(rule, completer=small_completer() if completer else None, **options)
    method.density.elevation_mean.assign(-0.17)
    method.density.elevation_deviation.assign(0.1)
    return method


def outputs(signed, signature, inputs):
    given = {spec.name: inputs[spec.name] for spec in signed.specs(signature)}
    return {name: value.numpy() for name, value in signed.functions[signature](**given).items()}


@pytest.fixture(scope="module")
def signed():
    return Signed(model(), get_convention("coco_17"))


@pytest.mark.parametrize(("rule", "flip_average"), [("dataset", False), ("pose", True)])
def test_equals_predict_with_missing_joints(rule, flip_average):
    method = model(rule, flip_average=flip_average)
    keypoints, rng = poses_2d(64, seed=3), np.random.default_rng(0)
    seen = rng.random((64, 17)) < 0.8
    seen[:16] = True
    keypoints[8:10, 0] = np.nan
    want = method.predict(keypoints, seen=seen)
    inputs = {"keypoints": keypoints, "confidence": seen.astype(np.float32), "root_head_mm": np.zeros(64, np.float32)}
    got = outputs(Signed(method, H36M_17), "lift_full", inputs)
    assert want.valid.all() and got["valid"].all()
    assert np.abs(got["poses_3d"] - want.poses_3d).max() < 1e-5
    assert np.abs(got["elevation_deg"] - want.elevation).max() < 1e-3
    assert np.array_equal(outputs(Signed(method, H36M_17), "lift", inputs)["poses_3d"], got["poses_3d"])


def test_without_completer_only_complete_poses_are_valid():
    method = model(completer=False)
    keypoints = poses_2d(4)
    keypoints[1, 5] = np.nan
    inputs = {"keypoints": keypoints, "confidence": np.ones((4, 17), np.float32), "root_head_mm": np.zeros(4, "f4")}
    got = outputs(Signed(method, H36M_17), "lift", inputs)
    assert got["valid"].tolist() == [True, False, True, True]
    assert np.abs(got["poses_3d"] - method.predict(keypoints).poses_3d).max() < 1e-5


@pytest.mark.parametrize("name", sorted(CONVENTIONS))
def test_converts_every_convention_as_numpy_does(name):
    rule, rng = conversion(CONVENTIONS[name], H36M_17), np.random.default_rng(1)
    keypoints = rng.uniform(0, 1000, (50, len(rule.source), 2)).astype(np.float32)
    shown = rng.random(keypoints.shape[:2]) < 0.8
    want = rule.apply(np.where(shown[..., None], keypoints, np.nan))
    joints, seen = convert(rule, tf.constant(np.where(shown[..., None], keypoints, 0)), tf.constant(shown))
    assert np.array_equal(seen.numpy(), np.isfinite(want).all(-1))
    assert np.abs(joints.numpy() - want)[seen.numpy()].max() < 2e-4
    assert seen.numpy().any()


@pytest.mark.parametrize(
    "damage",
    [np.nan, np.inf, -np.inf, 1e30, -1e30, 3e38, 123.0, 0.0],
)
def test_a_pose_of_nonsense_is_invalid_and_zero(signed, damage):
    inputs = examples.plausible(signed, 4, seed=2)
    inputs["confidence"][:] = 1.0
    whole = outputs(signed, "lift_full", inputs)
    inputs["keypoints"][1] = damage
    got = outputs(signed, "lift_full", inputs)
    assert got["valid"].tolist() == [True, False, True, True]
    assert not got["poses_3d"][1].any() and got["elevation_deg"][1] == 0
    assert np.array_equal(got["poses_3d"][2:], whole["poses_3d"][2:])  # Nothing leaks to its neighbours.


@pytest.mark.parametrize("value", [0.0, -1.0, np.nan, np.inf, 1e30])
def test_joints_without_a_confidence_count_as_missing(signed, value):
    inputs = examples.plausible(signed, 2, seed=2)
    inputs["confidence"][:] = 1.0
    inputs["confidence"][0, 7] = value
    by_confidence = outputs(signed, "lift", inputs)["poses_3d"]
    inputs["confidence"][0, 7] = 1.0
    inputs["keypoints"][0, 7] = np.nan
    assert np.array_equal(by_confidence, outputs(signed, "lift", inputs)["poses_3d"])


@pytest.mark.parametrize("place", [0.0, -1.0])
def test_joints_that_a_program_left_out_count_as_missing_whatever_their_confidence(signed, place):
    inputs = examples.plausible(signed, 2, seed=2)
    inputs["confidence"][:] = 0.9
    inputs["keypoints"][0, [9, 15]] = place
    left_out = {name: outputs(signed, name, inputs) for name in signed.functions}
    inputs["keypoints"][0, [9, 15]] = np.nan
    for name, found in left_out.items():
        for key, values in outputs(signed, name, inputs).items():
            np.testing.assert_array_equal(found[key], values, err_msg=f"{name} {key}")
    inputs["keypoints"][0, [9, 15]] = place + 0.5
    assert np.abs(left_out["lift"]["poses_3d"] - outputs(signed, "lift", inputs)["poses_3d"]).max() > 0.01


def test_a_root_centred_pose_is_the_pose_in_the_picture():
    signed = Signed(model(), H36M_17)
    inputs = examples.plausible(signed, 4, seed=2)
    inputs["confidence"][:] = 0.9
    want = outputs(signed, "lift", inputs)
    inputs["keypoints"][1:] -= inputs["keypoints"][1:, :1]
    _, seen, _, _ = signed.prepare(inputs["keypoints"], inputs["confidence"])
    assert seen.numpy().all() and (inputs["keypoints"][1:, 0] == 0).all()
    np.testing.assert_allclose(outputs(signed, "lift", inputs)["poses_3d"], want["poses_3d"], atol=1e-4)


def test_min_confidence_is_the_largest_that_is_not_trusted():
    inputs = examples.plausible(Signed(model(), H36M_17), 1, seed=2)
    inputs["confidence"][:] = 0.3
    assert not outputs(Signed(model(), H36M_17, min_confidence=np.float32(0.3)), "lift", inputs)["valid"][0]
    assert outputs(Signed(model(), H36M_17, min_confidence=0.29), "lift", inputs)["valid"][0]


def test_finite_for_anything(signed):
    rng = np.random.default_rng(5)
    odd = np.array([np.nan, np.inf, -np.inf, 1e30, 1e6, -1e6, 1e-30, 0, 1, 500], np.float32)
    inputs = {
        "keypoints": rng.choice(odd, (300, 17, 2)),
        "confidence": rng.choice(odd, (300, 17)),
        "root_head_mm": rng.choice(odd, 300),
    }
    for signature in signed.functions:
        for name, value in outputs(signed, signature, inputs).items():
            assert np.isfinite(value).all(), (signature, name)


def test_root_to_head_has_the_length_asked_for(signed):
    inputs = examples.plausible(signed, 6, seed=3)
    unit = outputs(signed, "lift", inputs)["poses_3d"]
    inputs["root_head_mm"] = np.array([700, 0, -3, np.nan, np.inf, 1e30], np.float32)
    got = outputs(signed, "lift", inputs)["poses_3d"]
    assert np.linalg.norm(got[0, H36M_17.index("head")]) == pytest.approx(700, rel=1e-5)
    assert np.array_equal(got[1:], unit[1:])
    assert not got[:, H36M_17.root_index].any()


def test_likelihood_is_the_mean_over_its_views(signed):
    method, inputs = signed.method, examples.plausible(signed, 5, seed=4)
    image, seen, _, valid = signed.prepare(inputs["keypoints"], inputs["confidence"])
    y, e = method.averaged(method.complete(image, seen))
    levelled = geometry.rotate(geometry.rotation_x(e), y)
    # One view after the other: eight azimuths, and at each the middle of another eighth of the normal distribution.
    middles = np.array([-1.5341206, -0.8871466, -0.4887764, -0.1573107, 0.1573107, 0.4887764, 0.8871466, 1.5341206])
    values = [
        -method.prior.log_prob(
            geometry.project(
                geometry.rotate(geometry.rotation_x(0.17 + 0.1 * q) @ geometry.rotation_y(a), levelled), method.distance
            )
        ).numpy()
        for q, a in zip(
            middles[[0, 4, 2, 6, 1, 5, 3, 7]].astype(np.float32),
            np.float32(-np.pi + 2 * np.pi * (np.arange(8) + 0.5) / 8),
            strict=True,
        )
    ]
    got = outputs(signed, "likelihood", inputs)
    assert valid.numpy().all() and got["valid"].all()
    np.testing.assert_allclose(got["nll"], np.mean(values, axis=0), rtol=1e-4)


def test_likelihood_is_near_that_of_random_views():
    method = model()
    for variable in method.lifter.trainable_variables:  # Flatter poses, whose views vary less.
        variable.assign(0.3 * variable)
    signed = Signed(method, H36M_17)
    inputs = examples.plausible(signed, 8, seed=4)
    inputs["confidence"][:] = 1.0
    drawn = method.likelihood(inputs["keypoints"], views=2000, seed=1)
    fixed = outputs(signed, "likelihood", inputs)["nll"]
    spread = np.std(drawn)
    assert np.abs(fixed - drawn).max() < 0.2 * spread + 0.05 * np.abs(drawn).max()


def test_fixed_elevation_has_no_elevation():
    signed = Signed(model(elevation="fixed"), H36M_17)
    assert set(signed.functions) == {"lift", "likelihood", "lift_all"}


def test_lift_all_has_the_outputs_of_the_others(signed):
    inputs = examples.hostile(signed, 30, seed=5)
    whole, full = outputs(signed, "lift_all", inputs), outputs(signed, "lift_full", inputs)
    assert set(whole) == {"poses_3d", "valid", "elevation_deg", "nll"}
    for name, values in full.items():
        assert np.array_equal(whole[name], values)
    assert np.array_equal(whole["nll"], outputs(signed, "likelihood", inputs)["nll"])
    assert not whole["valid"].all() and whole["valid"].any()


def test_expected_is_predict(signed):
    inputs = examples.hostile(signed, 60, seed=7)
    want = expected(signed, "lift_full", inputs)
    got = outputs(signed, "lift_full", inputs)
    assert np.array_equal(want["valid"], got["valid"]) and 0 < want["valid"].sum() < 60
    size = np.maximum(np.abs(want["poses_3d"]).max(axis=(1, 2), keepdims=True), 1)
    assert (np.abs(got["poses_3d"] - want["poses_3d"]) / size).max() < 1e-5


@pytest.mark.parametrize(
    ("options", "convention", "min_confidence", "message"),
    [
        ({"rule": "dataset"}, "h36m_17", -0.1, "min_confidence must be at least 0"),
        ({"rule": "dataset"}, "h36m_17", np.nan, "min_confidence must be at least 0"),
        ({"completer": False}, "lsp_14", 0.0, "has no nose, and the model was trained without a completer"),
    ],
)
def test_refuses_models_and_conventions_that_cannot_be_exported(options, convention, min_confidence, message):
    with pytest.raises(ValueError, match=message):
        Signed(model(**options), get_convention(convention), min_confidence)


def test_refuses_the_rule_clip():
    import dataclasses

    method = model()
    method.normalizer = dataclasses.replace(method.normalizer, rule="clip")
    with pytest.raises(ValueError, match="'clip' needs all frames of a clip"):
        Signed(method, H36M_17)


def test_equals_predict_of_a_method_that_uses_confidences():
    method, _ = small_canonpose(rule="pose", hidden=0.5)
    method.trust.measure(np.random.default_rng(1).uniform(0.3, 0.9, (100, 17)))
    keypoints, rng = poses_2d(32, seed=3), np.random.default_rng(0)
    trust = rng.uniform(0.1, 1.0, (32, 17)).astype(np.float32)
    trust[8:][rng.random((24, 17)) < 0.2] = 0.0
    inputs = {"keypoints": keypoints, "confidence": trust, "root_head_mm": np.zeros(32, np.float32)}
    signed = Signed(method, H36M_17)
    got, want = outputs(signed, "lift", inputs), method.predict(keypoints, seen=trust > 0, confidence=trust)
    assert got["valid"].all() and want.valid.all()
    assert np.abs(got["poses_3d"] - want.poses_3d).max() < 1e-4
    assert np.abs(got["poses_3d"] - expected(signed, "lift", inputs)["poses_3d"]).max() < 1e-4
    unsure = method.predict(keypoints, seen=trust > 0).poses_3d
    assert np.abs(want.poses_3d - unsure).max() > 1e-3  # Confidences do something.
    assert set(signed.functions) == {"lift", "lift_full", "lift_all"}
    full = outputs(signed, "lift_full", inputs)
    assert set(full) == {"poses_3d", "valid", "canonical_3d", "camera_rotation"}
    np.testing.assert_allclose(full["camera_rotation"], want.rotation, atol=1e-4)
    np.testing.assert_allclose(full["canonical_3d"], want.canonical, atol=1e-4)
    sized = outputs(signed, "lift_full", inputs | {"root_head_mm": np.full(32, 700.0, np.float32)})
    turned = np.einsum("nij,nkj->nki", sized["camera_rotation"], sized["canonical_3d"])
    np.testing.assert_allclose(turned, sized["poses_3d"], atol=1e-2)


@pytest.mark.parametrize("name", sorted(CONVENTIONS))
def test_converts_confidences_as_numpy_does(name):
    rule = conversion(CONVENTIONS[name], H36M_17)
    trust = np.random.default_rng(1).random((20, len(rule.source))).astype(np.float32)
    assert np.array_equal(convert_confidence(rule, tf.constant(trust)), rule.apply_confidence(trust))
