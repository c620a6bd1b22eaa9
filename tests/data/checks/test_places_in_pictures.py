"""Sanity checks of where bodies are in the picture: lying, relative to the hips, or outside it."""

import dataclasses

import numpy as np
import walker
from findings import found, joined, only_2d
from stick_people import turning

from tf_elepose.data.checks.streamed import PartsSeen
from tf_elepose.data.recording import Recording
from tf_elepose.skeleton.conventions import CONVENTIONS
from tf_elepose.skeleton.conversion import conversion
from tf_elepose.skeleton.skeletons import H36M_17


def together(recordings) -> Recording:
    full = [dataclasses.replace(one, poses_3d=np.zeros((len(one), 17, 3))) for one in recordings]
    return only_2d(joined(*full))


def rotated(recording, degrees, **changes) -> Recording:
    angle = np.radians(degrees)
    turned = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return only_2d(recording, poses_2d=500 + (recording.poses_2d - 500) @ turned, **changes)


def test_x_and_y_exchanged_and_pictures_turned_by_a_quarter_are_found():
    exchanged = only_2d(turning(cameras=2), poses_2d=turning(cameras=2).poses_2d[..., ::-1])
    finding = found(exchanged)["lying"]
    assert str(finding).startswith(
        "poses_2d: bodies lie on their side in nearly all frames; x and y exchanged, or a picture not turned upright? "
        "(2 of 2 windows, the first is clip 'a', camera 0); write x before y in the file, or turn the video upright"
    )
    for degrees in (90, -90, 70, -110):
        assert set(found(rotated(turning(), degrees))) == {"lying"}
    for degrees in (0, 30, -30, 45):
        assert not found(rotated(turning(), degrees))


def test_the_walker_is_found_lying_when_x_and_y_are_exchanged_or_the_picture_is_turned():
    poses = walker.poses()[:12]
    convert = conversion(CONVENTIONS["coco_17"], H36M_17)
    for changed, expected in (
        (poses, set()),
        (poses[..., ::-1], {"lying"}),
        (np.stack([walker.HEIGHT - poses[..., 1], poses[..., 0]], axis=-1), {"lying"}),
        (np.stack([poses[..., 1], walker.WIDTH - poses[..., 0]], axis=-1), {"lying"}),
        (poses / [walker.WIDTH, walker.HEIGHT], {"normalised"}),
        (walker.HEIGHT - poses, {"flipped_y"}),
    ):
        pixels = convert.apply(changed)
        assert set(found(only_2d(turning(rows=12, poses_2d=pixels, image_size=None)))) == expected


def test_a_turned_picture_is_found_by_the_head_where_only_head_and_shoulders_are_seen():
    visible = np.zeros((200, 17), bool)
    visible[:, list(H36M_17.indices(("head", "nose", "l_shoulder", "r_shoulder")))] = True
    assert "lying" in found(rotated(turning(), 90, visible=visible))
    assert "lying" not in found(only_2d(turning(), visible=visible))


def test_lying_is_a_finding_only_where_nearly_all_windows_and_most_poses_lie():
    lying = rotated(turning(rows=20), 90).poses_2d
    lie = [turning(rows=20, clip=np.full(20, f"{i:03d}"), poses_2d=lying) for i in range(8)]
    stand = [turning(rows=20, clip=np.full(20, f"u{i:03d}")) for i in range(3)]
    assert "lying" in found(only_2d(joined(*lie, *stand[:2])))
    assert "lying" not in found(only_2d(joined(*lie, *stand)))
    reach = lying.copy()  # In a turned picture: arms above the head say nothing of which way is down.
    reach[:, list(H36M_17.indices(("l_wrist", "r_wrist")))] = 2 * lying[:, [H36M_17.index("head")]] - 500
    left_open = [turning(rows=20, clip=np.full(20, f"r{i:03d}"), poses_2d=reach) for i in range(8)]
    assert "lying" in found(only_2d(joined(*lie, *left_open)))
    assert "lying" not in found(only_2d(joined(*lie[:7], *left_open)))
    falls = turning().poses_2d.copy()
    falls[90:] = rotated(turning(), 90).poses_2d[90:]  # Somebody who falls, and stays on the ground.
    assert not found(only_2d(turning(), poses_2d=falls))


