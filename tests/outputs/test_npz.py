"""npz files of lifted poses hold every field, without pickle."""

import json

import numpy as np
from lifted_samples import lifted, posing, rotations

from tf_elepose.outputs.npz import write_npz
from tf_elepose.skeleton.skeletons import H36M_17, Skeleton


def test_every_field_is_written(tmp_path):
    given = lifted(posing(3), elevation=np.arange(3.0), percentile=np.array([50.0, np.nan, 1.0]))
    write_npz(tmp_path / "a.npz", [given])
    with np.load(tmp_path / "a.npz", allow_pickle=False) as read:
        for name in ("poses_3d", "poses_2d", "valid", "elevation", "percentile", "clip", "subject", "camera", "frame",
                     "person"):  # fmt: skip
            np.testing.assert_array_equal(read[name], getattr(given, name))
        assert [str(read[name]) for name in ("unit", "axes", "model", "source")] == ["mm", "camera", "none", "sample"]
        assert read["frame_rate"] == 30.0
        assert tuple(read["joints"]) == H36M_17.joints
        assert read["parents"][0] == "" and read["parents"][1] == "root"
        assert Skeleton.from_dict(json.loads(str(read["skeleton"]))) == H36M_17


def test_unknown_values_have_no_array(tmp_path):
    write_npz(tmp_path / "a.npz", [lifted(posing(2), frame_rate=None)])
    with np.load(tmp_path / "a.npz") as read:
        unknown = {"elevation", "percentile", "frame_rate", "canonical_3d", "camera_rotation", "rotation"}
        assert not unknown & set(read)


def test_canonical_poses_are_those_that_the_rotation_turns_into_the_cameras_frame(tmp_path):
    given = lifted(posing(3), rotation=rotations(3))
    write_npz(tmp_path / "a.npz", [given])
    with np.load(tmp_path / "a.npz") as read:
        turned = np.einsum("nij,nkj->nki", read["camera_rotation"], read["canonical_3d"])
        np.testing.assert_allclose(turned, given.poses_3d, atol=1e-9)
        np.testing.assert_array_equal(read["camera_rotation"], given.rotation)
        assert "rotation" not in read
