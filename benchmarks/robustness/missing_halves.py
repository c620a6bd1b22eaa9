"""LInKs and ElePose on whole bodies and on halves: python -m benchmarks.robustness.missing_halves --output=DIR

Trains both for the same part of their epochs, with the command a user would type. LInKs is also measured without its
fillers, that is, completed in 2D and then lifted, which shows the gain of lifting before filling. Writes
benchmarks/results/missing_halves.json. Models that are already in DIR are not trained again.
"""

from __future__ import annotations

import pathlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from absl import flags

from benchmarks.quality import Row, folder_of, sign_is_right, train
from tf_elepose.cli import commands
from tf_elepose.storage import files

if TYPE_CHECKING:  # They bring TensorFlow.
    from tf_elepose.data.recording import Recording
    from tf_elepose.methods.links import LInKs
    from tf_elepose.methods.pose_model import PoseModel

_SHORT = ("--config.completer.epochs=15", "--config.prior.epochs=15", "--config.lifter.epochs=20")

ROWS = (
    Row("ElePose", "configs/cmu.py", _SHORT),
    Row("LInKs", "configs/links_cmu.py", (*_SHORT, "--config.filler.epochs=5")),
)

_FACTS = ("date", "hardware", "versions", "commit", "depth_sign")
"""Facts about a training that the results keep."""

HIDDEN = ("none", "legs", "torso")

COLUMNS = {"pa_mpjpe_mm": "PA-MPJPE, mm", "n_mpjpe_mm": "N-MPJPE, mm"}


def define_flags() -> None:
    flags.DEFINE_string("output", None, "Folder for the runs.", required=True)
    flags.DEFINE_string("results", "benchmarks/results", "Folder for the JSON.")


def main(argv: list[str]) -> int:
    del argv
    from tf_elepose.data.sources import load_source
    from tf_elepose.methods.links import LInKs
    from tf_elepose.training import workdir

    output, rows = pathlib.Path(flags.FLAGS.output), []
    for row in ROWS:
        folder = output / folder_of(row)
        figures = train(row, folder)
        trained = {key: figures[key] for key in _FACTS if key in figures}
        method = workdir.load_model(folder)
        test = load_source(files.read_json(folder / "config.json")["data"], method.skeleton).of_split("test")
        about = {"config": row.config, "overrides": list(row.overrides), "trained": trained}
        rows += [{"label": row.label, **about, **measured} for measured in measure(method, test)]
        if isinstance(method, LInKs):
            label, plain = f"{row.label}, completed in 2D", without_fillers(method)
            rows += [{"label": label, **about, **measured} for measured in measure(plain, test, HIDDEN[1:])]
        print(markdown(rows), flush=True)
    files.write_json(pathlib.Path(flags.FLAGS.results) / "missing_halves.json", {"missing_halves": rows})
    return 0


def without_fillers(method: LInKs) -> LInKs:
    """`method` without its fillers, which completes halves in 2D."""
    plain = type(method).restore(method.settings | {"filler_width": None})
    known = method.saved_variables()
    for name, variable in plain.saved_variables().items():
        variable.assign(np.asarray(known[name]))
    return plain


def measure(method: PoseModel, test: Recording, halves: Sequence[str] = HIDDEN) -> list[dict[str, Any]]:
    """Figures of whole poses and of poses with each half hidden, and the share of poses with mirrored halves."""
    from tf_elepose.data.missing import hide_half
    from tf_elepose.training.evaluator import evaluate_method

    measured = []
    for hidden in halves:
        evaluation = evaluate_method(method, test if hidden == "none" else hide_half(test, hidden))
        assert evaluation.true_mm is not None  # `main` loads views with 3D poses.
        summary = evaluation.summary()
        kept = {key: summary[key] for key in summary if isinstance(summary[key], (int, float))}
        for half, joints in method.skeleton.halves.items():
            places = list(method.skeleton.indices(joints))
            depths = (poses[:, places, 2] for poses in (evaluation.predicted, evaluation.true_mm))
            kept[f"{half}_mirrored_share"] = mirrored_share(*depths)
        measured.append({"hidden": hidden, "metrics": kept})
    return measured


def mirrored_share(predicted: np.ndarray, true: np.ndarray) -> float:
    """Share of poses whose depths [N, joints], relative to the root, have the opposite sign of the true ones."""
    return float(np.mean(np.sum(predicted * true, axis=1) < 0))


def markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """A Markdown table with a row for each model and hidden half."""
    headings = ["Hidden", "", *COLUMNS.values(), "PA-MPJPE, seen joints, mm", "hidden joints, mm"]
    headings += ["legs' depths mirrored, %", "torso's, %"]
    lines = ["| " + " | ".join(headings) + " |", "|---" * len(headings) + "|"]
    for hidden in HIDDEN:
        for row in rows:
            if row["hidden"] == hidden:
                lines.append("| " + " | ".join([hidden, _label(row), *_cells(row["metrics"])]) + " |")
    return "\n".join(lines)


def _label(row: Mapping[str, Any]) -> str:
    trained = row["trained"]
    return row["label"] if sign_is_right(trained) else f"{row['label']} ({trained['depth_sign']})"


def _cells(metrics: Mapping[str, Any]) -> list[str]:
    millimetres = (*COLUMNS, "pa_mpjpe_seen_mm", "pa_mpjpe_hidden_mm")
    cells = [f"{metrics[key]:.1f}" if key in metrics else "" for key in millimetres]
    return cells + [f"{100 * metrics[f'{half}_mirrored_share']:.1f}" for half in ("legs", "torso")]


if __name__ == "__main__":
    commands.run(main, define_flags)
