import time

import numpy as np
import pytest

from tf_elepose import geometry
from tf_elepose.data.mocap.motion import ACTIVITIES
from tf_elepose.data.mocap.virtual_cameras import FOCAL_PX, IMAGE_PX
from tf_elepose.data.recording import row_fields
from tf_elepose.data.synthetic import synthesize
from tf_elepose.skeleton.skeletons import H36M_17, H36M_17_ELEPOSE, Skeleton

SMALL = {"subjects": 3, "takes": 1, "frames": 6, "cameras": 2, "test_fraction": 0.34}
ROOT = H36M_17.root_index


@pytest.fixture(scope="module")
def default():
    return synthesize(H36M_17)


def assert_equal(one, other):
    for field in row_fields(17):
        np.testing.assert_array_equal(getattr(one, field), getattr(other, field), err_msg=field)


def test_equal_options_give_equal_arrays_and_another_seed_others():
    one = synthesize(H36M_17, seed=5, **SMALL)
    assert_equal(one, synthesize(H36M_17, seed=5, **SMALL))
    other = synthesize(H36M_17, seed=6, **SMALL)
    assert np.abs(one.poses_3d - other.poses_3d).max(axis=(1, 2)).min() > 10


def test_cameras_do_not_change_the_motion():
    near, far = (synthesize(H36M_17, **SMALL, distance_mean=d, elevation_mean=e) for d, e in ((4000, 0), (9000, 40)))
    a, b = (np.linalg.norm(geometry_free(r), axis=-1) for r in (near, far))
    np.testing.assert_allclose(a, b, atol=0.1)


def geometry_free(recording) -> np.ndarray:
    """[N, J, 3] relative to the root; the lengths do not depend on the camera."""
    return recording.poses_3d - recording.poses_3d[:, ROOT : ROOT + 1]


def test_the_default_is_about_twenty_thousand_views_made_within_seconds():
    synthesize(H36M_17, **SMALL)  # TensorFlow's own start is not counted.
    start = time.monotonic()
    made = synthesize(H36M_17)
    assert time.monotonic() - start < 5
    assert len(made.of_split("train")) == 20480
    assert len(made.of_split("test")) == 5120


def test_joints_come_in_the_skeletons_order():
    one, other = synthesize(H36M_17, **SMALL), synthesize(H36M_17_ELEPOSE, **SMALL)
    order = H36M_17.indices(H36M_17_ELEPOSE.joints)
    np.testing.assert_allclose(other.poses_3d, one.poses_3d[:, order], atol=1e-2)


def test_another_set_of_joints_is_refused():
    stick = Skeleton("stick", ("root", "head"), (None, "root"), (), (), "root", "head")
    with pytest.raises(ValueError, match=r"synthetic: has the joints root, r_hip.*; skeleton 'stick' wants others"):
        synthesize(stick)


def test_bones_keep_their_length_within_a_subject(default):
    lengths = np.linalg.norm(H36M_17.bone_matrix @ default.poses_3d, axis=-1)
    for subject in np.unique(default.subject):
        own = lengths[default.subject == subject]
        assert (np.ptp(own, axis=0) / own.mean(axis=0)).max() < 1e-4
        np.testing.assert_allclose(own[0], own[0][list(H36M_17.bone_mirror)], rtol=1e-4)


def test_subjects_differ_in_size_and_proportion(default):
    first = [np.flatnonzero(default.subject == s)[0] for s in np.unique(default.subject)]
    lengths = np.linalg.norm(H36M_17.bone_matrix @ default.poses_3d[first], axis=-1)
    relative = lengths / lengths.mean(axis=1, keepdims=True)
    assert lengths.sum(axis=1).std() / lengths.sum(axis=1).mean() > 0.03
    assert (relative.std(axis=0) / relative.mean(axis=0)).min() > 0.01


