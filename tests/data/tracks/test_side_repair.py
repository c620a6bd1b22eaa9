"""Sides are repaired in the frames where they were swapped, and only there."""

import dataclasses
import time

import numpy as np
import pytest
from stick_people import STANDING, turning

from tf_elepose.data.keypoints import Keypoints
from tf_elepose.data.tracks.side_repair import (
    FEWEST_FRAMES,
    LIMBS,
    MAX_GAP,
    disagreeing,
    repair_sides,
    repair_summary,
)
from tf_elepose.skeleton.skeletons import H36M_17

JOINTS = H36M_17.joints


def walking(frames=120, turn=30.0, seed=0, noise=0.5):
    """[frames, J, 2] px of somebody who walks, a step in 25 frames, seen from `turn` degrees off the front.

    Legs and arms swing in opposite phase and cross twice a cycle; an orthographic camera, 0.2 px a mm.
    """
    body = np.array([STANDING[joint] for joint in JOINTS], float)
    poses = np.repeat(body[np.newaxis], frames, axis=0)
    phase = np.pi * np.arange(frames) / 25
    reach = {"knee": 200.0, "ankle": 420.0, "elbow": 120.0, "wrist": 260.0}
    for i, joint in enumerate(JOINTS):
        side, _, end = joint.partition("_")
        if end in reach:
            forward = (1 if side == "l" else -1) * (1 if end in ("knee", "ankle") else -1)
            poses[:, i, 2] += forward * reach[end] * np.sin(phase)
    angle = np.radians(turn)
    x = np.cos(angle) * poses[..., 0] + np.sin(angle) * poses[..., 2]
    points = 500 + 0.2 * np.stack([x, poses[..., 1]], axis=-1)
    return points + np.random.default_rng(seed).normal(0, noise, points.shape)


def swap(poses, limbs, rows):
    """`poses` with left and right of "legs", "arms" or both changed in `rows`, written out by joint names."""
    ends = {"legs": ("hip", "knee", "ankle"), "arms": ("shoulder", "elbow", "wrist")}
    changed = poses.copy()
    for name in limbs:
        for end in ends[name]:
            left, right = H36M_17.indices((f"l_{end}", f"r_{end}"))
            changed[rows, left], changed[rows, right] = poses[rows, right], poses[rows, left]
    return changed


def repaired(poses, seen=None, tracks=None, frames=None, skeleton=H36M_17):
    count = len(poses)
    seen = np.ones(poses.shape[:2], bool) if seen is None else seen
    changed, swapped = repair_sides(
        Keypoints(poses, seen),
        np.zeros(count, int) if tracks is None else tracks,
        np.arange(count) if frames is None else frames,
        skeleton,
    )
    return changed.pixels, changed.seen, swapped


def mask(count, limbs, rows):
    found = np.zeros((count, 2), bool)
    for name in limbs:
        found[rows, LIMBS.index(name)] = True
    return found


def drift(poses, limbs, start, swapped, back):
    """`poses` with limbs swapped in some frames from `start` on, which then move back evenly in `back` frames."""
    changed = swap(poses, limbs, slice(start, start + swapped))
    other = swap(poses, limbs, slice(None))
    for step in range(back):
        share, row = (step + 1) / (back + 1), start + swapped + step
        changed[row] = share * poses[row] + (1 - share) * other[row]
    return changed


RUNS = [slice(40, 41), slice(40, 45), slice(30, 80), slice(0, 25), slice(100, 120)]


@pytest.mark.parametrize("rows", RUNS)
@pytest.mark.parametrize("limbs", [("legs",), ("arms",), LIMBS])
def test_swaps_are_found_exactly(limbs, rows):
    """Single frames, runs within the track and at its ends."""
    right = walking()
    poses, _, swapped = repaired(swap(right, limbs, rows))
    np.testing.assert_array_equal(swapped, mask(120, limbs, rows))
    np.testing.assert_array_equal(poses, right)


