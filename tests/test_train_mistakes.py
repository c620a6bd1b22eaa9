"""The training command: mistakes are one line and leave nothing."""

import json
import os
import re

import numpy as np
import pytest
import small_runs

from tf_elepose.data.readers.views import write_views
from tf_elepose.data.shards.shards import write_shards
from tf_elepose.evaluation import depth_sign
from tf_elepose.methods.elepose import TERMS
from tf_elepose.skeleton.skeletons import H36M_17
from tf_elepose.storage import files
from tf_elepose.training import checkpoint
from tf_elepose.training.metric_log import read_metric_log

pytest_plugins = ("train_fixtures", "quick_completer", "outside_graphs")
pytestmark = pytest.mark.usefixtures("quick_completer")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("skeleton=h36m_18", "h36m_18"),
        ("skeleton=missing.yaml", "missing.yaml"),
        ("method=unposed", "unknown method 'unposed'; expected one of elepose"),
        ("data=video:a.mp4", "unknown source 'video:a.mp4': expected one of synthetic, views:PATH"),
        ("data=views:gone.npz", "unknown option cameras, frames, subjects, takes"),
        ("poses_2d=guessed", "guessed"),
        ("bone_prior=guess", "unknown bone_prior 'guess'; expected skeleton or estimate"),
        ("normalization.rule=image", "unknown normalisation rule 'image'; expected one of dataset, clip, pose"),
        ("normalization.distance=-1.0", "distance must be a positive number; got -1.0"),
        ("strategy=cluster", "unknown strategy 'cluster'"),
        ("strategy=multi_worker", "needs the environment variable TF_CONFIG"),
        ("normalization.distance=1.0", "distance must be over 1.0, the nearest; got 1.0"),
        ("seed=-1", "seed must be at least 0 and below 2^31 - 1; got -1"),
        ("prior.bases=35", "expected 1 to 34 bases for 34 coordinates; got 35"),
        ("prior.bases=-1", "got -1"),
        ("prior.held_out=1.0", "held_out must be at least 0 and below 1; got 1.0"),
        ("prior.blocks=0", "blocks must be at least 1; got 0"),
        ("prior.width=-8", "width must be at least 1; got -8"),
        ("prior.layers=-1", "layers must be at least 0; got -1"),
        ("prior.noise=-0.5", "noise must be at least 0; got -0.5"),
        ("prior.batch_size=33", "batch_size must be even and at least 2; got 33"),
        ("prior.batch_size=0", "batch_size must be even and at least 2; got 0"),
        ("prior.batch_size=1000", "batch_size 1000 is larger than the data: "),
        ("prior.epochs=-1.0", "epochs must be positive; got -1.0"),
        ("prior.optimizer.schedule=linear", "unknown schedule 'linear'; expected one of constant, cosine"),
        ("prior.optimizer.schedule=steps", "schedule 'steps' takes ['epochs', 'factor']"),
        ("lifter.arch=wide", "unknown lifter architecture 'wide'; expected one of code, paper"),
        ("lifter.elevation=guessed", "unknown elevation 'guessed'; expected predicted or fixed"),
        ("lifter.precision=float8", "float8"),
        ("lifter.width=0", "0"),
        ("lifter.likelihood_ceiling=-1.0", "likelihood_ceiling must be at least 0; got -1.0"),
        ("lifter.term_weights.bone=nan", "expected finite term weights"),
        ("lifter.batch_size=31", "batch_size must be even and at least 2; got 31"),
        ("lifter.batch_size=1000", "batch_size 1000 is larger than the data: 240 poses"),
        ("lifter.epochs=nan", "epochs must be positive; got nan"),
        ("lifter.optimizer.learning_rate=0.0", "learning_rate must be positive; got 0.0"),
        ("lifter.optimizer.clip_norm=-1.0", "clip_norm must not be negative; got -1.0"),
        ("lifter.optimizer.average_decay=1.0", "average_decay must be at least 0 and below 1; got 1.0"),
        ("loop.steps_per_call=0", "steps_per_call must be positive; got 0"),
        ("loop.checkpoint_every=-5", "checkpoint_every must be positive; got -5"),
        ("prior.evaluate_every=-1", "evaluate_every must not be negative; got -1"),
        ("lifter.widht=8", "widht"),
        ("lifter.width=wide", "invalid literal for int()"),
        ("lifter.width=1.5", "invalid literal for int()"),
    ],
)
def test_a_wrong_setting_is_one_line_and_leaves_no_folder(command, tmp_path, override, message):
    assert message in command.refuses("--config=small.py", "--workdir=run", f"--config.{override}")
    assert not (tmp_path / "run").exists()


