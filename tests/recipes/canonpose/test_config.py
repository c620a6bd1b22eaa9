"""The configs of data sets that are not here, trained end to end on files in those data sets' own layouts."""

import pathlib

import numpy as np
import pytest
import small_runs
from samples import h36m, skipose

from tf_elepose import train
from tf_elepose.inference.lifter import Lifter
from tf_elepose.storage import files

ROOT = pathlib.Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("config", "writer", "batch", "facts", "camera_term"),
    [
        # One subject: its cameras stood still through all clips. Of ten moments of two clips, four with movement.
        ("h36m", h36m, 4, {"cameras": [0, 1, 2, 3], "rigs": 1, "training_moments": 4}, True),
        # Cameras that pan: six of them, one clip.
        ("skipose", skipose, 2, {"cameras": [0, 1, 2, 3, 4, 5], "rigs": 1, "training_moments": 2}, False),
    ],
)
def test_a_config_trains_evaluates_and_lifts(config, writer, batch, facts, camera_term, tmp_path, monkeypatch, capsys):
    data = tmp_path / "data"
    data.mkdir()
    source, _ = writer.write(data)
    small_runs.let_pass(monkeypatch)  # Two epochs of people who all stand: their depths are nothing to judge.
    status, _, err = small_runs.Command(train, monkeypatch, capsys)(
        f"--config={ROOT / 'configs' / f'canonpose_{config}.py'}",
        f"--workdir={tmp_path / 'run'}",
        f"--config.data={source}",
        "--config.lifter.width=16",
        f"--config.lifter.batch_size={batch}",
        "--config.lifter.epochs=2",
    )
    assert status == 0, err
    known = files.read_json(tmp_path / "run" / "data.json")
    assert {name: known[name] for name in facts} == facts
    figures = files.read_json(tmp_path / "run" / "metrics.json")
    assert figures["canonical_hips_std_mm"] > 0 and np.isfinite(figures["pa_mpjpe_mm"])
    (row,) = [row for row in _log(tmp_path / "run") if "reprojection" in row][-1:]
    assert ("camera" in row) == camera_term and all(np.isfinite(v) for v in row.values() if isinstance(v, float))
    lifter = Lifter(tmp_path / "run")
    poses = np.random.default_rng(0).uniform(0, 500, (3, 17, 2))
    lifted = lifter(poses, convention="h36m_17")
    assert lifted.valid.all() and lifted.canonical.shape == (3, 17, 3)


def _log(folder):
    from tf_elepose.training.metric_log import read_metric_log

    return read_metric_log(folder / "metrics.jsonl")
