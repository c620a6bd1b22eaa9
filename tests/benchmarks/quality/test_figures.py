"""Claims: figures show the rows' numbers, mark trainings with wrong depths, and have units."""

import numpy as np
import pytest

from benchmarks.quality import figures
from tf_elepose.report import pose_figures
from tf_elepose.skeleton.skeletons import H36M_17


def row(label, seed=0, **metrics):
    return {"label": label, "config": "c.py", "overrides": [], "seed": seed, "metrics": metrics}


def test_bars_are_means_with_a_whisker_and_failures_are_named():
    rows = [row("full", seed, pa_mpjpe_mm=error, n_mpjpe_mm=40.0) for seed, error in enumerate((24.0, 27.0, 30.0))]
    rows += [row("base", pa_mpjpe_mm=90.0, n_mpjpe_mm=120.0, depth_sign="mixed")]
    (axis,) = figures.bars(rows).axes
    lengths = [bar.get_width() for bar in axis.patches if bar.get_width()]
    assert lengths == [27.0, 40.0]
    assert [text.get_text().strip() for text in axis.texts] == ["27.0", "40.0", "failed"]
    (whisker,) = axis.collections  # The errors of PA-MPJPE; N-MPJPE does not vary.
    np.testing.assert_allclose(whisker.get_segments()[0][:, 0], [24.0, 30.0])
    assert "mm" in axis.get_xlabel()
    assert figures.bars(rows[3:]) is None


def test_figure_4_has_a_dot_a_training_and_a_line_through_those_that_are_right():
    errors = {4: (120.0, 130.0), 16: (40.0, 44.0), 26: (30.0, 32.0)}
    rows = [row(f"{n} bases", seed, pa_mpjpe_mm=errors[n][seed]) for seed in range(2) for n in errors]
    rows[3]["metrics"]["depth_sign"] = "mixed"  # 4 bases, seed 1.
    (axis,) = figures.bases(rows).axes
    line, right, wrong = (np.stack(drawn.get_data(), axis=1).tolist() for drawn in axis.lines)
    assert line == [[4, 120.0], [16, 42.0], [26, 31.0]]
    assert sorted(right) == [[4, 120.0], [16, 40.0], [16, 44.0], [26, 30.0], [26, 32.0]] and wrong == [[4, 130.0]]
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("PCA bases", "PA-MPJPE, mm")
    assert figures.bases([row("4 bases", failed="x")]) is None


def test_a_table_leaves_its_figure_and_takes_an_old_one_away(tmp_path):
    results = {"table": "lines", "rows": [row("ElePose", pa_mpjpe_mm=25.0, n_mpjpe_mm=34.0)]}
    figures.draw(results, tmp_path)
    drawn = tmp_path / "quality_lines.png"
    assert drawn.read_bytes().startswith(b"\x89PNG")
    figures.draw({"table": "lines", "rows": [row("ElePose", failed="x")]}, tmp_path)
    assert not drawn.exists()
    figures.draw({**results, "table": "seeds"}, tmp_path)
    assert not list(tmp_path.iterdir())


def example(seed):
    pose = np.random.default_rng(seed).normal(size=(H36M_17.num_joints, 3)) * 300.0
    return pose_figures.Example(f"pose {seed}", pose[:, :2] + 500.0, pose, pose)


def test_the_gallery_has_two_panels_a_pose_of_one_scale_each_row_of_panels():
    figure = pose_figures.pose_gallery({"best": [example(0), example(1)], "worst": [example(2), example(3)]}, H36M_17)
    assert len(figure.axes) == 8
    above, below = figure.axes[0:2] + figure.axes[4:6], figure.axes[2:4] + figure.axes[6:8]
    for panels, unit in ((above, "px"), (below, "mm")):
        assert len({(panel.get_xlim(), panel.get_ylim()) for panel in panels}) == 1
        assert unit in panels[0].get_ylabel() and unit in panels[1].get_xlabel()
    assert {panel.get_title() for panel in above} == {"pose 0", "pose 1", "pose 2", "pose 3"}
    with pytest.raises(ValueError, match="rows of equal length"):
        pose_figures.pose_gallery({"best": [example(0)], "worst": []}, H36M_17)
