"""Minutes to a PA-MPJPE of 40 mm: python -m benchmarks.speed.time_to_accuracy [--torch_python=PATH]

For this package, the time is that of the training command with few epochs, from its start to the stored model, with
reading and prior; then the model is evaluated on the whole test split. The PyTorch program has the paper's sizes and
schedule with this package's bone lengths (the literature's do not fit this data), clipping, ceiling and knee term,
without which it often ends mirrored. It ends as soon as its test poses are good enough, or after --limit_minutes; the
time for reading and evaluating does not count. The programs run one after the other, because each takes minutes. Writes
benchmarks/results/time_to_accuracy.json.
"""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from absl import flags

from benchmarks import pytorch_flag, turns
from tf_elepose.cli import commands
from tf_elepose.storage import files

GOAL_MM = 40.0

_TEST_POSES = 2000  # Test poses, evenly spread, on which the PyTorch program is evaluated.

_WRITE = """
import sys
from benchmarks.speed.time_to_accuracy import write_task
write_task(sys.argv[1], sys.argv[2])
"""


def define_flags() -> None:
    flags.DEFINE_string("data", "views:../shared/data/cmu_views.npz", "Data with 3D poses in the test split.")
    flags.DEFINE_float("prior_epochs", 12.0, "Epochs of the prior in this package's training.")
    flags.DEFINE_float("lifter_epochs", 10.0, "Epochs of the lifter in this package's training.")
    flags.DEFINE_list("overrides", [], "Further settings of the config, KEY=VALUE.")
    pytorch_flag.define()
    flags.DEFINE_string(
        "torch_options", "{}", "Options of benchmarks/pytorch/step_worker.py as JSON; {} is eager float32."
    )
    flags.DEFINE_integer("torch_prior_epochs", 100, "Epochs of PyTorch's prior: the paper's 100, or fewer.")
    flags.DEFINE_float("limit_minutes", 90.0, "PyTorch's training stops after this time.")
    flags.DEFINE_string("results", "benchmarks/results", "Folder for the JSON.")


def main(argv: list[str]) -> int:
    del argv
    from tf_elepose.cli.provenance import provenance

    options = flags.FLAGS
    pathlib.Path(options.results).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        runs = [ours(folder, options)]
        print(runs[-1], flush=True)
        if pytorch_flag.found():
            runs.append(theirs(folder, options))
            print(runs[-1], flush=True)
    made = {"goal_mm": GOAL_MM, "runs": runs, **provenance()}
    files.write_json(pathlib.Path(options.results) / "time_to_accuracy.json", made)
    return 0


def ours(folder: pathlib.Path, options: Any) -> dict[str, Any]:
    """Wall-clock seconds of the command, and the error of its model."""
    overrides = [
        f"data={options.data}", "completer.epochs=0.0", f"prior.epochs={options.prior_epochs}",
        f"lifter.epochs={options.lifter_epochs}", *options.overrides,
    ]  # fmt: skip
    command = [sys.executable, "-m", "tf_elepose.train", "--config=configs/cmu.py", f"--workdir={folder}/run"]
    began = time.perf_counter()
    done = subprocess.run(
        [*command, *(f"--config.{override}" for override in overrides)], cwd=turns.ROOT, capture_output=True, text=True
    )
    seconds = time.perf_counter() - began
    if done.returncode:
        raise ValueError(f"training ended with status {done.returncode}: {done.stderr.strip().splitlines()[-1]}")
    evaluate = [sys.executable, "-m", "tf_elepose.evaluate", f"--workdir={folder}/run", "--likelihood_views=0"]
    subprocess.run(
        [*evaluate, f"--output={folder}/metrics.json"], check=True, cwd=turns.ROOT, stdout=subprocess.DEVNULL
    )
    error = files.read_json(folder / "metrics.json")["pa_mpjpe_mm"]
    return {"program": "tf_elepose.train", "seconds": seconds, "pa_mpjpe_mm": error, "overrides": overrides[1:]}


