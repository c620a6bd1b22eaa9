"""The turntable against positions worked out by hand; x right, y down, z away."""

import math

import numpy as np
import pytest

from tf_elepose.render import camera

X, Y, Z = np.eye(3)
A = 30.0
C, S = math.cos(math.radians(A)), math.sin(math.radians(A))


@pytest.mark.parametrize(
    ("point", "azimuth", "elevation", "expected"),
    [
        (X, 0, 0, X),
        # From the side: a point that was away is on the right, a point that was on the right is near.
        (Z, 90, 0, X),
        (X, 90, 0, -Z),
        (Y, 90, 0, Y),
        # From behind: right and left are exchanged, near and far too.
        (X, 180, 0, -X),
        (Z, 180, 0, -Z),
        # From above: a point that was away is above (-y), a point that was down is far.
        (Z, 0, 90, -Y),
        (Y, 0, 90, Z),
        (X, 0, 90, X),
        # A third of a right angle, both ways: Ry z = (S, 0, C); Rx y = (0, C, S), Rx z = (0, -S, C).
        (Z, A, 0, (S, 0, C)),
        (Y, 0, A, (0, C, S)),
        (Z, A, A, (S, -S * C, C * C)),
    ],
)
def test_view_by_hand(point, azimuth, elevation, expected):
    np.testing.assert_allclose(camera.view(point[np.newaxis], azimuth, elevation)[0], expected, atol=1e-12)


def test_turning_keeps_lengths_and_handedness():
    rotation = camera.rotation_x(37.0) @ camera.rotation_y(np.array([0.0, 123.0]))
    np.testing.assert_allclose(rotation @ np.swapaxes(rotation, -1, -2), [np.eye(3)] * 2, atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(rotation), 1.0)


def test_perspective_by_hand():
    """At the origin's distance the scale is 1, at half that distance 2, at twice the distance a half."""
    seen = np.array([[3.0, -1.0, 0.0], [3.0, -1.0, -5.0], [3.0, -1.0, 10.0]])
    np.testing.assert_allclose(camera.perspective(seen, 10.0), [[3, -1], [6, -2], [1.5, -0.5]])