def test_runs_with_single_right_frames_between():
    rows = np.r_[40:60, 61:62, 63:70]
    np.testing.assert_array_equal(repaired(swap(walking(), LIMBS, rows))[2], mask(120, LIMBS, rows))


@pytest.mark.parametrize("turn", range(0, 360, 15))
def test_crossing_legs_are_not_changed(turn):
    """From the side the ankles, 1.7 m apart at most, pass each other twice a cycle and change their order in x."""
    right = walking(frames=200, turn=turn)
    poses, _, swapped = repaired(right)
    assert not swapped.any()
    np.testing.assert_array_equal(poses, right)
    left, other = H36M_17.indices(("l_ankle", "r_ankle"))
    if turn == 90:
        assert (np.diff(np.sign((right[:, left] - right[:, other])[:, 0])) != 0).sum() >= 7


@pytest.mark.parametrize("turn", [0, 15, 30, 150, 180, 210])
@pytest.mark.parametrize("limbs", [("legs",), ("arms",), LIMBS])
def test_limbs_that_drift_back_leave_the_right_frames_alone(limbs, turn):
    """Legs of a man who faces the camera are swapped in 4 frames and move back in 3 more, without a jump."""
    for start, swapped, back in ((60, 4, 3), (82, 4, 3), (70, 4, 3), (40, 4, 3), (50, 8, 3)):
        right = walking(turn=turn, noise=2.0 if start == 40 else 0.5)
        poses, _, found = repaired(drift(right, limbs, start, swapped, back))
        outside = np.r_[0:start, start + swapped + back : 120]
        assert not found[outside].any()
        np.testing.assert_array_equal(poses[outside], right[outside])
        expected = mask(120, limbs, slice(start, start + swapped))
        np.testing.assert_array_equal(found[start : start + swapped], expected[start : start + swapped])


def test_a_body_that_turns_at_once_is_not_taken_for_a_drift():
    """The body turns round by half within twelve frames (0.4 s at 30 frames a second), and stays so."""
    turn = np.interp(np.arange(120), [50, 62], [20.0, 200.0])
    right = np.stack([walking(turn=angle, seed=3)[i] for i, angle in enumerate(turn)])
    assert not repaired(right)[2].any()


def test_poses_whose_arms_and_legs_disagree_are_found():
    """Arms and legs that disagree are found from the front, but not in profile, and not if joints are missing."""
    right = walking(turn=10)
    given = swap(right, ("legs",), slice(20, 50))
    found = disagreeing(Keypoints(given, np.ones(given.shape[:2], bool)), H36M_17)
    np.testing.assert_array_equal(np.flatnonzero(found), np.arange(20, 50))
    seen = np.ones(given.shape[:2], bool)
    seen[30:40, H36M_17.index("l_hip")] = False
    hidden = np.where(seen[..., None], given, np.nan)
    found = disagreeing(Keypoints(hidden, seen), H36M_17)
    np.testing.assert_array_equal(np.flatnonzero(found), np.r_[20:30, 40:50])
    profile = swap(walking(turn=90), ("legs",), slice(20, 50))
    assert not disagreeing(Keypoints(profile, np.ones(given.shape[:2], bool)), H36M_17).any()
    legs_only = dataclasses.replace(H36M_17, arms=())
    assert not disagreeing(Keypoints(given, np.ones(given.shape[:2], bool)), legs_only).any()


def test_a_limb_that_is_swapped_all_along_stays_and_is_named():
    given = swap(walking(turn=10), ("legs",), slice(None))
    poses, seen, swapped = repaired(given)
    assert not swapped.any()
    opposed = disagreeing(Keypoints(poses, seen), H36M_17)
    assert repair_summary(swapped, [("a", np.arange(120))], opposed).endswith(
        "nothing changed; arms and legs disagree about left and right in 120 poses: a 120"
    )