def theirs(folder: pathlib.Path, options: Any) -> dict[str, Any]:
    """Seconds of PyTorch's training until the goal or the limit, and the final error."""
    from tf_elepose.evaluation.metrics import pa_mpjpe

    task = folder / "task.npz"
    subprocess.run([sys.executable, "-c", _WRITE, task, options.data], check=True, cwd=turns.ROOT, capture_output=True)
    truth = files.read_npz(task)["test_poses_3d"]
    limit = 60.0 * options.limit_minutes
    with turns.Worker(
        "benchmarks.pytorch.training_worker", str(task), options.torch_options, python=options.torch_python
    ) as worker:
        seconds, prior_epochs, error, curve = worker.started_s, 0, float("inf"), []
        while prior_epochs < options.torch_prior_epochs and seconds < limit:
            seconds += worker.ask("prior", epochs=1)["seconds"]
            prior_epochs += 1
            print(f"PyTorch: epoch {prior_epochs} of the prior, {seconds:.0f} s", flush=True)
        prior_seconds = seconds
        while not curve or (error > GOAL_MM and seconds < limit):
            seconds += worker.ask("lifter", epochs=1)["seconds"]
            worker.ask("lift", output=str(folder / "lifted.npy"))
            error = float(np.mean(pa_mpjpe(np.load(folder / "lifted.npy"), truth)))
            curve.append([round(seconds, 1), round(error, 2)])
            print(f"PyTorch: epoch {len(curve)} of the lifter, {seconds:.0f} s, {error:.1f} mm", flush=True)
    return {
        "program": "PyTorch, the authors' settings", "options": json.loads(options.torch_options), "seconds": seconds,
        "prior_epochs": prior_epochs, "prior_seconds": prior_seconds, "pa_mpjpe_mm": error, "reached": error <= GOAL_MM,
        "curve": curve,
    }  # fmt: skip


def write_task(path: str, data: str) -> None:
    """Writes the paper's task for `data` (see `step_task`) with test_images and test_poses_3d [N, J, 3] mm."""
    from benchmarks.speed import step_task
    from tf_elepose.data.sources import load_source
    from tf_elepose.normalization import Normalizer
    from tf_elepose.recipes.training_poses import scaled_by_clip
    from tf_elepose.skeleton.anthropometry import estimate_bone_prior
    from tf_elepose.skeleton.skeletons import H36M_17
    from tf_elepose.training.evaluator import clip_and_camera, clip_names, spread_rows

    recording = load_source(data, H36M_17)
    train, test = recording.of_split("train"), recording.of_split("test")
    normalizer = Normalizer.fit(train.poses_2d, H36M_17)
    images, _ = normalizer.apply(train.poses_2d)
    seen = train.view("gt").seen
    clips, clip_seen = scaled_by_clip(normalizer, train.poses_2d, clip_and_camera(train), seen)
    bones = estimate_bone_prior(clips, clip_names(train), H36M_17, seen=clip_seen)
    config = step_task.size_config("paper")
    arrays = step_task.task_arrays(config, normalizer, images, bones)
    rows = spread_rows(test, _TEST_POSES)
    assert test.poses_3d is not None  # They are what the accuracy is measured by.
    arrays |= {"test_images": normalizer.apply(test.poses_2d[rows])[0], "test_poses_3d": test.poses_3d[rows]}
    files.write_npz(path, arrays)


def markdown(results: Mapping[str, Any]) -> str:
    """The results as a table."""
    lines = [f"| to {results['goal_mm']:.0f} mm | minutes | PA-MPJPE then, mm |", "|---|---|---|"]
    for run in results["runs"]:
        mark = "" if run.get("reached", run["pa_mpjpe_mm"] <= results["goal_mm"]) else " (not reached)"
        epochs = f", {run['prior_epochs']} epochs of the prior" if "prior_epochs" in run else ""
        lines.append(f"| {run['program']}{epochs} | {run['seconds'] / 60:.1f}{mark} | {run['pa_mpjpe_mm']:.1f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    commands.run(main, define_flags)
