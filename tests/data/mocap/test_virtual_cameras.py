import math

import numpy as np
import pytest

from tf_elepose.data.mocap.virtual_cameras import Rig, draw_rig, orientation, pixels, view


def rig(azimuth=0.0, elevation=0.0, roll=0.0, distance=5000.0, aim=(0.0, 0.0, 0.0)) -> Rig:
    one = [np.full((1, 1), value) for value in (azimuth, elevation, roll, distance)]
    return Rig(*one, np.reshape(aim, (1, 1, 3)))


# A pole: its top, 1700 mm above the floor, and its foot; y is down.
POLE = np.array([[[[0.0, -1700.0, 0.0], [0.0, 0.0, 0.0]]]])


@pytest.mark.parametrize("azimuth", [0.0, 77.0, 200.0])
def test_from_above_the_head_is_nearer_than_the_feet(azimuth):
    head, foot = view(rig(azimuth, elevation=20.0), POLE)[0, 0, 0]
    assert head[2] < foot[2] - 500
    assert head[1] < foot[1]  # Still above them in the image.
    head, foot = view(rig(azimuth, elevation=-20.0), POLE)[0, 0, 0]
    assert head[2] > foot[2] + 500


def test_a_point_agrees_with_hand_calculation():
    # 30 degrees above the horizon, aimed at the foot from 5 m: the pole's top is 1700 sin 30 = 850 mm nearer and
    # appears 1700 cos 30 mm above the foot.
    head, foot = view(rig(elevation=30.0), POLE)[0, 0, 0]
    np.testing.assert_allclose(head, [0, -1700 * math.cos(math.radians(30)), 5000 - 850], atol=1e-9)
    np.testing.assert_allclose(foot, [0, 0, 5000], atol=1e-9)


@pytest.mark.parametrize(("azimuth", "elevation", "roll"), [(0, 12, 0), (130, -7, 5), (270, 35, -20)])
def test_elevation_is_the_angle_of_the_line_of_sight_below_the_horizon(azimuth, elevation, roll):
    turn = orientation(rig(azimuth, elevation, roll))[0, 0]
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-12)
    sight = turn.T @ [0, 0, 1]  # In the world, whose y is down.
    assert math.degrees(math.asin(sight[1])) == pytest.approx(elevation, abs=1e-9)


def test_without_roll_the_horizon_is_level():
    turn = orientation(rig(50.0, 15.0))[0, 0]
    assert (turn.T @ [1, 0, 0])[1] == pytest.approx(0.0, abs=1e-12)
    assert (orientation(rig(50.0, 15.0, 10.0))[0, 0].T @ [1, 0, 0])[1] == pytest.approx(
        -math.sin(math.radians(10)) * math.cos(math.radians(15)), abs=1e-12
    )


def test_a_quarter_turn_of_azimuth_moves_the_right_side_behind_the_aim():
    np.testing.assert_allclose(orientation(rig(90.0))[0, 0] @ [0, 0, 1], [1, 0, 0], atol=1e-12)


def test_the_aim_is_in_the_middle_of_the_image_at_its_distance():
    aim = (300.0, -900.0, 4000.0)
    seen = view(rig(40.0, 10.0, 3.0, 4800.0, aim), np.reshape(aim, (1, 1, 1, 3)))
    np.testing.assert_allclose(seen.reshape(3), [0, 0, 4800], atol=1e-9)
    np.testing.assert_allclose(pixels(seen).reshape(2), [500, 500], atol=1e-9)


def test_pixels_agree_with_hand_calculation():
    image = pixels(np.array([[500.0, -250.0, 5000.0]]))
    np.testing.assert_allclose(image, [[614.5, 442.75]], rtol=1e-6)


def test_a_rig_surrounds_the_person_evenly():
    center = np.zeros((500, 3))
    drawn = draw_rig(np.random.default_rng(0), center, 4, (12.0, 6.0), 0.0, (5000.0, 250.0))
    gaps = np.diff(drawn.azimuth, axis=1)
    assert gaps.mean() == pytest.approx(90.0, abs=1.0)
    assert 5 < gaps.std() < 20
    assert drawn.elevation.mean() == pytest.approx(12.0, abs=0.5)
    assert drawn.elevation.std() == pytest.approx(6.0, abs=0.5)
    assert drawn.distance.mean() == pytest.approx(5000.0, abs=25)
    assert np.all(drawn.roll == 0)
