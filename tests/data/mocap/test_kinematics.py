import numpy as np
import pytest

from tf_elepose.data.mocap import kinematics
from tf_elepose.data.mocap.kinematics import ANKLE_HEIGHT, JOINT_LIMITS, draw_bodies, forward_kinematics, limit
from tf_elepose.skeleton.skeletons import H36M_17

BODY = draw_bodies(np.random.default_rng(0), 1)


def stand(**angles: float) -> dict[str, np.ndarray]:
    """{joint: [3] mm} of `BODY` with all angles 0 but those given."""
    values = {name: np.full((1, 1), angles.get(name, 0.0)) for name in JOINT_LIMITS}
    assert set(angles) <= set(values)
    return {joint: place.numpy()[0, 0] for joint, place in forward_kinematics(BODY, values).items()}


def test_a_standing_body_is_upright_with_the_right_side_at_positive_x():
    joints = stand()
    assert joints["head"][1] < joints["thorax"][1] < joints["spine"][1] < 0 < joints["r_knee"][1] < joints["r_ankle"][1]
    assert joints["r_shoulder"][0] > 0 > joints["l_shoulder"][0]
    assert joints["nose"][2] > joints["thorax"][2]  # The face is ahead.
    np.testing.assert_allclose(joints["l_wrist"], joints["r_wrist"] * [-1, 1, 1], atol=1e-3)


def test_limbs_have_the_proportions_of_drillis_and_contini():
    bodies = draw_bodies(np.random.default_rng(1), 2000)
    fractions = {"r_knee": 0.245, "r_ankle": 0.246, "l_elbow": 0.186, "l_wrist": 0.146}
    for joint, fraction in fractions.items():
        lengths = np.linalg.norm(bodies.from_parent[joint], axis=-1) / bodies.stature
        assert lengths.mean() == pytest.approx(fraction, rel=0.005)
        assert 0.02 < lengths.std() / fraction < 0.03
    assert bodies.stature.min() >= 1500 and bodies.stature.max() <= 1900
    hip_height = sum(fractions[joint] for joint in ("r_knee", "r_ankle")) + ANKLE_HEIGHT
    assert hip_height == pytest.approx(0.530)  # The same table's height of the hip.


def test_every_joint_has_a_parent_bone():
    assert {child for child, _ in H36M_17.bones} == set(BODY.from_parent)


@pytest.mark.parametrize(
    ("angle", "joint", "axis", "sign"),
    [
        ("l_hip_flexion", "l_knee", 2, 1),  # The knee comes forwards.
        ("r_hip_abduction", "r_knee", 0, 1),
        ("l_hip_abduction", "l_knee", 0, -1),
        ("l_knee_flexion", "l_ankle", 2, -1),  # The foot goes back: knees bend forwards.
        ("r_elbow_flexion", "r_wrist", 2, 1),  # The hand comes forwards.
        ("l_shoulder_raise", "l_elbow", 2, 1),
        ("trunk_flexion", "thorax", 2, 1),
        ("trunk_bend", "thorax", 0, 1),
        ("trunk_twist", "l_shoulder", 2, 1),  # Turning right brings the left shoulder forwards.
        ("neck_flexion", "head", 2, 1),
        ("neck_bend", "head", 0, 1),
        ("neck_twist", "nose", 0, 1),
        ("pelvis_tilt", "thorax", 2, 1),
        ("pelvis_list", "r_hip", 1, 1),
    ],
)
def test_each_angle_moves_its_joint_the_way_its_name_says(angle, joint, axis, sign):
    moved = stand(**{angle: 20.0})[joint] - stand()[joint]
    assert sign * moved[axis] > 10.0


def test_an_arm_raised_sideways_is_level_and_bends_forwards():
    straight = stand(r_shoulder_raise=90.0, r_shoulder_plane=90.0)
    upper_arm = straight["r_elbow"] - straight["r_shoulder"]
    np.testing.assert_allclose(upper_arm / np.linalg.norm(upper_arm), [1, 0, 0], atol=1e-5)
    bent = stand(r_shoulder_raise=90.0, r_shoulder_plane=90.0, r_elbow_flexion=90.0)
    forearm = bent["r_wrist"] - bent["r_elbow"]
    np.testing.assert_allclose(forearm / np.linalg.norm(forearm), [0, 0, 1], atol=1e-5)


def test_the_plane_has_no_effect_while_the_arm_hangs():
    turned, plain = (stand(l_shoulder_plane=plane, l_elbow_flexion=70.0)["l_wrist"] for plane in (100.0, 0.0))
    np.testing.assert_allclose(turned, plain, atol=1e-3)


def test_rotating_the_hips_outwards_turns_the_shins_inwards_when_sitting():
    sitting = {"r_hip_flexion": 90.0, "r_knee_flexion": 90.0}
    assert stand(**sitting, r_hip_rotation=30.0)["r_ankle"][0] < stand(**sitting)["r_ankle"][0] - 50


def test_a_sitting_leg_agrees_with_hand_calculation():
    joints = stand(r_hip_flexion=90.0, r_knee_flexion=90.0)
    thigh, shank = BODY.from_parent["r_knee"][0, 1], BODY.from_parent["r_ankle"][0, 1]
    np.testing.assert_allclose(joints["r_knee"] - joints["r_hip"], [0, 0, thigh], atol=1e-2)
    np.testing.assert_allclose(joints["r_ankle"] - joints["r_knee"], [0, shank, 0], atol=1e-2)


def test_bones_keep_their_lengths_whatever_the_angles():
    rng = np.random.default_rng(2)
    bodies = draw_bodies(rng, 3)
    angles = {name: rng.uniform(low, high, (3, 50)) for name, (low, high) in JOINT_LIMITS.items()}
    joints = forward_kinematics(bodies, angles)
    for child, parent in H36M_17.bones:
        lengths = np.linalg.norm((joints[child] - joints[parent]).numpy(), axis=-1)
        expected = np.linalg.norm(bodies.from_parent[child], axis=-1)[:, np.newaxis]
        np.testing.assert_allclose(lengths, np.broadcast_to(expected, lengths.shape), rtol=1e-5)


def test_limit_clips_angles_to_their_ranges():
    limited = limit({"l_knee_flexion": np.array([-10.0, 20.0, 200.0])})
    assert limited["l_knee_flexion"].tolist() == [0.0, 20.0, 135.0]
    assert set(kinematics.JOINTS) == set(H36M_17.joints)
