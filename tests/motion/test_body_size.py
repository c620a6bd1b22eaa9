"""Millimetres from a body's height: each pose's chain of bones gets its length."""

import dataclasses

import numpy as np
import pytest
from lifted_samples import lifted, posing

from tf_elepose.motion import body_size
from tf_elepose.skeleton.skeletons import H36M_17, Skeleton

SEGMENTS = {"l_knee": 0.245, "l_ankle": 0.246, "r_knee": 0.245, "r_ankle": 0.246}
TRUNK = {"spine": 0.2, "thorax": 0.1, "nose": 0.1, "head": 0.07}


def body_of_height(height: float) -> np.ndarray:
    """An upright body [J, 3] with Drillis and Contini's shares of its height as bones, worked out by hand."""
    places = {"root": 0.0, "l_hip": 0.0, "r_hip": 0.0}
    for joint, share in SEGMENTS.items():
        places[joint] = places[H36M_17.parents[H36M_17.index(joint)]] + share
    for joint, share in TRUNK.items():
        places[joint] = places[H36M_17.parents[H36M_17.index(joint)]] - share
    pose = np.zeros((H36M_17.num_joints, 3))
    pose[:, 1] = [height * places.get(joint, 0.0) for joint in H36M_17.joints]
    return pose


def unit(poses, **changes):
    return lifted(np.asarray(poses, np.float32), unit="unit", **changes)


def test_a_body_of_known_height_gets_its_size_from_any_scale():
    body = body_of_height(1750.0)
    ankle = body[H36M_17.index("l_ankle"), 1]
    assert ankle == pytest.approx((0.530 - 0.039) * 1750.0)
    assert body[H36M_17.index("head"), 1] == pytest.approx((0.530 - 1.0) * 1750.0)
    given = unit(np.stack([body / 700.0, body / 3.0]))
    sized = body_size.with_height(given, 1750.0)
    np.testing.assert_allclose(sized.poses_3d, [body, body], atol=1e-3)
    assert sized.unit == "mm"


def test_from_root_to_head_an_upright_body_has_its_share_of_the_height():
    body = body_of_height(1750.0)
    away = np.linalg.norm(body[H36M_17.index("head")] - body[H36M_17.index("root")])
    assert body_size.root_head_mm(1750.0) == pytest.approx(822.5) == away
    sized = body_size.with_height(unit(body[np.newaxis] / 700.0), 1600.0).poses_3d[0, H36M_17.index("head")]
    assert np.linalg.norm(sized) == pytest.approx(body_size.root_head_mm(1600.0), rel=1e-6)
    with pytest.raises(ValueError, match="not cm, not m"):
        body_size.root_head_mm(175.0)


def test_posture_and_place_in_the_clip_do_not_change_the_size():
    sized = body_size.with_height(unit(posing(30) * np.linspace(0.001, 0.003, 30)[:, np.newaxis, np.newaxis]), 1600.0)
    chain = body_size.chain_length(sized.poses_3d, H36M_17)
    np.testing.assert_allclose(chain, 0.961 * 1600.0, rtol=1e-5)


def test_a_leg_is_the_mean_of_both():
    body = body_of_height(1000.0)
    longer = body.copy()
    longer[H36M_17.index("l_ankle"), 1] += 100.0
    difference = body_size.chain_length(longer, H36M_17) - body_size.chain_length(body, H36M_17)
    assert difference == pytest.approx(50.0)


def test_invalid_poses_and_poses_without_extent_stay_zero():
    poses = np.zeros((2, H36M_17.num_joints, 3))
    sized = body_size.with_height(unit(poses, valid=np.array([True, False])), 1700.0)
    assert (sized.poses_3d == 0).all()


def test_poses_in_millimetres_are_refused():
    with pytest.raises(ValueError, match="expected poses in unit scale; these are in mm"):
        body_size.with_height(lifted(posing(2)), 1700.0)


@pytest.mark.parametrize(
    ("height", "message"),
    [
        (175, "got 175; in mm, 175 cm are 1750"),
        (1.75, "got 1.75; in mm, 1.75 m are 1750"),
        (0, r"expected 300 to 2600 mm \(not cm, not m\); got 0$"),
        (-1700, "got -1700$"),
        (3000, "got 3000$"),
        (float("nan"), "expected a number of mm; got nan"),
        ("1750", "expected a number of mm; got '1750'"),
    ],
)
def test_heights_in_other_units_are_refused(height, message):
    with pytest.raises(ValueError, match=message):
        body_size.require_height(height)


def test_heights_of_people_of_all_sizes_are_accepted():
    for height in (300.0, 500, 1750, 2600.0):
        body_size.require_height(height)


def test_a_skeleton_without_legs_has_no_size():
    legless = Skeleton.from_dict(H36M_17.to_dict() | {"name": "own", "legs": []})
    with pytest.raises(ValueError, match="names no legs"):
        body_size.with_height(dataclasses.replace(unit(posing(2)), skeleton=legless), 1700.0)


def test_a_head_beside_the_roots_branch_is_measured_straight():
    values = H36M_17.to_dict() | {"name": "own"}
    parents = dict(values["parents"])
    # The tree starts at the thorax: root and head are in two of its branches.
    del parents["thorax"]
    parents |= {"spine": "thorax", "root": "spine"}
    own = Skeleton.from_dict(values | {"parents": parents, "bone_prior": "estimate"})
    body = body_of_height(1750.0)
    assert body_size.chain_length(body, own) == pytest.approx(0.961 * 1750.0)
