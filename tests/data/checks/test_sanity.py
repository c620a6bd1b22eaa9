"""Sanity checks: mistakes of a file are found and named with a remedy; clean or too little data give no finding."""

import dataclasses
import pathlib

import numpy as np
import pytest
from findings import found, joined, only_2d
from stick_people import turning

from tf_elepose.data import corrections
from tf_elepose.data.assembly import assemble
from tf_elepose.data.checks import plausibility, sanity
from tf_elepose.data.readers.views import read_views
from tf_elepose.data.recording import Recording
from tf_elepose.skeleton.conventions import CONVENTIONS
from tf_elepose.skeleton.conversion import conversion
from tf_elepose.skeleton.skeletons import H36M_17, Skeleton

SHARED = pathlib.Path(__file__).parents[3].parent / "shared" / "data"


def with_detections(recording) -> Recording:
    return dataclasses.replace(
        recording, poses_2d_detected=recording.poses_2d, confidence=np.ones(recording.poses_2d.shape[:2])
    )


@pytest.mark.parametrize("cameras", [1, 4])
@pytest.mark.parametrize("noise", [0.0, 20.0])
def test_nothing_is_found_in_clean_data(cameras, noise):
    assert not found(turning(cameras=cameras, noise=noise))
    assert not found(turning(rows=30, cameras=cameras, noise=noise))


def test_a_flipped_y_axis_is_found_in_the_arrays_that_have_it():
    finding = found(corrections.flip_y(with_detections(turning())))["flipped_y"]
    assert str(finding) == (
        "poses_2d, poses_2d_detected: the y axis looks flipped: heads below feet (clip 'a', camera 0); "
        "if pixels are counted from the bottom, set flip_y: --option=flip_y=true"
    )
    upside_down = turning().poses_3d * [1, -1, 1]
    assert found(turning(poses_3d=upside_down))["flipped_y"].remedy.startswith(
        "3D poses need the camera's frame, y down"
    )


@pytest.mark.parametrize("degrees", [60, 90, 45])
def test_people_who_lie_or_lean_give_no_finding_of_a_flipped_axis(degrees):
    angle = np.radians(degrees)
    turned = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    recording = turning()
    assert "flipped_y" not in found(only_2d(recording, poses_2d=500 + (recording.poses_2d - 500) @ turned))


@pytest.mark.parametrize("sides", ["arms", "legs"])
def test_swapped_sides_are_found_and_3d_poses_show_which_limbs(sides):
    swapped = corrections.swap_sides(turning(cameras=4), sides)
    finding = found(swapped)["swapped_sides"]
    assert finding.what == "poses_2d, poses_3d: arms and legs disagree about which side is left"
    assert finding.where == "4 of 4 windows, the first is clip 'a', camera 0"
    assert finding.remedy == f"the {sides} bend the wrong way: --option=swap_sides={sides}"
    assert not found(corrections.swap_sides(swapped, sides))
    either = found(only_2d(swapped))["swapped_sides"].remedy
    assert "--option=swap_sides=arms or --option=swap_sides=legs" in either


@pytest.mark.parametrize("mirror", [[-1, 1, 1], [1, 1, -1]])
def test_mirrored_3d_poses_are_found_by_the_way_knees_and_elbows_bend(mirror):
    recording = turning(cameras=2)
    finding = found(dataclasses.replace(recording, poses_3d=recording.poses_3d * mirror))
    assert set(finding) == {"mirrored"} and "--option=swap_sides=both" in finding["mirrored"].remedy
    assert finding["mirrored"].where.startswith("2 of 2 windows")
    swapped = corrections.swap_sides(recording, "both")
    assert set(found(swapped)) == {"mirrored"} and not found(corrections.swap_sides(swapped, "both"))
    assert set(found(dataclasses.replace(recording, poses_3d=recording.poses_3d * [1, -1, 1]))) == {"flipped_y"}


def test_remedy_for_sides_swapped_in_2d_poses_only_is_to_correct_the_file():
    swapped = corrections.swap_sides(turning(), "arms")
    finding = found(dataclasses.replace(swapped, poses_3d=turning().poses_3d))["swapped_sides"]
    assert finding.what.startswith("poses_2d: ")
    assert finding.remedy == "poses_3d are right, and swap_sides would change them, too: correct the file"


def test_swapped_sides_are_found_with_a_rolled_camera_and_with_a_flipped_axis():
    swapped = corrections.swap_sides(turning(), "arms")
    rolled = 500 + (swapped.poses_2d - 500) @ np.array([[0, -1], [1, 0]])
    assert set(found(only_2d(swapped, poses_2d=rolled))) == {"swapped_sides", "lying"}
    assert set(found(only_2d(corrections.flip_y(swapped)))) == {"swapped_sides", "flipped_y"}


