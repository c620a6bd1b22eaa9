import numpy as np
import pytest

from tf_elepose.data.mocap.kinematics import JOINT_LIMITS, draw_bodies, forward_kinematics
from tf_elepose.data.mocap.motion import ACTIVITIES, draw_motion

RATE = 12.5
TIME = np.arange(32) / RATE
CLIPS = 40


@pytest.fixture(scope="module", params=list(ACTIVITIES))
def drawn(request):
    return draw_motion(request.param, np.random.default_rng(0), TIME, CLIPS)


def test_every_angle_is_given_finite_and_within_its_limits(drawn):
    assert set(drawn.angles) == set(JOINT_LIMITS)
    for name, values in drawn.angles.items():
        low, high = JOINT_LIMITS[name]
        assert values.shape == (CLIPS, len(TIME))
        assert low <= values.min() and values.max() <= high, name


def test_angles_are_rarely_clipped(drawn):
    for name, values in drawn.angles.items():
        low, high = JOINT_LIMITS[name]
        assert np.mean((values == low) | (values == high)) < 0.06, name


def test_motion_is_smooth(drawn):
    # A fast swing of 60 degrees at 2 Hz changes by at most 60 pi / 12.5 degrees a frame, about 15; a hand's move of
    # 160 degrees in 0.77 s by 1.875 * 160 / 0.77 / 12.5, about 31; both may meet the drift.
    for name, values in drawn.angles.items():
        assert np.abs(np.diff(values, axis=1)).max() < 34, name
    assert np.abs(np.diff(drawn.heading, axis=1)).max() < 35


def test_clips_differ_and_move(drawn):
    moving = [name for name, values in drawn.angles.items() if np.median(np.std(values, axis=1)) > 0.3]
    assert len(moving) == len(JOINT_LIMITS)
    raised = drawn.angles["r_shoulder_raise"]
    assert np.std(raised.mean(axis=1)) > 2


def test_equal_generators_draw_equal_motion():
    one, other = (draw_motion("turning", np.random.default_rng(3), TIME, 4) for _ in range(2))
    np.testing.assert_array_equal(one.angles["l_elbow_flexion"], other.angles["l_elbow_flexion"])
    np.testing.assert_array_equal(one.heading, other.heading)


def motion(activity: str):
    return draw_motion(activity, np.random.default_rng(1), TIME, CLIPS)


def correlation(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    one, other = (values - values.mean(axis=1, keepdims=True) for values in (one, other))
    return (one * other).sum(axis=1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)


def test_walkers_legs_alternate_and_arms_swing_against_them():
    angles = motion("walking").angles
    assert np.median(correlation(angles["l_hip_flexion"], angles["r_hip_flexion"])) < -0.9
    for side in "lr":
        assert np.median(correlation(angles[f"{side}_hip_flexion"], angles[f"{side}_shoulder_raise"])) < -0.7


def test_only_walkers_move_ahead_at_a_human_speed():
    for activity in ACTIVITIES:
        metres = motion(activity).speed * 1.69
        assert np.all(metres == 0) if activity != "walking" else (metres.min() > 0.5 and metres.max() < 1.6)


def test_the_standing_foot_of_a_walker_hardly_slides():
    """The foot on the floor goes backwards, seen from the body, about as fast as the body goes ahead."""
    walk = motion("walking")
    bodies = draw_bodies(np.random.default_rng(0), CLIPS)
    joints = forward_kinematics(bodies, walk.angles)
    left, right = (joints[f"{side}_ankle"].numpy() for side in "lr")
    standing = np.where(left[..., 1:2] > right[..., 1:2], left, right)
    same = (left[:, 1:, 1] > right[:, 1:, 1]) == (left[:, :-1, 1] > right[:, :-1, 1])
    backwards = -np.diff(standing[..., 2], axis=1)[same].mean()
    ahead = (walk.speed * bodies.stature[:, np.newaxis] / RATE)[:, 1:][same].mean()
    assert backwards == pytest.approx(ahead, rel=0.2)


def test_sitters_thighs_are_about_level():
    angles = motion("sitting").angles
    for side in "lr":
        thigh = angles[f"{side}_hip_flexion"] - angles["pelvis_tilt"]
        assert thigh.min() > 60 and thigh.max() < 105


def test_squatters_go_down_and_come_up():
    knees = motion("squatting").angles["l_knee_flexion"]
    assert np.median(np.ptp(knees, axis=1)) > 45
    assert knees.max() > 90


def test_turning_rotates_the_body_more_than_any_other_activity():
    turned = {activity: np.median(np.ptp(motion(activity).heading, axis=1)) for activity in ACTIVITIES}
    assert max(turned, key=turned.get) == "turning"
    assert turned["turning"] > 90


def test_a_clip_may_have_one_frame():
    for activity in ACTIVITIES:
        values = draw_motion(activity, np.random.default_rng(0), np.zeros(1), 2).angles.values()
        assert all(np.isfinite(v).all() and v.shape == (2, 1) for v in values)