def test_one_turned_video_among_a_few_others_is_found():
    def video(name: str, degrees: float = 0.0):
        return rotated(turning(rows=20, cameras=1, clip=np.full(20, name)), degrees)

    finding = found(together([video("a"), video("b", 90), video("c")]))["lying"]
    assert "(1 of 3 windows, the first is clip 'b', camera 0)" in str(finding)
    many = [video(f"{number:03d}") for number in range(10)]  # In a large set, some people do lie.
    assert "lying" not in found(together([*many, video("b", 90)]))


def test_people_who_lie_with_the_head_towards_the_camera_are_not_said_to_be_upside_down():
    views = [rotated(turning(rows=20, camera=np.full(20, i)), angle) for i, angle in enumerate((90, -90, 180, 0))]
    assert not found(together(views))
    assert "flipped_y" in found(together(views[2:]))


def test_who_is_in_a_plank_swims_or_crawls_is_no_turned_picture():
    """Hanging arms show which way is down. In a plank, arms are across the trunk; in swimming, before the head."""
    plank = rotated(turning(turn=5, first=85.0), 90).poses_2d.copy()
    swim, crawl = plank.copy(), plank.copy()
    for side in "lr":
        shoulder, hip = (plank[:, H36M_17.index(f"{side}_{joint}")] for joint in ("shoulder", "hip"))
        down = (hip - shoulder)[:, ::-1] * [-1, 1]
        for joint, share in (("elbow", 0.4), ("wrist", 0.8)):
            place = H36M_17.index(f"{side}_{joint}")
            plank[:, place] = shoulder + share * down
            swim[:, place] = shoulder - share * (hip - shoulder)
        crawl[:, H36M_17.index(f"{side}_ankle")] = hip + 0.7 * down
    for poses in (plank, swim, crawl):
        assert "lying" not in found(only_2d(turning(), poses_2d=poses))


def test_bodies_seen_along_their_axis_are_not_said_to_lie():
    rng = np.random.default_rng(0)
    poses = turning().poses_2d.copy()
    poses[..., 1] = 500 + 0.02 * (poses[..., 1] - 500)  # From above nothing is left of the height.
    poses[..., 0] += 0.1 * (turning().poses_2d[..., 1] - 500)
    assert not found(only_2d(turning(), poses_2d=poses + rng.normal(0, 0.5, poses.shape)))


def test_landmarks_relative_to_the_hips_are_no_places_in_a_picture():
    recording = turning()
    hips = recording.poses_2d[:, list(H36M_17.indices(("l_hip", "r_hip")))].mean(axis=1, keepdims=True)
    finding = found(only_2d(recording, poses_2d=recording.poses_2d - hips))["hips_at_origin"]
    assert "world landmarks" in finding.what and "pose_landmarks" in finding.remedy
    assert "hips_at_origin" not in found(only_2d(recording, poses_2d=recording.poses_2d - hips + 40))
    one = only_2d(recording, poses_2d=recording.poses_2d - hips).select(np.array([3]))
    assert "hips_at_origin" in found(one)  # One pose tells.


def test_joints_far_outside_a_known_picture_are_found_and_guesses_below_it_are_not():
    recording = turning(rows=30, cameras=2)
    sizes = np.array([[1000, 1000], [300, 300]])
    finding = found(only_2d(recording, image_size=sizes))["outside"]
    assert (finding.flagged, finding.judged) == (1, 2) and finding.where.endswith("clip 'a', camera 1")
    assert finding.remedy.startswith("give the size of the picture")
    assert not found(only_2d(recording, image_size=None))
    desk = recording.poses_2d * 2 - [500, 300]  # Everything from the elbows down is below the picture.
    assert not found(only_2d(recording, poses_2d=desk))


def test_parts_are_judged_by_the_sizes_of_their_own_pictures():
    seen = PartsSeen()
    for name, size in (("a", 300), ("b", 1000)):
        seen.add(only_2d(turning(rows=30, clip=np.full(30, name)), image_size=np.array([size, size])))
    outside = next(finding for finding in seen.findings() if finding.test == "outside")
    assert (outside.flagged, outside.judged) == (1, 2) and "clip 'a'" in outside.where


def test_shoulders_seen_from_above_are_not_too_long():
    recording = turning()
    poses = recording.poses_2d.copy()
    poses[..., 1] = 500 + 0.15 * (poses[..., 1] - 500)
    assert not found(only_2d(recording, poses_2d=poses))