def test_knees_bend_forwards_everywhere(default):
    bend = geometry.knee_bend(geometry.center(default.poses_3d, ROOT), H36M_17).numpy()
    assert bend.min() > -1e-4  # Sine of the flexion; rounding of straight legs.
    # The depth mirror of a pose is what the sign must tell apart.
    mirrored = geometry.center(default.poses_3d, ROOT) * (1.0, 1.0, -1.0)
    assert np.mean(geometry.knee_bend(mirrored, H36M_17).numpy() > 0) < 1e-3


def test_poses_2d_are_the_projection_of_poses_3d(default):
    poses = default.poses_3d.astype(np.float64)
    expected = FOCAL_PX * poses[..., :2] / poses[..., 2:] + IMAGE_PX / 2
    np.testing.assert_allclose(default.poses_2d, expected, atol=1e-2)


def test_people_are_upright_and_inside_the_image(default):
    ankles = default.poses_2d[:, H36M_17.indices(("l_ankle", "r_ankle")), 1]
    assert np.all(default.poses_2d[:, H36M_17.index("head"), 1] < ankles.max(axis=1))
    inside = np.all((default.poses_2d >= 0) & (default.poses_2d <= IMAGE_PX), axis=(1, 2))
    assert inside.mean() > 0.995


def test_elevation_follows_the_options(default):
    assert default.elevation.mean() == pytest.approx(12.0, abs=1.0)
    assert default.elevation.std() == pytest.approx(6.0, abs=1.0)
    other = synthesize(H36M_17, takes=1, frames=1, elevation_mean=-5.0, elevation_std=2.0)
    assert other.elevation.mean() == pytest.approx(-5.0, abs=0.5)
    assert other.elevation.std() == pytest.approx(2.0, abs=0.5)


def test_rotation_by_the_elevation_levels_the_pose():
    """When views are rotated back by their elevation, all views of a moment agree on each joint's height."""
    made = synthesize(H36M_17, elevation_mean=20.0, **SMALL)
    relative = geometry_free(made).astype(np.float64)
    e = np.radians(made.elevation.astype(np.float64))[:, np.newaxis]
    height = np.cos(e) * relative[..., 1] + np.sin(e) * relative[..., 2]  # y of Rx(-e) applied to the pose
    first, second = height[made.camera == 0], height[made.camera == 1]
    np.testing.assert_allclose(first, second, atol=0.05)
    wrong = np.cos(e) * relative[..., 1] - np.sin(e) * relative[..., 2]
    assert np.abs(wrong[made.camera == 0] - wrong[made.camera == 1]).max() > 50


def test_the_camera_above_sees_heads_nearer_than_feet():
    made = synthesize(H36M_17, elevation_mean=30.0, elevation_std=1.0, **SMALL)
    standing = np.isin(made.action, ["turning", "walking"])
    depth = made.poses_3d[standing][..., 2]
    ankles = depth[:, H36M_17.indices(("l_ankle", "r_ankle"))].mean(axis=1)
    assert np.all(depth[:, H36M_17.index("head")] < ankles)


def facing(poses):
    """The unit vectors [N, 3] that bodies face: right hip to left hip, crossed with the direction up the trunk."""
    joint = {name: poses[:, H36M_17.index(name)] for name in ("l_hip", "r_hip", "thorax", "root")}
    forward = np.cross(joint["l_hip"] - joint["r_hip"], joint["thorax"] - joint["root"])
    return forward / np.linalg.norm(forward, axis=1, keepdims=True)


def test_headings_relative_to_the_cameras_are_uniform(default):
    first = default.select(default.frame == 0)
    forward = facing(first.poses_3d)
    angle = np.arctan2(forward[:, 0], forward[:, 2])
    bins = 12
    counts, _ = np.histogram(angle, bins, (-np.pi, np.pi))
    expected = len(angle) / bins
    # Four cameras at right angles are not independent: 200 clips give the chance, each fourfold. 99.9 % of
    # chi-square with 11 degrees of freedom is 31.3.
    assert ((counts - expected) ** 2 / expected).sum() / 4 < 31.3
    assert counts.min() > 0.4 * expected