def test_a_tenth_of_wrong_poses_changes_no_finding():
    recording = turning()
    poses = recording.poses_2d.copy()
    poses[::10] = np.random.default_rng(0).uniform(0, 1000, poses[::10].shape)
    clean = only_2d(recording, poses_2d=poses)
    assert not found(clean)
    assert set(found(corrections.swap_sides(clean, "legs"))) == {"swapped_sides"}
    assert set(found(corrections.flip_y(clean))) == {"flipped_y"}


def test_sides_of_a_person_seen_from_the_side_are_not_judged():
    """Hips and shoulders turn a little in opposite directions, as in walking."""
    poses = only_2d(turning(turn=0, first=90.0)).poses_2d.copy()
    swing = np.sin(np.arange(len(poses)) / 3.0)
    for joint, by in (("l_hip", 2), ("r_hip", -2), ("l_shoulder", -4), ("r_shoulder", 4)):
        poses[:, H36M_17.index(joint), 0] += by * swing
    recording = only_2d(turning(), poses_2d=poses)
    assert "swapped_sides" not in found(recording)
    assert "swapped_sides" not in found(corrections.swap_sides(recording, "arms"))


def test_only_seen_joints_count():
    recording = turning()
    swapped = corrections.swap_sides(recording, "arms")
    visible = np.ones((len(recording), 17), bool)
    visible[:, list(H36M_17.indices(("l_shoulder", "r_hip")))] = False
    visible[:, H36M_17.index("l_ankle")] = False
    blind = only_2d(swapped, visible=visible)
    assert set(found(blind)) == {"missing_joint"}
    garbage = recording.poses_2d.copy()
    garbage[~visible] = -9999.0
    assert set(found(only_2d(recording, poses_2d=garbage, visible=visible))) == {"missing_joint"}
    assert set(found(only_2d(corrections.flip_y(recording), visible=visible))) == {"missing_joint", "flipped_y"}


def test_too_few_rows_are_not_judged():
    few = corrections.flip_y(corrections.swap_sides(turning(rows=9), "arms"))
    assert not found(few)
    assert set(found(corrections.flip_y(turning(rows=12)))) == {"flipped_y"}


def test_single_images_are_judged_together_for_each_camera():
    """Every image is a clip of its own, as in MPII or COCO."""
    recording = turning(rows=60, cameras=2)
    images = np.array([f"{i}.jpg" for i in range(120)])
    finding = found(corrections.flip_y(only_2d(recording, clip=images)))["flipped_y"]
    assert (finding.flagged, finding.judged) == (2, 2)


def test_the_camera_and_clip_that_is_wrong_is_named():
    wrong = corrections.swap_sides(turning(cameras=1, clip=np.full(200, "b")), "arms")
    wrong = dataclasses.replace(wrong, camera=np.full(200, 3))
    finding = found(only_2d(joined(turning(cameras=3), wrong)))["swapped_sides"]
    assert (finding.flagged, finding.judged) == (1, 4)
    assert finding.where == "1 of 4 windows, the first is clip 'b', camera 3"


def test_a_few_unusual_windows_among_many_give_no_finding():
    wrong = corrections.swap_sides(turning(rows=20, clip=np.full(20, "wrong")), "arms")
    clean = [turning(rows=20, clip=np.full(20, f"{i:03d}")) for i in range(50)]
    assert "swapped_sides" not in found(only_2d(joined(wrong, *clean)))
    assert "swapped_sides" in found(only_2d(joined(wrong, *clean[:19])))


def test_long_clips_are_judged_in_windows():
    finding = found(corrections.flip_y(only_2d(turning(rows=2500))))["flipped_y"]
    assert (finding.flagged, finding.judged) == (3, 3)


def test_an_even_sample_of_many_windows_is_judged(monkeypatch):
    monkeypatch.setattr(sanity, "MOST_WINDOWS", 10)
    clips = [turning(rows=20, cameras=1, clip=np.full(20, f"{i:03d}")) for i in range(35)]
    finding = found(corrections.flip_y(only_2d(joined(*clips))))["flipped_y"]
    assert (finding.flagged, finding.judged) == (10, 10)
    half = [corrections.flip_y(clip) if i >= 30 else clip for i, clip in enumerate(clips)]
    assert "flipped_y" in found(only_2d(joined(*half)))  # In a seventh of the windows, the last ones.


@pytest.mark.parametrize("values", [["b", "b", "a", "b", "c"], ["a"], [3, 3, 1, 1, 3]])
def test_labels_agree_with_sorting_all_values(values):
    values = np.array(values)
    np.testing.assert_array_equal(sanity._labels(values), np.unique(values, return_inverse=True)[1])


@pytest.mark.parametrize("count", [1, 2, 11, 100])
def test_percentiles_agree_with_numpy(count):
    values = np.random.default_rng(count).normal(size=count)
    for percent in (0, 37.5, 90, 99, 100):
        assert plausibility._percentile(values, percent) == pytest.approx(np.percentile(values, percent), abs=1e-12)


