import dataclasses

import numpy as np
import pytest
from stick_people import turning

from tf_elepose.data.corrections import flip_y, split_at, swap_sides
from tf_elepose.skeleton.skeletons import H36M_17, Skeleton

PER_JOINT = ("poses_2d", "visible", "poses_2d_detected", "confidence", "poses_3d")


def recording(**changes):
    """Two cameras of 12 rows; joint 3 of row 1 is not visible, joint 4 of row 2 not detected."""
    visible, confidence = np.ones((24, 17), bool), np.random.default_rng(0).uniform(0.1, 1, (24, 17))
    visible[1, 3], confidence[2, 4] = False, 0.0
    made = turning(rows=12, cameras=2)
    poses, detected = made.poses_2d.copy(), made.poses_2d + 0.5
    poses[1, 3], detected[2, 4] = 0.0, 0.0
    fields = {"poses_2d": poses, "visible": visible, "poses_2d_detected": detected, "confidence": confidence}
    return dataclasses.replace(made, **(fields | changes))


def test_flipped_y_is_counted_from_the_other_edge_of_the_image():
    made = recording(image_size=np.array([[1000, 900], [1000, 800]]))
    flipped = flip_y(made)
    height = np.where(made.camera == 0, 900, 800)[:, np.newaxis]
    for kind in ("gt", "detected"):
        seen = made.view(kind).seen
        expected = np.stack([made.view(kind).pixels[..., 0], height - made.view(kind).pixels[..., 1]], axis=-1)
        np.testing.assert_allclose(flipped.view(kind).pixels[seen], expected[seen], rtol=1e-6)
        assert not flipped.view(kind).pixels[~seen].any()  # Where a missing joint would be means nothing; it stays 0.
        np.testing.assert_array_equal(flipped.view(kind).seen, seen)
    assert flipped.poses_3d is made.poses_3d or np.array_equal(flipped.poses_3d, made.poses_3d)


def test_without_an_image_size_y_is_negated():
    flipped = flip_y(recording(image_size=None, poses_2d_detected=None, confidence=None))
    np.testing.assert_array_equal(flipped.poses_2d, recording().poses_2d * np.float32([1, -1]))


def test_one_size_holds_for_all_cameras():
    flipped = flip_y(recording(image_size=np.array([[1000, 900]]), camera=np.zeros(24, int)))
    np.testing.assert_allclose(flipped.poses_2d[5, :, 1], 900 - recording().poses_2d[5, :, 1], rtol=1e-6)


def test_flipping_twice_changes_nothing():
    made = recording()
    for name in ("poses_2d", "poses_2d_detected"):
        np.testing.assert_allclose(getattr(flip_y(flip_y(made)), name), getattr(made, name), atol=1e-3)


@pytest.mark.parametrize(
    ("sides", "moved"),
    [
        ("arms", {"l_shoulder", "l_elbow", "l_wrist"}),
        ("legs", {"l_hip", "l_knee", "l_ankle"}),
        ("both", {"l_shoulder", "l_elbow", "l_wrist", "l_hip", "l_knee", "l_ankle"}),
        ("none", set()),
    ],
)
def test_the_named_sides_are_swapped_in_every_array(sides, moved):
    made = recording()
    swapped = swap_sides(made, sides)
    for name in PER_JOINT:
        before, after = getattr(made, name), getattr(swapped, name)
        for joint in H36M_17.joints:
            left = "l" + joint[1:]
            source = {"l": "r", "r": "l"}[joint[0]] + joint[1:] if left in moved and joint[1] == "_" else joint
            np.testing.assert_array_equal(after[:, H36M_17.index(joint)], before[:, H36M_17.index(source)])
        np.testing.assert_array_equal(getattr(swap_sides(swapped, sides), name), before)


def test_hands_and_feet_move_with_their_limbs():
    limbs = {s: tuple((f"{s}_{j}") for j in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")) for s in "lr"}
    joints, parents = ["root", "head"], [None, "root"]
    for s in "lr":
        joints += [*limbs[s], f"{s}_finger", f"{s}_tip", f"{s}_ear"]
        # The hip hangs on the shoulder, as in the trees of some detectors: a leg is no arm for that.
        parents += ["root", f"{s}_shoulder", f"{s}_elbow", f"{s}_shoulder", f"{s}_hip", f"{s}_knee"]
        parents += [f"{s}_wrist", f"{s}_finger", "head"]
    sides = {s: tuple(j for j in joints if j.startswith(s + "_")) for s in "lr"}
    skeleton = Skeleton(
        "hands", tuple(joints), tuple(parents), sides["l"], sides["r"], "root", "head",
        arms=(limbs["l"][:3], limbs["r"][:3]), legs=(limbs["l"][3:], limbs["r"][3:]),
    )  # fmt: skip
    poses = np.arange(24.0 * len(joints) * 2).reshape(24, len(joints), 2)
    made = dataclasses.replace(turning(rows=24), skeleton=skeleton, poses_2d=poses, poses_3d=None)
    for sides, moved in (("arms", "shoulder elbow wrist finger tip"), ("legs", "hip knee ankle")):
        after = swap_sides(made, sides).poses_2d
        changed = {joints[i] for i in np.flatnonzero((after != made.poses_2d).any(axis=(0, 2)))}
        assert changed == {f"{s}_{j}" for s in "lr" for j in moved.split()}


def test_unknown_sides_and_skeletons_without_limbs_are_refused():
    with pytest.raises(ValueError, match="stick: swap_sides: expected none, arms, legs, both; got 'hands'"):
        swap_sides(recording(), "hands")
    plain = dataclasses.replace(recording(), skeleton=dataclasses.replace(H36M_17, name="plain", arms=()))
    with pytest.raises(ValueError, match="stick: swap_sides: skeleton 'plain' does not say what its arms are"):
        swap_sides(plain, "arms")
    swap_sides(plain, "legs")


def test_the_last_frames_of_every_camera_become_the_test_split():
    made = recording()
    cut = split_at(made, 5)
    np.testing.assert_array_equal(cut.split == "test", made.frame >= 5)
    assert {"train", "test"} == set(cut.split.tolist())
    np.testing.assert_array_equal(cut.poses_2d, made.poses_2d)
