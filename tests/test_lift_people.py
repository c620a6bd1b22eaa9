"""The lifting command follows people over time, and warns where nobody can be followed."""

import command_line
import moving_people as moving
import numpy as np
import pytest
from lifting_bundle import small_lifting_bundle

from tf_elepose import lift
from tf_elepose.data.readers import arrays

pytestmark = pytest.mark.filterwarnings("ignore")

command = command_line.running(lift)


@pytest.fixture
def model():
    return f"--model={small_lifting_bundle()}"


def people_in_any_order(name):
    """Two people, the second one larger, who change places in the list of every second frame; without numbers."""
    tracks = moving.walking(30, (300, 300), 2), moving.walking(30, (700, 300), 2, size=1.5)
    listed = [tracks[who][frame] for frame in range(30) for who in (0, 1)[:: (-1) ** frame]]
    np.savez(name, keypoints=np.array(listed, np.float32), frame=np.arange(60) // 2)
    return [who for frame in range(30) for who in (0, 1)[:: (-1) ** frame]]


def test_people_are_followed_whole_and_in_parts(command, model, tmp_path, monkeypatch):
    truth = people_in_any_order(tmp_path / "a.npz")
    monkeypatch.setattr(arrays, "_PART_ROWS", 7)
    base = ("a.npz", "--convention=h36m_17", model, "--option=check=off", "--fps=30")
    for output, more in (("whole.npz", ("--axes=level",)), ("parts.npz", ())):
        status, out, err = command(*base, f"--output={output}", *more)
        assert status == 0, err
        assert "people: 2, linked over time by place and size: 0 in 30 poses, 1 in 30 poses" in out
        with np.load(tmp_path / output) as found:
            assert found["person"].tolist() == truth
    status, out, err = command(*base, "--output=one.trc", "--height=1750", "--people=largest")
    assert status == 0 and "lifted: 30 of 30 poses" in out and "left out when read: 30 other people" in out, err
    assert (tmp_path / "one.trc").exists()  # One track, one file.


def test_tracks_of_pictures_are_warned_of(command, model, tmp_path, caplog):
    rng = np.random.default_rng(0)
    poses = moving.walking(1, (0, 0), 0) + rng.uniform(0, 3000, (40, 1, 2))
    np.savez(tmp_path / "a.npz", keypoints=poses.astype(np.float32), frame=np.arange(40) // 2)
    base = ("a.npz", "--convention=h36m_17", model, "--option=check=off", "--output=o.npz")
    status, out, err = command(*base, "--fps=30", "--smooth=one_euro")
    assert status == 0 and "people: numbered by their places in the list of each image" in out, err
    assert "--smooth may mix people up; --people=best" in caplog.text
    caplog.clear()
    assert command(*base)[0] == 0 and "may mix" not in caplog.text
