import numpy as np
import pytest

from tf_elepose.data.readers.h36m_cameras import CAMERA_IDS, LENSES, STANDS, Lens, Stand, project, to_camera

ALL = [(subject, camera) for subject in STANDS for camera in range(4)]


def quaternion_product(one, other):
    w, v = one[0], np.array(one[1:])
    u, x = other[0], np.array(other[1:])
    return np.array([w * u - v @ x, *(w * x + u * v + np.cross(v, x))])


def test_every_subject_with_published_cameras_has_four():
    assert set(STANDS) == {"S1", "S5", "S6", "S7", "S8", "S9", "S11"}
    assert len(CAMERA_IDS) == len(LENSES) == 4
    assert all(len(stands) == 4 for stands in STANDS.values())
    assert [lens.image_size for lens in LENSES] == [(1000, 1002), (1000, 1000), (1000, 1000), (1000, 1002)]


def test_a_camera_agrees_with_hand_calculation():
    # Half a turn about x: the camera at (0, 0, 1000) looks down the world's -z axis; its y is the world's -y.
    stand = Stand((0.0, 1.0, 0.0, 0.0), (0.0, 0.0, 1000.0))
    np.testing.assert_allclose(to_camera(stand, np.array([100.0, 200.0, -500.0])), [100, -200, 1500], atol=1e-9)
    assert stand.elevation == pytest.approx(90)


@pytest.mark.parametrize(("subject", "camera"), ALL)
def test_matrices_rotate_as_the_quaternions_do(subject, camera):
    stand = STANDS[subject][camera]
    point = np.array([311.0, -827.0, 1504.0])
    w, x, y, z = stand.orientation
    inverse = (w, -x, -y, -z)
    shifted = np.array([0.0, *(point - stand.translation)])
    turned = quaternion_product(quaternion_product(inverse, shifted), stand.orientation)
    np.testing.assert_allclose(to_camera(stand, point), turned[1:], atol=1e-2)  # Quaternions of 7 digits.
    np.testing.assert_allclose(stand.rotation @ to_camera(stand, point) + stand.translation, point, atol=1e-9)


@pytest.mark.parametrize(("subject", "camera"), ALL)
def test_a_person_in_the_middle_of_the_room_is_upright_in_the_middle_of_the_image(subject, camera):
    feet, head = project(LENSES[camera], to_camera(STANDS[subject][camera], np.array([[0, 0, 0], [0, 0, 1700.0]])))
    assert 0 < head[1] < feet[1] < 1000
    assert abs(head[0] - feet[0]) < 100
    assert 200 < feet[0] < 800
    assert 0 < STANDS[subject][camera].elevation < 30


def test_a_projection_agrees_with_hand_calculation():
    lens = Lens((1000.0, 500.0), (10.0, 20.0), (0.1, 0.0, 0.0), (0.0, 0.01), (1000, 1000))
    # x / z, y / z = 0.5, 0.25; r2 = 0.3125; radial 1.03125; tangential 0.0025.
    expected = [1000 * 0.5 * 1.03375 + 10, 500 * (0.25 * 1.03375 + 0.01 * 0.3125) + 20]
    np.testing.assert_allclose(project(lens, np.array([1000.0, 500.0, 2000.0])), expected)


@pytest.mark.parametrize("lens", LENSES)
def test_opencv_differs_by_less_than_a_pixel_near_the_axis(lens):
    rng = np.random.default_rng(0)
    points = rng.uniform([-1000, -1000, 4000], [1000, 1000, 6000], (200, 3))
    (k1, k2, k3), (p1, p2) = lens.radial, lens.tangential
    for point, found in zip(points, project(lens, points), strict=True):
        x, y = point[0] / point[2], point[1] / point[2]
        r2 = x * x + y * y
        radial = 1 + k1 * r2 + k2 * r2**2 + k3 * r2**3
        # OpenCV's order is k1, k2, p1, p2, k3; VideoPose3D's p is along x, then y, so that they trade places.
        u = x * radial + 2 * p2 * x * y + p1 * (r2 + 2 * x * x)
        v = y * radial + p2 * (r2 + 2 * y * y) + 2 * p1 * x * y
        opencv = np.array([lens.focal[0] * u + lens.center[0], lens.focal[1] * v + lens.center[1]])
        assert np.abs(opencv - found).max() < 1.0


def test_missing_coordinates_stay_missing_and_others_are_clamped():
    found = project(LENSES[0], np.array([[np.nan, 0, 1000], [1e9, 0, 1.0], [0, 1e300, 1e-300]]))
    assert np.isnan(found[0]).any()
    assert np.isfinite(found[1:]).all()