def test_the_longer_part_decides():
    np.testing.assert_array_equal(repaired(swap(walking(), LIMBS, slice(0, 80)))[2], mask(120, LIMBS, slice(80, 120)))
    assert not repaired(swap(walking(), LIMBS, slice(None)))[2].any()


def test_a_repaired_track_stays_as_it_is():
    poses, seen, swapped = repaired(swap(walking(), ("arms",), slice(20, 50)))
    again, _, none = repaired(poses, seen)
    assert swapped.any() and not none.any()
    np.testing.assert_array_equal(again, poses)


def test_tracks_are_independent_and_rows_in_any_order():
    """Two people whose rows are mixed get the same results as separately."""
    one, two = (
        swap(walking(), ("legs",), slice(30, 50)),
        swap(walking(turn=200, seed=1) + 300, ("arms",), slice(60, 90)),
    )
    order = np.random.default_rng(0).permutation(240)
    tracks, frames = np.repeat([7, 3], 120)[order], np.tile(np.arange(120), 2)[order]
    swapped = repaired(np.concatenate([one, two])[order], None, tracks, frames)[2]
    expected = np.concatenate([mask(120, ("legs",), slice(30, 50)), mask(120, ("arms",), slice(60, 90))])
    np.testing.assert_array_equal(swapped, expected[order])


def test_joints_that_are_missing_now_and_then():
    """A tenth of the joints is missing (NaN or nonsense); they move with their limb and decide nothing."""
    rng = np.random.default_rng(0)
    right, known = walking(), rng.random((120, 17)) > 0.1
    rows = slice(40, 70)
    given, seen = swap(right, LIMBS, rows), swap(known, LIMBS, rows)
    for value in (np.nan, 1e30):
        poses, seen_after, swapped = repaired(np.where(seen[..., np.newaxis], given, value), seen)
        np.testing.assert_array_equal(swapped, mask(120, LIMBS, rows))
        np.testing.assert_array_equal(seen_after, known)
        np.testing.assert_array_equal(poses[known], right[known])


def test_nothing_seen_and_bodies_without_extent():
    assert not repaired(walking(), np.zeros((120, 17), bool))[2].any()
    assert not repaired(np.zeros((120, 17, 2)))[2].any()
    assert repaired(np.zeros((0, 17, 2)))[2].shape == (0, 2)


def test_frames_that_are_missing_within_a_run():
    frames = np.delete(np.arange(120), [38, 39, 52, 53, 54])
    poses = swap(walking(), LIMBS, slice(40, 60))[frames]
    expected = mask(120, LIMBS, slice(40, 60))[frames]
    np.testing.assert_array_equal(repaired(poses, frames=frames)[2], expected)
    np.testing.assert_array_equal(repaired(poses, frames=4 * frames)[2], expected)


def test_a_long_gap_starts_a_new_track():
    """After a long gap the poses may be another person's, so that nothing shows that sides were swapped."""
    gap = MAX_GAP + 1
    frames = np.r_[0:70, 70 + gap : 120 + gap]
    poses = swap(walking(120 + gap), LIMBS, slice(70, None))[frames]
    assert not repaired(poses, frames=frames)[2].any()
    closer = np.r_[0:70, 69 + MAX_GAP : 119 + MAX_GAP]
    poses = swap(walking(120 + gap), LIMBS, slice(70, None))[closer]
    np.testing.assert_array_equal(repaired(poses, frames=closer)[2], mask(120, LIMBS, slice(70, None)))


def test_a_cut_is_not_taken_for_a_swap():
    """After the cut another person, who faces the other way, stands elsewhere."""
    other = walking(turn=210.0)[50:] + 400
    assert not repaired(np.concatenate([walking()[:50], other]))[2].any()


def test_short_tracks_are_not_changed():
    count = FEWEST_FRAMES - 1
    assert not repaired(swap(walking(count), LIMBS, slice(3, 5)))[2].any()