def test_splits_share_no_clip_and_no_subject(default):
    train, test = default.of_split("train"), default.of_split("test")
    for field in ("clip", "subject"):
        assert not set(getattr(train, field)) & set(getattr(test, field))
    for part in (train, test):
        assert set(part.action) == set(ACTIVITIES)


def test_rows_of_one_moment_are_its_views():
    made = synthesize(H36M_17, **SMALL)
    moments = {}
    for row in range(len(made)):
        moments.setdefault((made.subject[row], made.clip[row], made.frame[row]), []).append(row)
    assert len(moments) == 3 * 5 * 6
    for rows in moments.values():
        assert made.camera[rows].tolist() == [0, 1]
        distances = np.linalg.norm(made.poses_3d[rows][:, :, np.newaxis] - made.poses_3d[rows][:, np.newaxis], axis=-1)
        np.testing.assert_allclose(distances[0], distances[1], atol=0.05)  # The same body in the same pose.


def test_feet_stand_on_the_floor():
    """The lower ankle is at the same height above the floor in every moment, whatever the person does."""
    made = synthesize(H36M_17, elevation_std=0.0, elevation_mean=0.0, **SMALL)
    for clip in np.unique(made.clip):
        rows = (made.clip == clip) & (made.camera == 0)
        ankles = made.poses_3d[rows][:, H36M_17.indices(("l_ankle", "r_ankle")), 1].max(axis=1)
        assert np.ptp(ankles) < 15.0  # mm, what softening the change of feet costs


def test_poses_are_varied(default):
    """The levelled poses vary in as many directions as in everyday motion: a few do not explain nearly all."""
    poses = geometry_free(default)[::8]
    poses = poses / np.linalg.norm(poses, axis=(1, 2), keepdims=True)
    energy = np.linalg.svd((poses - poses.mean(axis=0)).reshape(len(poses), -1), compute_uv=False) ** 2
    share = np.cumsum(energy) / energy.sum()
    assert share[4] < 0.95
    assert share[25] < 0.9999


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": -1}, "seed: expected an integer from 0; got -1"),
        ({"seed": 0.5}, "seed: expected an integer from 0; got 0.5"),
        ({"takes": 0}, "takes: expected an integer from 1; got 0"),
        ({"frames": 2.5}, "frames: expected an integer from 1; got 2.5"),
        ({"cameras": True}, "cameras: expected an integer from 1; got True"),
        ({"frame_rate": 0.0}, "frame_rate: expected a number above 0; got 0.0"),
        ({"elevation_std": -1.0}, "elevation_std: expected a number from 0; got -1.0"),
        ({"roll_std": float("nan")}, "roll_std: expected a number from 0; got nan"),
        ({"elevation_mean": 100.0}, "elevation_mean: expected degrees from -90 to 90; got 100.0"),
        ({"test_fraction": 0.0}, "test_fraction: 0.0 of 3 subjects leaves no one"),
        ({"test_fraction": 1.5}, "test_fraction: 1.5 of 3 subjects leaves no one"),
        ({"subjects": 1}, "test_fraction: 0.34 of 1 subjects leaves no one"),
        ({"distance_mean": 700.0}, r"distance_mean 700.0 .* bring someone to -?\d+ mm in front of a camera"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=f"^synthetic: {message}"):
        synthesize(H36M_17, **(SMALL | options))


def test_walkers_move_in_the_direction_they_face():
    made = synthesize(H36M_17, **(SMALL | {"elevation_mean": 0.0, "elevation_std": 0.0}))
    for clip in np.unique(made.clip[made.action == "walking"]):
        path = made.select((made.clip == clip) & (made.camera == 1))
        ahead = facing(path.poses_3d).mean(axis=0)
        gone = path.poses_3d[-1, ROOT] - path.poses_3d[0, ROOT]
        assert gone @ ahead > 0.9 * np.linalg.norm(gone) * np.linalg.norm(ahead) > 50
