"""Claims: the header of a table says which columns hold which joints."""

import numpy as np
import pytest
import walker
from samples.coco import NAMES

from tf_elepose.data.readers.joint_columns import joint_columns
from tf_elepose.data.sources import load_source
from tf_elepose.skeleton.conventions import CONVENTIONS
from tf_elepose.skeleton.skeletons import H36M_17

COCO = CONVENTIONS["coco_17"]


def camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


SPELLINGS = {
    "plain": lambda name, axis: f"{name}_{axis}",
    "ours": lambda name, axis: f"{name.replace('left_', 'l_').replace('right_', 'r_')}_{axis}",
    "dots": lambda name, axis: f"{name}.{axis}",
    "words": lambda name, axis: f"{name.replace('_', ' ').title()} {axis.upper()}",
    "capitals": lambda name, axis: f"{camel(name.replace('left_', 'L_').replace('right_', 'R_'))}_{axis}",
    "camel": lambda name, axis: f"{camel(name)}{axis.capitalize()}",
    "before": lambda name, axis: f"{axis}_{name}",
    "pixels": lambda name, axis: f"{name}_{axis}_px" if axis in "xy" else f"{name}_{axis}",
    "units": lambda name, axis: f"{name} {axis} [px]" if axis in "xy" else f"{name} {axis}",
    "prefix": lambda name, axis: f"pose_{name}_{axis}",
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("trust", ["confidence", "conf", "score", "likelihood", "visibility", None])
def test_a_walker_in_any_spelling_and_order(tmp_path, spelling, trust):
    poses = walker.poses()[:3]
    order = np.random.default_rng(0).permutation(17)
    axes = ["x", "y", *([trust] if trust else [])]
    header = ["frame", *(SPELLINGS[spelling](NAMES[joint], axis) for joint in order for axis in axes)]
    rows = [
        [str(frame), *(f"{v:.3f}" for joint in order for v in (*pose[joint], 0.25)[: len(axes)])]
        for frame, pose in enumerate(poses)
    ]
    (tmp_path / "walk.csv").write_text("\n".join(",".join(row) for row in [header, *rows]))
    for options in ({}, {"convention": "coco_17"}):
        recording = load_source(f"csv:{tmp_path / 'walk.csv'}", H36M_17, check="off", **options)
        for joint in ("l_shoulder", "r_shoulder", "l_wrist", "r_ankle", "nose"):
            found = recording.poses_2d[:, H36M_17.index(joint)]
            np.testing.assert_allclose(found, poses[:, COCO.index(joint)], atol=1e-3)
        assert (recording.confidence is None) == (len(axes) == 2)
        assert recording.confidence is None or (recording.confidence == 0.25).all()


def columns(names, axes="xy"):
    return [f"{name}_{axis}" for name in names for axis in axes]


def test_other_columns_are_told():
    found = joint_columns(["frame", "bbox_x", "bbox_y", *columns(NAMES, "xyz"), "time"], None, "here")
    assert found.convention is COCO and found.others == ("frame", "bbox_x", "bbox_y", "time")
    assert found.places[0] == list(range(3, 54, 3)) and found.places[1] == list(range(4, 54, 3))


def test_the_body_of_a_whole_body_table():
    names = [*NAMES, *(f"face_{number}" for number in range(116))]
    found = joint_columns(columns(names), None, "here")
    assert found.convention is COCO and found.places[0] == list(range(0, 34, 2))


def test_mediapipes_visibility_comes_before_its_presence():
    header = [f"{joint}_{axis}" for joint in COCO.joints for axis in ("x", "y", "presence", "visibility")]
    assert joint_columns(header, None, "here").places[2] == list(range(3, 68, 4))


NUMBERED = {
    "x0": lambda axis, number: f"{axis}{number}", "x_0": lambda axis, number: f"{axis}_{number}",
    "kp0_x": lambda axis, number: f"kp{number}_{axis}", "0_x": lambda axis, number: f"{number}_{axis}",
}  # fmt: skip


@pytest.mark.parametrize("spell", NUMBERED.values(), ids=NUMBERED)
def test_numbers_are_in_the_order_of_the_convention(spell):
    header = [spell(axis, number) for number in (*range(10, 17), *range(10)) for axis in "xyc"]
    found = joint_columns(header, "coco_17", "here")
    assert found.convention is COCO and [header[place] for place in found.places[2]] == [
        spell("c", n) for n in range(17)
    ]
    with pytest.raises(ValueError, match="17 joints without names: name their convention, --option=convention"):
        joint_columns(header, None, "here")


def test_a_stated_convention_is_looked_up_by_name():
    names = ["nose", "head_bottom", "head_top", *NAMES[3:]]
    with pytest.raises(ValueError, match=r"missing l_eye_x of convention 'coco_17'.*leave out --option=convention"):
        joint_columns(columns(names), "coco_17", "here")
    assert joint_columns(columns(names), None, "here").convention.joints[1:3] == ("upper_neck", "head")
    with pytest.raises(ValueError, match="missing score of 'left_eye'"):
        joint_columns([*columns(NAMES), "nose_score"], None, "here")
    with pytest.raises(ValueError, match="expected columns <joint>_x"):
        joint_columns(["a", "b"], None, "here")
    with pytest.raises(ValueError, match="missing y of 'nose'"):
        joint_columns([*columns(NAMES, "x")], None, "here")
