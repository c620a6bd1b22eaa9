"""The suffix chooses the format; motion files hold one track each."""

import numpy as np
import pytest
from lifted_samples import lifted, posing

from tf_elepose.outputs import registry


def two_tracks(**changes):
    return lifted(posing(8), clip=np.array(["walk/1"] * 4 + ["walk:1"] * 4), frame=np.tile(np.arange(4), 2), **changes)


@pytest.mark.parametrize("suffix", registry.WRITERS)
def test_every_suffix_is_written(tmp_path, suffix):
    path = tmp_path / f"poses{suffix}"
    assert registry.write(path, lifted(posing(8))) == [path]
    assert path.stat().st_size > 1000


@pytest.mark.parametrize("suffix", registry.ONE_TRACK)
def test_several_tracks_are_several_files(tmp_path, suffix):
    written = registry.write(tmp_path / f"poses{suffix}", two_tracks())
    # Both tracks' names become the same file name, so one gets a number.
    assert [path.name for path in written] == [
        f"poses-S1-walk_1-camera0-person0{suffix}",
        f"poses-S1-walk_1-camera0-person0_2{suffix}",
    ]
    assert sorted(tmp_path.iterdir()) == sorted(written)


def test_a_track_without_a_valid_pose_gets_no_file(tmp_path):
    written = registry.write(tmp_path / "a.trc", two_tracks(valid=np.repeat([True, False], 4)))
    assert written == [tmp_path / "a.trc"]
    with pytest.raises(ValueError, match="no valid pose to write"):
        registry.write(tmp_path / "b.trc", two_tracks(valid=np.zeros(8, bool)))
    assert not (tmp_path / "b.trc").exists()


def test_missing_settings_are_refused_before_lifting():
    registry.require_settings("a.npz", has_height=False, has_frame_rate=False)
    registry.require_settings("a.BVH", has_height=True, has_frame_rate=True)
    with pytest.raises(ValueError, match=r"a.bvh: .bvh files are in millimetres: give the person's --height=MM"):
        registry.require_settings("a.bvh", has_height=False, has_frame_rate=True)
    with pytest.raises(ValueError, match=r"a.trc: .trc files are motion: give the frames a second, --fps=RATE"):
        registry.require_settings("a.trc", has_height=True, has_frame_rate=False)
    with pytest.raises(ValueError, match=r"a.fbx: expected a name that ends in .npz, .json, .csv, .trc, .bvh"):
        registry.require_settings("a.fbx", has_height=True, has_frame_rate=True)


def test_track_names_stay_within_the_folder(tmp_path):
    written = registry.write(tmp_path / "a.trc", lifted(posing(4), clip=np.array(["../../x", "../../x", "é", "é"])))
    assert {path.parent for path in written} == {tmp_path}