# ---- bones, missing joints, units ------------------------------------------------------------------------------------


def test_joints_read_in_a_wrong_convention_give_impossible_bones():
    coco = conversion(H36M_17, CONVENTIONS["coco_17"]).apply(turning().poses_2d)
    coco[np.isnan(coco)] = 450.0  # Eyes and ears, which H36M lacks.
    finding = found(only_2d(turning(), poses_2d=coco))["bone_length"]
    assert "times as long as expected" in finding.what and "--option=convention=NAME" in finding.remedy


def test_the_bone_that_is_too_long_is_named():
    recording = turning()
    poses = recording.poses_2d.copy()
    poses[:, H36M_17.index("l_wrist")] += [0, 400]
    finding = found(only_2d(recording, poses_2d=poses))["bone_length"]
    assert finding.what.startswith("poses_2d: the bone from 'l_elbow' to 'l_wrist' is ")
    no_prior = dataclasses.replace(H36M_17, name="own", bone_prior=None)
    finding = found(only_2d(recording, poses_2d=poses, skeleton=no_prior))["bone_length"]
    assert "from 'l_elbow' to 'l_wrist'" in finding.what and finding.what.endswith("as long as the other side's")
    assert not found(only_2d(recording, skeleton=no_prior))


def test_a_joint_given_twice_is_found_as_a_bone_without_length():
    recording = turning()
    poses_2d, poses_3d = recording.poses_2d.copy(), recording.poses_3d.copy()
    for poses in (poses_2d, poses_3d):
        poses[:, H36M_17.index("r_ankle")] = poses[:, H36M_17.index("r_knee")]
    findings = [f.what for f in sanity.findings(dataclasses.replace(recording, poses_2d=poses_2d, poses_3d=poses_3d))]
    assert findings == [
        f"{name}: the bone from 'r_knee' to 'r_ankle' is 0 times as long as expected"
        for name in ("poses_2d", "poses_3d")
    ]


def test_short_bones_are_a_finding_in_3d_and_not_in_an_image():
    side = turning(turn=10, first=85.0)
    assert "bone_length" not in found(side)  # Hips and shoulders hardly have a width here.
    poses = side.poses_3d.copy()
    elbow, wrist = H36M_17.index("l_elbow"), H36M_17.index("l_wrist")
    poses[:, wrist] = poses[:, elbow] + 0.2 * (poses[:, wrist] - poses[:, elbow])
    assert "'l_wrist' is 0.2" in found(dataclasses.replace(side, poses_3d=poses))["bone_length"].what


def test_joints_that_no_pose_has_are_named():
    visible = np.ones((200, 17), bool)
    visible[:, [9, 10]] = False
    finding = found(only_2d(turning(), visible=visible))["missing_joint"]
    assert finding.what == "poses_2d: no pose has nose, head" and finding.where == "200 of 200 poses"
    visible[3] = True
    assert not found(only_2d(turning(), visible=visible))


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-1, 1)])
def test_normalised_coordinates_are_distinguished_from_pixels(low, high):
    poses = low + (high - low) * turning().poses_2d / 1000
    finding = found(only_2d(turning(), poses_2d=poses))["normalised"]
    assert "--option=image_size=[WIDTH,HEIGHT]" in finding.remedy
    assert set(found(only_2d(turning(), poses_2d=poses * 20 + 50))) == set()  # A tiny image is one.
    metres = turning(poses_3d=turning().poses_3d / 1000)  # 3D poses in metres are not judged by that test.
    assert not found(metres)


def test_skeletons_without_arms_and_legs_are_judged_by_head_and_root():
    stick = Skeleton("stick", ("hip", "top", "toe"), (None, "hip", "hip"), (), (), "hip", "top")
    poses = np.tile([[500.0, 500.0], [500, 300], [500, 800]], (40, 1, 1))
    recording = turning(rows=40, poses_2d=poses, skeleton=stick, poses_3d=None)
    assert not found(recording)
    assert set(found(corrections.flip_y(recording))) == {"flipped_y"}


# ---- real motion -----------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not SHARED.is_dir(), reason="the sample data is not beside this checkout")
@pytest.mark.parametrize("name", ["cmu_views.npz", "treadmill/treadmill_views.npz"])
def test_mistakes_in_real_motion_are_found_and_clean_data_give_no_finding(name):
    recording = assemble(read_views(SHARED / name), H36M_17, name).of_split("test")
    assert not found(recording)
    flipped = found(corrections.flip_y(recording))
    assert set(flipped) == {"flipped_y"} and flipped["flipped_y"].flagged == flipped["flipped_y"].judged
    for sides in ("arms", "legs"):
        finding = found(corrections.swap_sides(recording, sides))["swapped_sides"]
        assert finding.flagged >= 0.99 * finding.judged
        assert finding.remedy.endswith(f"--option=swap_sides={sides}")
