"""JSON files of lifted poses: strict JSON, a line a pose, numbers only rounded."""

import json

import numpy as np
from lifted_samples import lifted, posing, rotations

from tf_elepose.outputs import json as outputs_json
from tf_elepose.skeleton.skeletons import H36M_17


def strict(text):
    def refuse(name):
        raise AssertionError(name)

    return json.loads(text, parse_constant=refuse)


def some():
    poses_2d = np.zeros((3, H36M_17.num_joints, 2))
    poses_2d[1, 2] = np.nan
    return lifted(
        posing(3), poses_2d=poses_2d, valid=np.array([True, True, False]), elevation=np.array([1.234, 5.0, 0.0]),
        percentile=np.array([50.0, 0.126, np.nan]), clip=np.array(["ä", 'a"b', "\ud800"]),
    )  # fmt: skip


def test_the_file_has_the_documented_format(tmp_path):
    given = some()
    outputs_json.write_json(tmp_path / "a.json", [given])
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    values = strict(text)
    assert (values["format"], values["version"], values["unit"], values["axes"]) == (
        "tf_elepose.lifted", 1, "mm", "camera",
    )  # fmt: skip
    assert values["joints"] == list(H36M_17.joints) and values["parents"]["l_knee"] == "l_hip"
    assert values["axes_are"].startswith("x right, y down") and values["frame_rate"] == 30.0
    rows = values["rows"]
    np.testing.assert_allclose([row["poses_3d"] for row in rows], given.poses_3d, atol=0.0051)
    assert [row["percentile"] for row in rows] == [50.0, 0.13, None]
    assert [row["elevation_deg"] for row in rows] == [1.23, 5.0, 0.0]
    assert [row["valid"] for row in rows] == [True, True, False]
    assert [row["frame"] for row in rows] == [0, 1, 2]
    assert rows[1]["poses_2d"][2] == [None, None] and rows[1]["poses_2d"][3] == [0.0, 0.0]
    assert [row["clip"] for row in rows] == ["ä", 'a"b', "?"]
    assert len(text.splitlines()) == 1 + 3 + 1 and "NaN" not in text and "-0.0," not in text


def test_parts_join_without_a_seam(tmp_path, monkeypatch):
    given = lifted(posing(7))
    outputs_json.write_json(tmp_path / "a.json", [given])
    monkeypatch.setattr(outputs_json, "_ROWS", 3)
    outputs_json.write_json(tmp_path / "b.json", [given])
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


def test_a_file_without_poses_is_valid(tmp_path):
    outputs_json.write_json(tmp_path / "a.json", [some().select([])])
    assert strict((tmp_path / "a.json").read_text())["rows"] == []


def test_unknown_values_have_no_field(tmp_path):
    outputs_json.write_json(tmp_path / "a.json", [lifted(posing(1), frame_rate=None)])
    values = strict((tmp_path / "a.json").read_text())
    assert values["frame_rate"] is None and not {
        "percentile",
        "elevation_deg",
        "canonical_3d",
        "camera_rotation",
    } & set(values["rows"][0])


def test_canonical_poses_are_those_that_the_rotation_turns_into_the_cameras_frame(tmp_path):
    given = lifted(posing(3), rotation=rotations(3), valid=np.array([True, True, False]))
    outputs_json.write_json(tmp_path / "a.json", [given])
    for row, pose in zip(strict((tmp_path / "a.json").read_text())["rows"], given.poses_3d, strict=True):
        R, canonical = np.array(row["camera_rotation"]), np.array(row["canonical_3d"])
        np.testing.assert_allclose(R @ R.T, np.eye(3), atol=1e-5)
        np.testing.assert_allclose(canonical @ R.T, pose, atol=0.02)