def test_limbs_that_a_skeleton_does_not_name_stay():
    legs_only = dataclasses.replace(H36M_17, arms=())
    given = swap(walking(), LIMBS, slice(40, 60))
    np.testing.assert_array_equal(repaired(given, skeleton=legs_only)[2], mask(120, ("legs",), slice(40, 60)))
    none = dataclasses.replace(legs_only, legs=())
    np.testing.assert_array_equal(repaired(given, skeleton=none)[0], given)


def test_the_input_is_not_changed():
    given = swap(walking(), LIMBS, slice(40, 60))
    before = given.copy()
    repaired(given)
    np.testing.assert_array_equal(given, before)


def test_time_grows_linearly_with_the_frames():
    """100,000 frames of one track take about a second of the processor's time; as many again the same."""
    spent = []
    for frames in (10_000, 40_000):
        poses = walking(frames)
        tries = []
        for _ in range(3):  # The machine may be busy.
            started = time.process_time()
            repaired(poses)
            tries.append(time.process_time() - started)
        spent.append(min(tries))
    assert (
        spent[1] < 12 * spent[0] and spent[1] < 4.0
    )  # Four times the frames; what grows as the square takes 16 times.


@pytest.mark.parametrize("kind", ["gt", "detected"])
def test_of_a_recording_the_viewed_poses_are_repaired(kind):
    right = walking()
    confidence = np.random.default_rng(0).uniform(0.5, 1.0, (120, 17))
    given = swap(right, LIMBS, slice(40, 60))
    fields = {"poses_2d": given, "poses_2d_detected": given, "confidence": confidence}
    recording = turning(rows=120, **fields)
    result, swapped = repair_sides(recording.view(kind, 0.51), recording.tracks, recording.frame, H36M_17)
    np.testing.assert_array_equal(swapped, mask(120, LIMBS, slice(40, 60)))
    np.testing.assert_array_equal(result.pixels, right.astype(np.float32))
    if kind == "gt":
        assert result.confidence is None and result.seen.all()
    else:
        moved = swap(recording.confidence, LIMBS, slice(40, 60))
        np.testing.assert_array_equal(result.confidence, moved)
        np.testing.assert_array_equal(result.seen, moved > np.float32(0.51))


def test_people_clips_and_cameras_are_tracks():
    """The same frames of two people, in two clips: one of the four is swapped."""
    poses = np.concatenate([walking(60), swap(walking(60), ("legs",), slice(20, 30)), walking(60), walking(60)])
    recording = turning(rows=60, cameras=4, poses_2d=poses, camera=np.zeros(240, int),
                        person=np.tile(np.repeat([0, 1], 60), 2), clip=np.repeat(["a", "b"], 120))  # fmt: skip
    expected = np.concatenate([mask(60, (), 0), mask(60, ("legs",), slice(20, 30)), mask(120, (), 0)])
    _, swapped = repair_sides(recording.view("gt"), recording.tracks, recording.frame, H36M_17)
    np.testing.assert_array_equal(swapped, expected)


def test_the_summary_is_one_line():
    swapped = np.concatenate([mask(50, LIMBS, slice(0, 5)), mask(50, ("arms",), slice(0, 2))])
    assert repair_summary(swapped, [("a", np.arange(50)), ("b", np.arange(50, 100)), ("c", np.arange(0))]) == (
        "sides: left and right changed in 7 of 100 poses (legs 5, arms 7), where they jumped; 2 of 3 tracks: a 5, b 2"
    )
    assert repair_summary(mask(50, (), 0), [("a", np.arange(50))]) == (
        "sides: none of 50 poses has left and right swapped for a while; nothing changed"
    )


def test_shapes_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match=r"repair_sides: keypoints: expected \[120, 17, 2\]; got \[120, 16, 2\]"):
        repaired(walking()[:, :16])
    with pytest.raises(ValueError, match=r"repair_sides: frames: expected \[120\]; got \[119\]"):
        repaired(walking(), frames=np.arange(119))
