"""Claims: joints that programs left out are not seen, except at the same places in root-centred poses."""

import numpy as np
import pytest

from tf_elepose.data.visibility import RootCentring, root_centred, root_weights, seen
from tf_elepose.skeleton.conventions import get_convention
from tf_elepose.skeleton.conversion import Convention
from tf_elepose.skeleton.skeletons import H36M_17, Skeleton

COCO = get_convention("coco_17")
HIPS = COCO.index("l_hip"), COCO.index("r_hip")


def bodies(n=40, convention: Convention | Skeleton = COCO):
    """Poses [n, K, 2] px in the middle of a picture; the joints that make the root are in the middle of the others."""
    rng = np.random.default_rng(0)
    reach = np.where(root_weights(convention, H36M_17).any(axis=1, keepdims=True), 20.0, 200.0)
    offset = rng.uniform(-reach, reach, (n, len(convention.joints), 2))
    return (rng.uniform(400, 600, (n, 1, 2)) + offset).astype(np.float32)


def alone(poses, given, convention: Convention | Skeleton = H36M_17):
    return root_centred(poses, given, root_weights(convention, H36M_17))


def centred(poses, convention):
    weights = root_weights(convention, H36M_17)
    return (poses - np.einsum("nka,ka->na", poses, weights)[:, np.newaxis]).astype(np.float32)


@pytest.mark.parametrize(
    ("point", "confidence", "expected"),
    [
        ((0.0, 0.0), None, False),
        ((0.0, 0.0), 0.31, False),
        ((-0.0, 0.0), 1.0, False),
        ((-1.0, -1.0), 0.9, False),
        ((0.0, 5.0), 0.9, True),
        ((-1.0, 0.0), 0.9, True),
        ((0.0, -1.0), None, True),
        ((1e-3, 0.0), None, True),
        ((-2.0, -2.0), None, True),
        ((np.nan, 5.0), 0.9, False),
        ((5.0, np.inf), 0.9, False),
        ((-np.inf, 5.0), None, False),
        ((1e6, 5.0), 0.9, False),
        ((999_999.0, 5.0), None, True),
        ((3.0, 5.0), 0.0, False),
        ((3.0, 5.0), -1.0, False),
        ((3.0, 5.0), np.nan, False),
        ((3.0, 5.0), np.inf, False),
        ((3.0, 5.0), 0.01, True),
    ],
)
def test_one_joint(point, confidence, expected):
    given = None if confidence is None else np.array([[confidence]], np.float32)
    assert seen(np.array([[point]], np.float32), given).tolist() == [[expected]]


def test_a_joint_must_be_over_the_threshold():
    poses, confidence = np.ones((1, 3, 2)), np.array([[0.3, 0.5, 0.7]])
    assert seen(poses, confidence, 0.5).tolist() == [[False, False, True]]


def test_zero_is_a_place_only_in_the_poses_that_are_root_centred():
    poses = np.array([[[0, 0], [-1, -1], [np.nan, 1], [4, 4]]] * 2, np.float64)
    expected = [[False, False, False, True], [True, True, False, True]]
    assert seen(poses, root_centred=np.array([False, True])).tolist() == expected
    assert seen(poses, root_centred=True).tolist() == [expected[1]] * 2


@pytest.mark.parametrize("convention", [COCO, get_convention("body_25"), H36M_17], ids=lambda held: held.name)
def test_poses_about_their_root_are_root_centred_alone_and_together(convention):
    poses = bodies(convention=convention)
    about = centred(poses, convention)
    everything = np.ones(about.shape[:2], bool)
    centring = RootCentring(convention, H36M_17)
    assert alone(about, everything, convention).all() and centring.of_source(about, everything)
    assert not alone(poses, everything, convention).any()
    assert not RootCentring(convention, H36M_17).of_source(poses, everything)


def test_hips_left_out_in_every_picture_do_not_make_poses_root_centred():
    poses = bodies()
    poses[:, HIPS] = 0.0
    everything = np.ones(poses.shape[:2], bool)
    centring = RootCentring(COCO, H36M_17)
    assert not alone(poses, everything, COCO).any() and not centring.of_source(poses, everything)
    poses[:, 3] = -5.0  # One joint of 17 that the detector puts outside the picture.
    assert not alone(poses, everything, COCO).any() and not centring.of_source(poses, everything)


def test_nine_poses_in_ten_decide_and_poses_without_a_root_do_not_count():
    about = centred(bodies(100, H36M_17), H36M_17)
    given = np.ones(about.shape[:2], bool)
    about[:6] += 300.0
    given[50:, H36M_17.root_index] = False
    assert not RootCentring(H36M_17, H36M_17).of_source(about, given)  # 44 of 50.
    assert RootCentring(H36M_17, H36M_17).of_source(about[2:], given[2:])  # 44 of 48.


def test_parts_of_a_source_are_counted_together():
    about, centring = centred(bodies(100, H36M_17), H36M_17), RootCentring(H36M_17, H36M_17)
    given = np.ones(about.shape[:2], bool)
    assert centring.of_source(about[:90], given[:90])
    assert centring.of_source(about[90:] + 300.0, given[90:])  # 90 of 100.
    assert not centring.of_source(about[:5] + 300.0, given[:5])  # 90 of 105.


def test_a_one_sided_pose_is_judged_by_the_others():
    about = centred(bodies(20, H36M_17), H36M_17)
    about[3] = np.abs(about[3])
    given = np.ones(about.shape[:2], bool)
    centring = RootCentring(H36M_17, H36M_17)
    assert alone(about, given).tolist() == [row != 3 for row in range(20)]
    assert centring.of_source(about, given)


def test_a_convention_without_a_root_is_never_root_centred():
    convention = Convention("face", ("nose", "l_eye", "r_eye"))
    poses = np.array([[[0, 0], [-3, 4], [3, -4]]], np.float32)
    assert not alone(poses, np.ones((1, 3), bool), convention).any()