def test_a_run_needs_a_folder_but_the_differences_from_the_paper_do_not(command, tmp_path):
    assert command.refuses("--config=small.py") == "--workdir: expected the folder of the run; got none"
    status, out, _ = command("--config=small.py", "--differences")
    assert status == 0 and out.startswith(
        "ElePose (CVPR 2022): differences of this config\nOn, and not in the paper:\n"
    )
    assert "seed must be" in command.refuses("--config=small.py", "--differences", "--config.seed=-1")
    assert not list(tmp_path.glob("*/"))


def test_a_missing_or_foreign_data_file(command, tmp_path):
    common = ("--config=files.py", "--workdir=run")
    assert command.refuses(*common, "--config.data=views:gone.npz") == "views file gone.npz: no such file"
    line = command.refuses(*common, "--config.data=views:small.py")
    assert line.startswith("views file small.py: not a readable .npz archive")
    assert not (tmp_path / "run").exists()


def _rewritten(recording, path, **changes):
    """A views file of `recording` with some fields changed; None leaves one out."""
    write_views(path, recording)
    arrays = {**files.read_npz(path), **changes}
    files.write_npz(path, {name: array for name, array in arrays.items() if array is not None})


def _far_away(poses):
    poses = poses.copy()
    poses[5, 2, 1] = 2e6
    return poses


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (lambda r: {"poses_2d": r.poses_2d[:, :16]}, "poses_2d: expected shape [320, 17, 2]; got [320, 16, 2]"),
        (lambda r: {"poses_2d": r.poses_2d[..., :1]}, "poses_2d: expected shape [320, 17, 2]"),
        (lambda r: {"poses_2d": r.poses_2d[:-1]}, "expected shape [319"),
        (lambda r: {"poses_2d": _far_away(r.poses_2d)}, "poses_2d: expected numbers within 1e+06 px; row 5"),
        (lambda r: {"poses_2d": np.full_like(r.poses_2d, 7.0)}, "every head lies on its root"),
        (lambda r: {"clip": None}, "missing clip"),
        (
            lambda r: {"subject": np.full(len(r), "S1"), "clip": np.full(len(r), "c"), "frame": np.arange(len(r))},
            "at least 2 training clips",
        ),
        (lambda r: {"split": np.full(len(r), "test")}, "train"),
        (lambda r: {"split": np.where(np.arange(len(r)) % 64 == 0, "train", "test")}, "larger than the data"),
        (lambda r: {"keypoints": np.array("dancer_17")}, "dancer_17"),
    ],
)  # fmt: skip
def test_wrong_data_are_one_line_and_leave_no_folder(command, tmp_path, changes, message):
    recording = small_runs.small_recording()
    _rewritten(recording, tmp_path / "views.npz", **changes(recording))
    line = command.refuses(*small_runs.on_views_arguments("run"))
    assert message in line
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("del config.lifter.arch", "missing lifter.arch"),
        ("del config.lifter", "missing lifter.arch, lifter.batch_size, "),
        ("config.lifter.widht = 8", "unknown lifter.widht"),
        ("config.subjects = 3; del config.seed", "unknown subjects; missing seed"),
        ("config.loop.evaluate_every = 40", "unknown loop.evaluate_every"),
        ("del config.prior; config.prior = 3", "unknown prior; missing prior.bases, "),
    ],
)
def test_a_config_file_has_every_setting_and_no_other(command, tmp_path, line, message):
    text = small_runs.CONFIG.replace("return config", f"config.unlock(); {line}\n    return config")
    (tmp_path / "other.py").write_text(text)
    line = command.refuses("--config=other.py", "--workdir=run")
    assert line.startswith(f"config settings: {message}")
    assert line.endswith("; tf_elepose/recipes/elepose/config.py has all there are")
    assert not (tmp_path / "run").exists()


def test_a_config_file_with_what_its_choices_do_not_take(command, tmp_path):
    """The names of these settings depend on the reader and the schedule."""
    for old, new, message in (
        ("subjects=4", "crowd=4", "unknown option crowd; options are seed, subjects"),
        ("    return", "    config.prior.optimizer.decay = 0.5\n    return", "schedule 'cosine' takes"),
        ("    return", "    del config.lifter.optimizer.clip_norm\n    return", "an optimizer lacks clip_norm"),
    ):
        text = small_runs.CONFIG.replace(old, new)
        assert text != small_runs.CONFIG
        (tmp_path / "options.py").write_text(text)
        assert message in command.refuses("--config=options.py", "--workdir=run")
        (tmp_path / "options.py").unlink()
        assert not (tmp_path / "run").exists()


