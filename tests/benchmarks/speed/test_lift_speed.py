"""Claims: the command lifts files of any number of poses, and the table labels its rows."""

import numpy as np
import pytest
from lifted_samples import posing

from benchmarks.speed import lift_speed
from tf_elepose.pretrained import pretrained_models
from tf_elepose.storage import files


@pytest.fixture
def views(tmp_path):
    rows = 8
    text = {name: np.full(rows, name) for name in ("subject", "action", "clip")}
    fields = {"poses_2d": (500 + 0.2 * posing(rows)[..., :2]).astype(np.float32), "frame": np.arange(rows)}
    fields |= {"camera": np.zeros(rows, int), "split": np.full(rows, "train"), "elevation": np.zeros(rows)}
    files.write_npz(tmp_path / "views.npz", text | fields)
    return tmp_path / "views.npz"


def test_repeated_poses_are_another_clip(views, tmp_path):
    lift_speed.write_poses(str(views), str(tmp_path / "more.npz"), 19)
    made, given = files.read_npz(tmp_path / "more.npz"), files.read_npz(views)
    np.testing.assert_array_equal(made["poses_2d"][8:16], given["poses_2d"])
    assert len(made["poses_2d"]) == 19 and made["frame"].tolist() == [*range(8), *range(8), *range(3)]
    assert made["clip"].tolist() == ["clip-0"] * 8 + ["clip-1"] * 8 + ["clip-2"] * 3


def test_the_command_runs_and_a_failing_one_is_no_measurement(views, tmp_path):
    model = next(iter(pretrained_models()))
    row = lift_speed.lift_repeatedly(views, tmp_path / "lifted.npz", model, False, 1)
    assert row["seconds"] > 0.0 and row["memory_mb"] > 20.0
    assert len(files.read_npz(tmp_path / "lifted.npz")["poses_3d"]) == 8
    with pytest.raises(ValueError, match="ended with status 2"):
        lift_speed.lift_repeatedly(views, tmp_path / "lifted.npz", "no such model", False, 1)
    assert lift_speed.one_at_a_time(str(views), model, False, 3) > 0.0


def test_a_table_has_columns_with_and_without_likelihoods():
    kinds = [{"likelihood": True, "seconds": 7.0, "memory_mb": 300.0, "ms": 1.0},
             {"likelihood": False, "seconds": 5.0, "memory_mb": 250.0, "ms": 0.5}]  # fmt: skip
    results = {
        "commands": [{"model": "cmu", "poses": poses, **kind} for poses in (1000, 100000) for kind in kinds],
        "single": [{"model": "cmu", **kind} for kind in kinds],
    }
    lines = lift_speed.markdown(results).splitlines()
    assert lines[3] == "| `cmu` | 100,000 | 7.0 s | 5.0 s | 14,286 | 20,000 | 300 MB | 250 MB |"
    assert lines[4] == "| `cmu` | 1, from Python, without start-up | 1.00 ms | 0.50 ms | | | | |"
