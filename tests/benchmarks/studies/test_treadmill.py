"""Claims: a reference that checks whether the views agree corrects swapped sides."""

import numpy as np
import pytest
import small_models

from benchmarks.studies import treadmill
from tf_elepose.skeleton.skeletons import H36M_17


@pytest.fixture
def scene():
    """Places [4, F, J, 3] mm in the frames of four cameras all around, and their pixels [4, F, J, 2]."""
    rng = np.random.default_rng(0)
    world = 700.0 * (small_models.standing() + 0.1 * rng.normal(size=(6, 17, 3)))
    places = []
    for turn in np.deg2rad([10, 100, 190, 280]):
        right, away = np.array([np.cos(turn), 0, np.sin(turn)]), np.array([-np.sin(turn), 0, np.cos(turn)])
        axes = np.stack([right, [0, -1, 0], away])
        places.append(world @ axes.T + [50.0, 100.0, 4000.0])
    places = np.array(places)
    pixels = places[..., :2] / places[..., 2:] * treadmill._FOCAL_PX + treadmill._CENTRE_PX
    return places, pixels


def test_swapped_sides_are_put_right_where_the_views_say_so(scene):
    places, pixels = scene
    mirror = list(H36M_17.mirror)
    np.testing.assert_allclose(treadmill.agreeing_reference(pixels, places, mirror), places[0], atol=0.01)
    spoilt = pixels.copy()
    spoilt[2, 1:3] = spoilt[2, 1:3][:, mirror]
    spoilt[1, 4] = spoilt[1, 4][mirror]
    np.testing.assert_allclose(treadmill.agreeing_reference(spoilt, places, mirror), places[0], atol=0.01)


def test_errors_are_after_alignment(scene):
    places, _ = scene
    turned = places[1] - places[1][:, :1]
    assert treadmill.pa_mpjpe(2.0 * turned, places[0]).max() < 1e-6
    moved = places[0].copy()
    moved[:, 3] += [0.0, 0.0, 170.0]
    assert 5.0 < treadmill.pa_mpjpe(moved, places[0]).mean() < 25.0