def test_a_skeleton_without_legs_has_no_knees_to_train(outside_graphs, command, tmp_path):
    bare = {**H36M_17.to_dict(), "name": "bare", "legs": [], "arms": []}
    files.write_json(tmp_path / "bare.json", bare)
    arguments = ("--config=small.py", "--workdir=run", "--config.skeleton=bare.json", *small_runs.SHORT)
    line = command.refuses(*arguments)
    assert line == "skeleton 'bare' names no legs: give them, or use --config.lifter.term_weights.knees=0"
    assert not (tmp_path / "run").exists()
    arguments = (*arguments, "--config.lifter.term_weights.knees=0.0")
    status, out, err = command(*arguments)
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert "knees_forward_share" not in metrics and "elbows_forward_share" not in metrics
    # With the truth known, it alone decides.
    assert (status, metrics["depth_sign"]) in ((0, "right"), (2, depth_sign.sign_verdict(metrics))), err
    assert "the skeleton names no legs or arms" in (out if status == 0 else err)


def test_a_workdir_that_cannot_be_one(command, tmp_path):
    (tmp_path / "file").write_text("something")
    assert "file" in command.refuses("--config=small.py", "--workdir=file")
    assert "file" in command.refuses("--config=small.py", "--workdir=file/run")
    assert (tmp_path / "file").read_text() == "something"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written(command, tmp_path):
    (tmp_path / "locked").mkdir(mode=0o555)
    assert "locked" in command.refuses("--config=small.py", "--workdir=locked/run")


def test_too_large_a_learning_rate_is_an_error_and_the_good_checkpoint_stays(command, tmp_path):
    text = small_runs.CONFIG.replace(
        "    return config",
        "    options = {'learning_rate': 1e-3, 'schedule': 'exponential', 'decay': 1e12}\n"
        "    kept = {key: config.prior.optimizer[key] for key in ('weight_decay', 'clip_norm', 'average_decay')}\n"
        "    config.prior.optimizer = config_dict.create(**options, **kept)\n"
        "    return config",
    )
    (tmp_path / "rising.py").write_text(text)
    every = ("--config.loop.checkpoint_every=5", "--config.loop.steps_per_call=5")
    for _ in range(2):  # Again: from the good checkpoint into the same trouble.
        line = command.refuses("--config=rising.py", "--workdir=run", *every)
        assert re.fullmatch(r"training stopped: nll not finite in step [5-9]", line)
    steps = sorted(path.name for path in (tmp_path / "run" / "prior").iterdir())
    assert steps == ["step-000000005.npz"]
    kept = checkpoint.read_checkpoint(tmp_path / "run" / "prior" / "step-000000005.npz")
    assert all(np.all(np.isfinite(array)) for array in kept.arrays.values())
    rows = read_metric_log(tmp_path / "run" / "metrics.jsonl")
    assert [row["step"] for row in rows if row["phase"] == "prior"] == [5]
    assert not (tmp_path / "run" / "model.npz").exists()


def test_a_learning_rate_of_1e9_names_the_terms(outside_graphs, command, tmp_path):
    line = command.refuses(
        "--config=small.py", "--workdir=run", *small_runs.SHORT, "--config.lifter.optimizer.learning_rate=1e9"
    )
    terms, _, steps = line.removeprefix("training stopped: ").partition(" not finite in ")
    assert set(terms.split(", ")) <= set(TERMS)
    assert steps.startswith("step ") and not (tmp_path / "run" / "model.npz").exists()


def test_shards_are_trained_on_as_they_are(command, tmp_path, monkeypatch):
    small_runs.let_pass(monkeypatch)
    recording = small_runs.small_recording()
    write_shards([recording], tmp_path / "shards", shards=3, seed=0)
    arguments = ("--config=files.py", "--workdir=run", "--config.data=shards:shards")
    assert "no data_options, hidden_joints 0" in command.refuses(*arguments, "--config.hidden_joints=0.1")
    assert "wanted 'h36m_17_elepose'" in command.refuses(*arguments, "--config.skeleton=h36m_17_elepose")
    assert not (tmp_path / "run").exists()
    status, out, err = command(*arguments, *small_runs.SHORT)
    assert status == 0 and "PA-MPJPE" in out, err
    facts = files.read_json(tmp_path / "run" / "data.json")
    assert (facts["training_poses"], facts["source"]) == (240, "shards shards")
